"""Whether a bracelet is on somebody's wrist, where its vitals do not say it: what it said of itself before still holds.

A device may tell `worn` with its vitals, with its status, or with both. Detectors of vital signs look at vitals alone;
of a bracelet that told with its status that it lies on a table, or hangs on its charger, they would take the 0 for a
pulse. So vitals that say nothing of it become "not worn" before a detector sees them, if that was the last word of
their device by then. A pulse is believed again once the word is `HOLDS_MS` old: who put the bracelet on again must not
be unwatched until its next status. What is stored stays as it was sent.

Each word is kept by its latest time alone, so the order in which messages come does not matter, but for words within
the very batch that holds the vitals: of these the latest counts.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.segments import Int, never
from ingest.readings import AnyReadings, Status, Vitals

#: A word against a pulse holds so long: as a sign of the early warning (our choice).
HOLDS_MS: Final = 900_000

#: When each word was last said: on no wrist, on one, on a charger, off it.
STATE: Final[np.dtype[np.void]] = np.dtype(
    [("off_ms", "<i8"), ("on_ms", "<i8"), ("charging_ms", "<i8"), ("unplugged_ms", "<i8")]
)


def initial(count: int) -> Records:
    """Devices that have said nothing of it."""
    return never(count, STATE)


def says_off(readings: Vitals | Status) -> bool:
    """Whether any of these says that its device is on no wrist: who never did needs no record."""
    off = np.count_nonzero(readings.worn == 0)
    return bool(off or (isinstance(readings, Status) and np.count_nonzero(readings.charging == 1)))


def carried(state: Records, readings: Vitals | Status) -> AnyReadings:
    """The readings, vitals with "not worn" where that is how it was; `readings.row` is in [0, k).

    `state` (k,) is the caller's own and is written.
    """
    _note(state["off_ms"], readings, readings.worn == 0)
    _note(state["on_ms"], readings, readings.worn == 1)
    if isinstance(readings, Status):
        _note(state["charging_ms"], readings, readings.charging == 1)
        _note(state["unplugged_ms"], readings, readings.charging == 0)
        return readings
    unsaid = (readings.worn == -1).nonzero()[0]
    off = unsaid[_is_off(state[readings.row[unsaid]], readings.time_ms[unsaid], readings.heart_rate_bpm[unsaid])]
    if not len(off):
        return readings
    worn = readings.worn.copy()
    worn[off] = 0
    return replace(readings, worn=worn)


def _note(latest_ms: Int, readings: Vitals | Status, said: NDArray[np.bool_]) -> None:
    at = said.nonzero()[0]
    if len(at):
        np.maximum.at(latest_ms, readings.row[at], readings.time_ms[at])


def _is_off(mine: Records, time_ms: Int, heart_rate_bpm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether (n,) a device is taken for not worn at `time_ms` (n,); being worn takes it off its charger."""
    off_ms, on_ms, charging_ms = mine["off_ms"], mine["on_ms"], mine["charging_ms"]
    lies_ms = np.where(off_ms > on_ms, off_ms, -1)
    hangs_ms = np.where((charging_ms > on_ms) & (charging_ms > mine["unplugged_ms"]), charging_ms, -1)
    result: NDArray[np.bool_] = np.zeros(len(time_ms), dtype=np.bool_)
    for said_ms in (lies_ms, hangs_ms):
        said = (said_ms >= 0) & (said_ms <= time_ms)
        result |= said & ((time_ms - said_ms <= HOLDS_MS) | ~(heart_rate_bpm > 0))
    return result
