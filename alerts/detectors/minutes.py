"""The minutes of two sources that are not over for both, added up side by side, whichever is heard first.

A minute is over for a source that has told of a later one, or is told of one `KEPT_MIN` later by the other. So what is
open lies within so many minutes after the last one that was judged, which gives each a slot of its own.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.rowwise import ascending

Int = NDArray[np.int64]

MINUTE_MS: Final = 60_000
#: So many minutes are kept until the other source has told of them too.
KEPT_MIN: Final = 8
#: A sum grows no further: room for three readings of 300 a second.
MOST: Final = np.iinfo(np.uint16).max


def until(mine: Int, other: Int) -> Int:
    """Up to which minute (n,) all is over, where the sources have told of minutes up to `mine` and `other` (n,)."""
    result: Int = np.maximum(np.minimum(mine, other) - 1, np.maximum(mine, other) - KEPT_MIN)
    return result


def add(
    tally: NDArray[np.uint16], source: int, row: NDArray[np.integer], minute: Int, values: NDArray[np.uint16]
) -> None:
    """Add `values` (n, columns) to open minutes (n,) of `tally` (k, sources, KEPT_MIN, columns)."""
    slot = minute % KEPT_MIN
    if not ascending(row):
        places, place = np.unique(row * KEPT_MIN + slot, return_inverse=True)
        sums = np.zeros((len(places), values.shape[1]), dtype=np.int64)
        np.add.at(sums, place, values)
        row, slot, values = places // KEPT_MIN, places % KEPT_MIN, np.minimum(sums, MOST).astype(np.uint16)
    # All columns of a minute as one thing: numpy copies these one by one, several times as slowly.
    mine = tally.view(np.dtype((np.void, tally.itemsize * tally.shape[3])))[:, source, :, 0]
    kept = mine[row, slot].view(np.uint16).reshape(values.shape)
    kept = np.minimum(kept, MOST - values)
    kept += values
    mine[row, slot] = kept.view(mine.dtype)[:, 0]


def cleared(tally: NDArray[np.uint16], row: NDArray[np.integer], minute: Int) -> NDArray[np.uint16]:
    """What `tally` holds of a minute (r,) of rows, each once: (r, sources, columns); its slot is cleared."""
    slot = minute % KEPT_MIN
    result: NDArray[np.uint16] = tally[row, :, slot]
    tally[row, :, slot] = 0
    return result
