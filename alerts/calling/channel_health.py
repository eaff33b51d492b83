"""When a channel no longer reaches anybody, by what became of its letters; pure.

IEC 60601-1-8 has the loss of the link to a notifier be a technical alarm.
"""

from dataclasses import dataclass
from typing import Final

from alerts.findings import Change
from alerts.notify.contract import FailedForGood, FailedForNow, Result

#: Our choices: long enough for a restart of the other side, and a few letters that are refused for good.
FAILING_MS: Final = 5 * 60_000
REFUSED_IN_A_ROW: Final = 3


@dataclass(slots=True)
class _Course:
    """Since when nothing got through, and how many were refused for good one after the other."""

    since_ms: int | None = None
    refused: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A channel failed, or gets through again; `since_ms` is when the first letter failed, `reason` of the latest."""

    channel: str
    change: Change
    since_ms: int
    reason: str = ""


class ChannelHealth:
    """What became of the letters of each channel since one last got through."""

    def __init__(self) -> None:
        self._courses: dict[str, _Course] = {}

    def resume(self, channel: str, since_ms: int) -> None:
        """A channel of which an alarm is open from before."""
        self._courses[channel] = _Course(since_ms, 0, failed=True)

    def failed(self, channel: str) -> bool:
        """Whether a channel reaches nobody now."""
        course = self._courses.get(channel)
        return course is not None and course.failed

    def note(self, channel: str, result: Result, now_ms: int) -> Turn | None:
        """Take what became of one letter; a turn where the channel fails from now on, or does so no more."""
        course = self._courses.setdefault(channel, _Course())
        if not isinstance(result, FailedForNow | FailedForGood):
            self._courses[channel] = _Course()
            return Turn(channel, Change.ENDED, course.since_ms or now_ms) if course.failed else None
        since_ms = course.since_ms = now_ms if course.since_ms is None else course.since_ms
        course.refused = course.refused + 1 if isinstance(result, FailedForGood) else 0
        if course.failed or (now_ms - since_ms < FAILING_MS and course.refused < REFUSED_IN_A_ROW):
            return None
        course.failed = True
        return Turn(channel, Change.BEGAN, since_ms, result.reason)
