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

#: This much of the time must lie between a mat's own words, so that a lost packet adds nothing to a flicker.
_SEEN: Final = 0.6
#: A mat that speaks less often than this feels turning over at one word and not at the next. So one word is believed
#: only of a mat that is steady itself, which is one that has said nothing for one word alone for so long: two nights,
#: in which one that tells of single moments does so eight times (our guess).
SLOW_MS: Final = 3_300
STEADY_MS: Final = 48 * 3_600_000
#: A mat that falls silent is believed after so long, and so many of its periods, by the clock that received it.
SILENT_MS: Final = 10_000
_SILENT_PERIODS: Final = 2.5
#: One that repeats nothing within this speaks of changes only: its word holds after what is waited for, and what a
#: link may hold the next one up.
CHANGES_MS: Final = 30_000
LINK_MS: Final = 1_000
#: The period of a mat is the shortest of so many gaps between equal words: a lost packet makes a gap longer, never
#: shorter.
_GAPS: Final = 3
_UNKNOWN: Final = np.int32(np.iinfo(np.int32).max)
_LONG_MS: Final = np.int64(1) << 40

STATE: Final = (
    ("last_ms", "<i8"),
    #: The unbroken run of equal words: what it says, since when, and the last other word before it.
    ("present", "i1"),
    ("since_ms", "<i8"),
    ("since_received_ms", "<i8"),
    ("other_ms", "<i8"),
    #: The latest gaps between equal words and the shortest of three; the last time a word stood alone.
    ("gap_ms", "<i4", (_GAPS - 1,)),
    ("period_ms", "<i4"),
    ("lone_ms", "<i8"),
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
    state["gap_ms"] = state["period_ms"] = _UNKNOWN
    state["lone_ms"] = NEVER
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
    which lies between its own words (a slow mat that is steady itself is believed at one); back in bed likewise, after
    `return_ms` (n,), where every slow mat, and every mat's first word, is believed at one.
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

    period_ms = _periods(state, segments, present, time_ms)
    lone_ms = _last_alone(state, segments, present, time_ms, since_ms)
    slow = (period_ms > SLOW_MS) & (period_ms != _UNKNOWN)
    steady = slow & (time_ms - lone_ms >= STEADY_MS)

    new = other_ms == NEVER
    held_ms = np.where(new, _LONG_MS, time_ms - other_ms)
    seen_ms = time_ms - since_ms
    left = ~present & (held_ms >= leave_ms) & (steady | (seen_ms >= _SEEN * leave_ms))
    back = present & (held_ms >= return_ms) & (new | slow | (seen_ms >= _SEEN * return_ms))
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
        ("left_received_ms", received.onset_ms), ("in_ms", in_ms), ("stay_ms", stay_ms), ("lone_ms", lone_ms),
    ):  # fmt: skip
        state[field][rows] = values[last]
    return Occupancy(segments, out, in_ms, stay_ms)


def _periods(state: Records, segments: Segments, present: Flag, time_ms: Int) -> Int:
    """How often the mat speaks that said each word (n,); writes what is known of it to `state`."""
    equal = np.flatnonzero(present == segments.before(present.astype(np.int8), state["present"]))
    before_ms = segments.before(time_ms, state["last_ms"])
    repeats = Segments.of(segments.group[equal])
    gap_ms = np.minimum(time_ms[equal] - before_ms[equal], _UNKNOWN)
    earlier = repeats.before(gap_ms, state["gap_ms"][:, 0].astype(np.int64))
    earliest = repeats.before(earlier, state["gap_ms"][:, 1].astype(np.int64))
    shortest = np.minimum(np.minimum(gap_ms, earlier), earliest)
    told = np.zeros(len(time_ms), dtype=np.int64)
    told[equal] = shortest
    marked = np.zeros(len(time_ms), dtype=np.bool_)
    marked[equal] = True
    latest = segments.latest(marked)
    period_ms = np.where(latest >= 0, told[latest], state["period_ms"][segments.group])
    last = repeats.last
    rows = repeats.group[last]
    state["gap_ms"][rows, 0], state["gap_ms"][rows, 1] = gap_ms[last], earlier[last]
    state["period_ms"][rows] = shortest[last]
    return period_ms


def _last_alone(state: Records, segments: Segments, present: Flag, time_ms: Int, since_ms: Int) -> Int:
    """When (n,) a mat last said "absent" for one word alone, or spoke for the first time."""
    was_present = segments.before(present.astype(np.int8), state["present"])
    alone = segments.before(since_ms, state["since_ms"]) == segments.before(time_ms, state["last_ms"])
    lone = (was_present < 0) | (present & (was_present == 0) & alone)
    latest = segments.latest(lone)
    return np.where(latest >= 0, time_ms[latest], state["lone_ms"][segments.group])


def fallen_silent(state: Records, now_ms: int, leave_ms: Int, return_ms: Int, short_ms: Int) -> Flag:
    """Let silence confirm the last word of mats (k,), which is written to `state`; which of them it took out of bed.

    A mat that said "absent" and nothing more has said it for good, and one that speaks only of changes means it.
    """
    said_ms, period_ms = state["since_received_ms"], state["period_ms"].astype(np.int64)
    changes = np.where(state["present"] == 1, return_ms, leave_ms) + LINK_MS
    periodic = np.maximum(SILENT_MS, _SILENT_PERIODS * period_ms)
    patience_ms = np.where(period_ms > CHANGES_MS, changes, periodic)
    silent = (said_ms != NEVER) & (now_ms - said_ms >= patience_ms)
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
