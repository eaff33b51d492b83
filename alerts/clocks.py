"""Which device's clock is wrong, and what time it should have said; a wrong clock told from a late backlog.

Detectors take what is not later than what they have seen for a backlog, and leave it alone. A device whose clock is
set back would be left alone until the clock caught up. So each device has a correction, 0 while its clock is right,
which is added to the time of its readings before a detector sees them. What is stored, and the urgent kinds, keep
the time the device said.

- A backlog comes faster than it was measured, or ends with readings that are new. Readings older than those
  before, which for `CONFIRM_MS` come as fast as time passes, and nothing new among them, are those of a clock that was
  set back: from then on they are taken for what they are, new.
- So are readings that are each new, but all of them more than `SLOW_MS` old: a clock that was slow from the first. A
  device that was in time before is left alone: it may be our own clock that went ahead.
- No backlog is from the future: a clock that jumps ahead is corrected at once. Where the readings before were as far
  ahead it was our own clock that went back, and nothing is changed.
- A reading that is near the moment of its receipt and new without the correction ends the correction.
- What was seen last may lie in the future, where our own clock went back under devices that have none: once such
  readings have kept the pace, they go on from what was seen last.

Our own numbers. Readings of one device and one moment of receipt are judged by the newest of them; a stream cut
between such moments gives the same.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.rowwise import put
from alerts.detectors.segments import NEVER, Index, Int
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import URGENT, Kind
from ingest.readings import AnyReadings

#: So long must readings that seem old come at the pace of time before they are taken for new: a minute (our choice: a
#: backlog that drains at a sixth more than the pace of time is told from a clock, and nobody is unwatched for longer).
CONFIRM_MS: Final = 60_000
#: And so many of them.
CONFIRM_READINGS: Final = 3
#: The pace may be off by so much over that time (what links delay).
PACE_MS: Final = 10_000
#: What is received so soon after its own time, or before it, is live; a clock no further from right is let be.
LIVE_MS: Final = 60_000
#: New readings so old are of a backlog, or of a clock that is slow (our choice: as late as what fences wait with).
SLOW_MS: Final = 300_000

#: The kinds with a place in `latest_ms`; urgent ones are believed whatever their clock says.
TELEMETRY: Final = tuple(kind for kind in Kind if kind not in URGENT)
_PLACE: Final = {kind: place for place, kind in enumerate(TELEMETRY)}

STATE: Final[np.dtype[np.void]] = np.dtype(
    [
        ("latest_ms", "<i8", (len(TELEMETRY),)),  # by kind, corrected
        ("shift_ms", "<i8"),  # the correction
        ("since_ms", "<i8"),  # the suspicion of another clock: when received first,
        ("lag_ms", "<i8"),  # how old its first reading was,
        ("least_ms", "<i8"),  # and the least old one,
        ("held_ms", "<i8"),  # when one that kept the pace was received last,
        ("count", "<i8"),  # and how many did; 0: no suspicion
        ("live", "?"),  # it was heard in time, once
        ("told_ms", "<i8"),  # since when operators know that the clock is wrong; NEVER: they know of nothing
    ]
)


def initial(count: int) -> Records:
    """Devices (count,) that have said nothing yet."""
    state = np.zeros(count, dtype=STATE)
    state["latest_ms"] = state["told_ms"] = NEVER
    return state


def correct(state: Records, readings: AnyReadings) -> tuple[AnyReadings, list[Finding]]:
    """Readings of the rows of `state` (k,) with their right time, and whose clock is found wrong.

    `readings.row` is in [0, k). `state` is the caller's own and is written; the readings are left as they are.
    """
    place = _PLACE[readings.KIND]
    row, time_ms, received_ms = readings.row, readings.time_ms, readings.received_ms
    latest_ms = state["latest_ms"][:, place]
    strange = time_ms <= latest_ms[row]
    strange |= time_ms - received_ms > LIVE_MS
    strange |= received_ms - time_ms > SLOW_MS
    if (received_ms != received_ms[:1]).any():
        strange[:] = True  # several moments in one batch: one after another
    suspect = (state["shift_ms"] | state["count"]) != 0
    if not (strange.any() or suspect.any()):
        np.maximum.at(latest_ms, row, time_ms)
        state["live"] = True
        return readings, []

    suspect[row[strange]] = True
    plain = ~suspect[row]
    np.maximum.at(latest_ms, row[plain], time_ms[plain])
    state["live"][row[plain]] = True
    chosen = np.flatnonzero(~plain)
    chosen = chosen[np.lexsort((time_ms[chosen], received_ms[chosen], row[chosen]))]
    moment, newest, turn = _moments(row[chosen], received_ms[chosen])
    newest = chosen[newest]
    shift_ms = np.zeros(len(newest), dtype=np.int64)
    findings: list[Finding] = []
    # Once for each moment in which one device was heard; a batch of the service has one.
    for number in range(int(turn.max(initial=-1)) + 1):
        now = turn == number
        at = newest[now]
        shift_ms[now], found = _follow(state, place, row[at], time_ms[at], received_ms[at])
        findings += found
    if not shift_ms.any():
        return readings, findings
    right_ms = time_ms.copy()
    right_ms[chosen] += shift_ms[moment]
    return replace(readings, time_ms=right_ms), findings


def _moments(row: NDArray[np.integer], received_ms: Int) -> tuple[Index, Index, Index]:
    """Of readings (n,) sorted by row, receipt and time: the number (n,) of each one's moment, where the newest of
    each moment (m,) stands, and how many moments (m,) of the same row came before it."""
    same_row = row[1:] == row[:-1]
    first, last = np.ones((2, len(row)), dtype=np.bool_)
    first[1:] = ~same_row | (received_ms[1:] != received_ms[:-1])
    last[:-1] = first[1:]
    # The numbers of the rows' first moments, carried on to those that follow.
    number = np.cumsum(first) - 1
    begins = number.copy()
    begins[1:][same_row] = 0
    return number, np.flatnonzero(last), (number - np.maximum.accumulate(begins))[last]


def _follow(
    state: Records, place: int, rows: NDArray[np.integer], time_ms: Int, received_ms: Int
) -> tuple[Int, list[Finding]]:
    """Take the newest reading of one moment of different rows (m,) in: the correction (m,) of each, and what to tell.

    `state` is the caller's own and is written.
    """
    mine = state.take(rows)
    lag_ms = received_ms - time_ms
    seen_ms = mine["latest_ms"].max(axis=1)
    shift_ms = mine["shift_ms"]

    # As those that are not looked at closer.
    in_time = (time_ms > mine["latest_ms"][:, place]) & (lag_ms >= -LIVE_MS) & (lag_ms <= SLOW_MS)
    # Half, so that a clock just at the limit is not corrected now and then.
    live = (lag_ms >= -LIVE_MS // 2) & (lag_ms <= LIVE_MS)
    shift_ms[live & (time_ms > seen_ms)] = 0
    # Had we gone back ourselves, what was seen before would lie as far ahead.
    ahead = (time_ms + shift_ms > received_ms + LIVE_MS) & (seen_ms <= received_ms + LIVE_MS)
    # Ahead by itself, or by a correction that was another clock's.
    shift_ms[ahead] = np.where(lag_ms < -LIVE_MS, lag_ms, 0)[ahead]

    right_ms = time_ms + shift_ms
    newer = right_ms > seen_ms
    slow = newer & (received_ms - right_ms > SLOW_MS) & ~mine["live"]
    mine["count"][newer & ~slow] = 0
    old = slow | (right_ms <= mine["latest_ms"][:, place])
    suspect = old & (mine["count"] > 0)
    paused = (received_ms - mine["held_ms"] > CONFIRM_MS) | (received_ms < mine["held_ms"])
    less, more = lag_ms < mine["lag_ms"] - PACE_MS, lag_ms > mine["lag_ms"] + PACE_MS
    anew = old & (~suspect | less | (more & paused))
    mine["since_ms"][anew] = received_ms[anew]
    mine["lag_ms"][anew] = mine["least_ms"][anew] = lag_ms[anew]
    mine["count"][anew] = 0
    kept = anew | (suspect & ~less & ~more)
    mine["held_ms"][kept] = received_ms[kept]
    mine["least_ms"][kept] = np.minimum(mine["least_ms"], lag_ms)[kept]
    mine["count"] += kept
    certain = kept & (mine["count"] >= CONFIRM_READINGS) & (received_ms - mine["since_ms"] >= CONFIRM_MS)
    shift_ms[certain] = np.maximum(mine["least_ms"], seen_ms + 1 - time_ms)[certain]
    mine["count"][certain] = 0
    mine["live"] |= in_time

    latest_ms = mine["latest_ms"][:, place]
    np.maximum(latest_ms, time_ms + shift_ms, out=latest_ms)
    findings = _told(mine, rows, lag_ms, received_ms)
    put(state, rows, mine)
    return shift_ms, findings


def _told(state: Records, rows: NDArray[np.integer], lag_ms: Int, received_ms: Int) -> list[Finding]:
    """What operators are to know of corrections (m,) that came, and of those that went; `state` is written."""
    told = state["told_ms"] != NEVER
    # By what is received now: a device that is right needs a correction where our own clock went back.
    began = ~told & (state["shift_ms"] != 0) & (np.abs(lag_ms) >= LIVE_MS)
    ended = told & (np.abs(state["shift_ms"]) < LIVE_MS)
    onset_ms = np.where(began, received_ms, state["told_ms"])
    state["told_ms"] = np.where(ended, NEVER, onset_ms)
    return [
        Finding(
            row=int(rows[i]),
            condition=Condition.DEVICE,
            cause="clock_wrong",
            change=Change.BEGAN if began[i] else Change.ENDED,
            priority=Priority.LOW,
            onset_ms=int(onset_ms[i]),
            found_ms=int(received_ms[i]),
            evidence=(("behind_s" if lag_ms[i] >= 0 else "ahead_s", abs(int(lag_ms[i])) / 1000.0),),
        )
        for i in np.flatnonzero(began | ended)
    ]
