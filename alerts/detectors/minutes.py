"""The last minutes of two sources, added up side by side, whichever of them is heard first."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records

Int = NDArray[np.int64]

MINUTE_MS: Final = 60_000
#: So many minutes are kept until the other source has told of them too.
KEPT_MIN: Final = 8
_SUMS: Final = ("sum", "count", "there")


def slot_of(minute: Int) -> Int:
    """Where (n,) a minute is kept."""
    result: Int = minute % KEPT_MIN
    return result


def add(
    state: Records,
    source: int,
    total: str,
    count: str | None,
    column: int,
    row: NDArray[np.integer],
    time_ms: Int,
    value: Int,
) -> None:
    """Add values (n,) to `total`, and how many to `count`, of their minutes; `state` is written.

    Minutes that were judged already, or that lie `KEPT_MIN` behind the latest of their source, are over.
    """
    if not len(row):
        return
    minute = time_ms // MINUTE_MS
    latest = state["minute"][:, source].max(axis=1).astype(np.int64)
    np.maximum.at(latest, row, minute)
    kept = (minute > state["judged"][row]) & (minute > latest[row] - KEPT_MIN)
    row, minute, value = row[kept], minute[kept], value[kept]
    slot = slot_of(minute)
    # Minutes of one row that are kept lie in slots of their own.
    old = state["minute"][row, source, slot] != minute
    for field in _SUMS:
        state[field][row[old], source, slot[old]] = 0
    state["minute"][row, source, slot] = minute
    np.add.at(state[total][:, source, :, column], (row, slot), value)
    if count is not None:
        np.add.at(state[count][:, source, :, column], (row, slot), 1)
