"""What a late backlog says has begun waits until the backlog has ended: what is over by then rings no bell.

A device that was out of reach sends its past message by message, and the end of what is over comes some messages after
its beginning. So what began more than `LATE_MS` before it was heard of waits until its device has caught up no further
for `SETTLE_MS`, and no longer than `MOST_MS`: who is still unwell after an hour of silence is told of after some
seconds. If its end is heard meanwhile neither is told; the readings are in the record. Presses and falls never wait,
and fences, which weigh a backlog themselves (`detectors.geofence`), do not either.

A backlog is told faster than it was lived. Where what comes late comes at the pace of life, as all does where our own
clock is wrong, nothing waits longer than that takes to be seen.

What waits is saved with the detectors' state, every half minute and at a stop. A crash in between forgets it as it
forgets what the detectors learned since: what still holds is found again in what the device says next.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.detectors.segments import Int
from alerts.findings import LATCHING, Change, Condition, Finding

#: What was found in readings so old is of a backlog (our choices, as are those below).
LATE_MS: Final = 120_000
SETTLE_MS: Final = 15_000
MOST_MS: Final = 60_000
_PACE: Final = 1.2
_PACE_SEEN_MS: Final = 2_000


class Waiting(msgspec.Struct, frozen=True):
    """A finding that waits since `since_ms`, and when its device was last seen to catch up. Both as received."""

    finding: Finding
    since_ms: int
    caught_up_ms: int

    def is_due(self, now_ms: int) -> bool:
        """Whether it is to be told now; also where our clock went back."""
        return abs(now_ms - self.caught_up_ms) >= SETTLE_MS or now_ms - self.since_ms >= MOST_MS

    def heard(self, time_ms: int, now_ms: int) -> "Waiting":
        """The same after a late reading of its device."""
        waited_ms = now_ms - self.since_ms
        if time_ms - self.finding.found_ms > _PACE * waited_ms:
            return msgspec.structs.replace(self, caught_up_ms=now_ms)
        over = waited_ms >= _PACE_SEEN_MS
        return msgspec.structs.replace(self, caught_up_ms=now_ms - SETTLE_MS) if over else self


class Backlogs:
    """Findings of late backlogs, by row: few, and looked at one by one."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[Waiting]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def heard(self, rows: NDArray[np.integer], time_ms: Int, now_ms: int) -> None:
        """Readings (n,) of directory rows (n,) have come: those that wait of a device that catches up go on waiting."""
        late = now_ms - time_ms > LATE_MS
        late &= np.isin(rows, list(self._waiting))
        for row, newest_ms in sorted(zip(rows[late].tolist(), time_ms[late].tolist(), strict=True)):
            self._waiting[row] = [one.heard(newest_ms, now_ms) for one in self._waiting[row]]

    def of(self, findings: list[Finding], now_ms: int) -> list[Finding]:
        """Those to be told now; what began long ago waits, and what ends while it waits is told of no more."""
        told: list[Finding] = []
        for one in findings:
            if one.change is Change.ENDED and self._forget(one):
                continue
            if _may_be_over(one, now_ms):
                self._waiting.setdefault(one.row, []).append(Waiting(one, now_ms, now_ms))
            else:
                told.append(one)
        return told

    def due(self, now_ms: int) -> list[Finding]:
        """Those that have waited long enough; they wait no more."""
        due = [one for ones in self._waiting.values() for one in ones if one.is_due(now_ms)]
        for one in due:
            self._forget(one.finding)
        return [one.finding for one in due]

    def saved(self, begin: int, end: int) -> tuple[Waiting, ...]:
        """What waits of rows `begin` to `end` (not with it), with rows counted from `begin`."""
        return tuple(
            msgspec.structs.replace(one, finding=replace(one.finding, row=row - begin))
            for row, ones in self._waiting.items()
            for one in ones
            if begin <= row < end
        )

    def restore(self, saved: Iterable[Waiting], rows: Int) -> None:
        """Take back what was saved; `rows` (saved rows,) are where the devices are now, -1 for those that left."""
        for one in saved:
            if 0 <= one.finding.row < len(rows) and (row := int(rows[one.finding.row])) >= 0:
                moved = msgspec.structs.replace(one, finding=replace(one.finding, row=row))
                self._waiting.setdefault(row, []).append(moved)

    def _forget(self, told: Finding) -> bool:
        before = self._waiting.get(told.row, [])
        after = [one for one in before if key_of(one.finding) != key_of(told)]
        if after:
            self._waiting[told.row] = after
        else:
            self._waiting.pop(told.row, None)
        return len(after) < len(before)


def key_of(finding: Finding) -> tuple[int, str, int]:
    """What the beginning and the end of one occurrence have in common."""
    return finding.row, finding.cause, finding.onset_ms


def _may_be_over(finding: Finding, now_ms: int) -> bool:
    began = finding.change is Change.BEGAN and finding.condition not in LATCHING
    return began and finding.condition is not Condition.GEOFENCE and now_ms - finding.found_ms > LATE_MS
