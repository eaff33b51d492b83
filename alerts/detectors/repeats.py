"""Which events were heard before: an event that must not be missed is left out only where it is an exact repeat.

Time alone cannot tell: a device whose clock was set back says of something new what seems old.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.rowwise import ascending
from alerts.detectors.segments import NEVER, Flag, Int, Segments

#: So many events a device are remembered; of what comes again after so many others the journal knows the occurrence.
REMEMBERED: Final = 8
#: A field of the state: the names of the latest events, the latest last; NEVER where there was none.
FIELD: Final = ("heard", "<i8", (REMEMBERED,))

# Odd numbers without a pattern: a name of 64 bits, equal by chance once in 10^19.
_BY_SEQ: Final = np.int64(-7046029254386353131)
_BY_CODE: Final = np.int64(-4417276706812531889)


def news(state: Records, row: NDArray[np.integer], time_ms: Int, seq: Int, code: NDArray[Any]) -> Flag:
    """Which events (n,), sorted by row, are no exact repeats (time, number and meaning) of one before; they are
    remembered in `state`, which is the caller's own and is written."""
    name = time_ms + seq * _BY_SEQ + code.astype(np.int64) * _BY_CODE
    result: Flag = (state["heard"][row] != name[:, np.newaxis]).all(axis=1)
    if not ascending(row):  # several of one device; sorting takes longer than all the rest, and a press waits for it
        _, first = np.unique(np.stack([row.astype(np.int64), name]), axis=1, return_index=True)
        once = np.zeros(len(row), dtype=np.bool_)
        once[first] = True
        result &= once
    _remember(state, row[result], name[result])
    return result


def still_open(segments: Segments, begins: Flag, cancels: Flag, time_ms: Int, open_ms: Int) -> tuple[Int, Flag]:
    """The time (n,) of the event that was open before each of these, sorted by row and time, NEVER where none was;
    and which of them call it off. `open_ms` (n,) is of the one open before the batch."""
    earlier = segments.latest_before(begins)
    # Older than what is open: the end of an earlier one that comes late.
    ends = cancels & ~((earlier < 0) & (time_ms < open_ms))
    before_ms = np.where(earlier >= 0, time_ms[earlier], open_ms)
    before_ms = np.where(segments.latest_before(ends) > earlier, NEVER, before_ms)
    return before_ms, ends & (before_ms != NEVER)


def _remember(state: Records, row: NDArray[np.integer], name: Int) -> None:
    if not len(row):
        return
    segments = Segments.of(row)
    rows, ends = row[segments.last], segments.last
    begins = segments.start[ends]
    kept = np.concatenate([state["heard"][rows].reshape(-1), name])
    # The latest so many of what was remembered, followed by what is new.
    place = np.arange(-REMEMBERED, 0) + (ends - begins + 1)[:, np.newaxis]
    before = REMEMBERED * np.arange(len(rows))[:, np.newaxis] + REMEMBERED + place
    fresh = REMEMBERED * len(rows) + begins[:, np.newaxis] + place
    state["heard"][rows] = kept[np.where(place < 0, before, fresh)]
