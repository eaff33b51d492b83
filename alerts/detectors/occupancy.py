"""Whether somebody is in a bed, told from the words of its mat so that a flicker is neither a leaving nor a return."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.segments import NEVER, Index, Segments, Switch, in_order, switch
from ingest.readings import Bed

Int = NDArray[np.int64]
Flag = NDArray[np.bool_]

#: A mat that speaks less often than this is believed at one word, for the next would come too late.
SLOW_MS: Final = 3_300
#: And this much of the time must lie between its own words, so that a lost packet adds nothing to a flicker.
_SEEN: Final = 0.6
#: A mat that speaks more often and then falls silent is believed after so long, by the clock that received it.
SILENT_MS: Final = 10_000
#: The period of a mat is the shortest of so many gaps between words: a lost packet makes a gap longer, never shorter.
_GAPS: Final = 3
_UNKNOWN_GAP: Final = np.int64(1) << 40

STATE: Final = (
    ("last_ms", "<i8"),
    #: The unbroken run of equal words: what it says, since when, and the last other word before it.
    ("present", "i1"),
    ("since_ms", "<i8"),
    ("since_received_ms", "<i8"),
    ("other_ms", "<i8"),
    ("gap_ms", "<i8", (_GAPS - 1,)),
    #: Out of the bed, since when; `left_ms` is NEVER of a bed that nobody was seen in.
    ("out", "?"),
    ("left_ms", "<i8"),
    ("left_received_ms", "<i8"),
    #: Since when in bed, and since when but for short absences.
    ("in_ms", "<i8"),
    ("stay_ms", "<i8"),
)


def words(bed: Bed, last_ms: Int) -> Index:
    """Positions of the mats' own words later than `last_ms` (k,) of their row, sorted by row and time.

    Rates out of raw signals say nothing of presence and come between them.
    """
    index = np.flatnonzero(bed.present >= 0)
    return index[in_order(bed.row[index], bed.time_ms[index], last_ms)]


def initial(count: int, dtype: np.dtype[np.void]) -> Records:
    """Beds of which nothing is known: empty, but not left; `dtype` holds the fields of STATE and may hold others."""
    state = np.zeros(count, dtype=dtype)
    for field in ("last_ms", "since_ms", "since_received_ms", "other_ms", "left_ms", "left_received_ms"):
        state[field] = NEVER
    state["in_ms"] = state["stay_ms"] = NEVER
    state["present"] = -1
    state["gap_ms"] = _UNKNOWN_GAP
    state["out"] = True
    return state


@dataclass(frozen=True, slots=True)
class Occupancy:
    """After each word (n,): out of bed or not and what began and ended (`out`), by the words' own time.

    `out.onset_ms` is NEVER where the bed was never left. `in_ms`: since when in bed. `stay_ms`: the same, but for
    absences that were short.
    """

    segments: Segments
    out: Switch
    in_ms: Int
    stay_ms: Int


def follow(
    state: Records,
    row: NDArray[np.int32],
    time_ms: Int,
    received_ms: Int,
    present: Flag,
    *,
    leave_ms: Int,
    return_ms: Int,
    short_ms: Int,
) -> Occupancy:
    """Take words (n,), sorted by row and time and all news, and write `state` (k,), which is ours.

    Out of bed is whose mat has said nothing else for `leave_ms` (n,), from its last word to the contrary on, most of
    which lies between its own words (a slow mat is believed at one); back in bed likewise, after `return_ms` (n,).
    """
    segments = Segments.of(row)
    first = segments.first
    changed = first | (present != np.roll(present, 1))
    begin = segments.latest(changed)
    goes_on = (begin == segments.start) & (state["present"][row] == present)
    since_ms = np.where(goes_on, state["since_ms"][row], time_ms[begin])
    since_received_ms = np.where(goes_on, state["since_received_ms"][row], received_ms[begin])
    before_run = np.where(begin == segments.start, state["last_ms"][row], np.roll(time_ms, 1)[begin])
    other_ms = np.where(goes_on, state["other_ms"][row], before_run)

    gap_ms = time_ms - np.where(first, state["last_ms"][row], np.roll(time_ms, 1))
    gap_ms = np.where(first & (state["last_ms"][row] == NEVER), _UNKNOWN_GAP, gap_ms)
    earlier = _shifted(segments, gap_ms, state["gap_ms"][row, 0])
    earliest = _shifted(segments, earlier, state["gap_ms"][row, 1])
    slow = np.minimum(np.minimum(gap_ms, earlier), earliest) > SLOW_MS

    held_ms = np.where(other_ms == NEVER, _UNKNOWN_GAP, time_ms - other_ms)
    seen_ms = np.where(slow, held_ms, time_ms - since_ms)
    left = ~present & (held_ms >= leave_ms) & (seen_ms >= _SEEN * leave_ms)
    back = present & (held_ms >= return_ms) & (seen_ms >= _SEEN * return_ms)
    was_out = state["out"]
    # Onsets are those of leaving, so only a leaving sets one.
    out = switch(segments, left, back, since_ms, was_out, state["left_ms"])
    received = switch(segments, left, back, since_received_ms, was_out, state["left_received_ms"])

    returned = segments.latest(out.ended)
    in_ms = np.where(returned >= 0, since_ms[returned], state["in_ms"][row])
    anew = out.ended & ((out.onset_ms == NEVER) | (since_ms - out.onset_ms >= short_ms))
    settled = segments.latest(anew)
    stay_ms = np.where(settled >= 0, since_ms[settled], state["stay_ms"][row])

    last = segments.last
    rows = row[last]
    for field, values in (
        ("last_ms", time_ms), ("present", present), ("since_ms", since_ms), ("since_received_ms", since_received_ms),
        ("other_ms", other_ms), ("out", out.active), ("left_ms", out.onset_ms),
        ("left_received_ms", received.onset_ms), ("in_ms", in_ms), ("stay_ms", stay_ms),
    ):  # fmt: skip
        state[field][rows] = values[last]
    state["gap_ms"][rows, 0] = gap_ms[last]
    state["gap_ms"][rows, 1] = earlier[last]
    return Occupancy(segments, out, in_ms, stay_ms)


def _shifted(segments: Segments, values: Int, carried: Int) -> Int:
    """The value before each (n,) in its segment; before the first stands what was carried (n,)."""
    return np.where(segments.first, carried, np.roll(values, 1))


def fallen_silent(state: Records, now_ms: int, short_ms: Int) -> Flag:
    """Let silence confirm the last word of mats (k,), which is written to `state`; which of them it took out of bed.

    A mat that said "absent" and nothing more has said it for good, and one that speaks only of changes means it.
    """
    silent = (state["since_received_ms"] != NEVER) & (now_ms - state["since_received_ms"] >= SILENT_MS)
    left: Flag = silent & (state["present"] == 0) & ~state["out"]
    back = silent & (state["present"] == 1) & state["out"]
    if left.any():
        state["out"][left] = True
        state["left_ms"][left] = state["since_ms"][left]
        state["left_received_ms"][left] = state["since_received_ms"][left]
    if back.any():
        since_ms, left_ms = state["since_ms"][back], state["left_ms"][back]
        anew = (left_ms == NEVER) | (since_ms - left_ms >= short_ms[back])
        state["out"][back] = False
        state["in_ms"][back] = since_ms
        state["stay_ms"][back] = np.where(anew, since_ms, state["stay_ms"][back])
    return left
