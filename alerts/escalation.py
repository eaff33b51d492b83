"""Who is told next of an alarm, and when; pure."""

from dataclasses import dataclass
from typing import Literal, Protocol

from alerts.alarm import Alarm


@dataclass(frozen=True, slots=True)
class Recipient:
    """A caregiver and the channel by which they are told; both identifiers."""

    caregiver: str
    channel: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that would have reached nobody, and why."""

    step: int
    reason: Literal["nobody_on_duty", "no_channel"]


@dataclass(frozen=True, slots=True)
class Call:
    """What one step does: which step was begun, whom it tells, and when the next one is due (None: never)."""

    step: int
    to: tuple[Recipient, ...]
    next_ms: int | None
    skipped: tuple[Skipped, ...] = ()


class Caller(Protocol):
    """Decides who is called, from a snapshot of the rota."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        """The given step of an alarm, or the next one after it that reaches somebody."""
        ...
