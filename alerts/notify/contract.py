"""What every channel is: says what it wants of a transition, and sends one letter at a time."""

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from alerts.alarm import Transition
from alerts.notify.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to send: where to within the channel ('' if it has one place only) and the bytes.

    `moot_once_taken`: it calls for somebody, so it is not sent any more once a person has taken the alarm.
    """

    address: str
    body: bytes
    moot_once_taken: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the outbox; `key` is the same however often it is sent, so a receiver can tell a repetition."""

    number: int
    alarm: str
    key: str
    address: str
    body: bytes
    attempts: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has it."""


@dataclass(frozen=True, slots=True)
class FailedForNow:
    """Worth trying again, not sooner than `retry_after_s` if the other side said so. `reason` holds no secret."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class FailedForGood:
    """The other side will never take this letter. `reason` holds no secret."""

    reason: str


Result = Sent | FailedForNow | FailedForGood


class Subscriber(Protocol):
    """The part of a channel the journal knows."""

    @property
    def name(self) -> str:
        """Unique and stable: letters wait under it through a restart."""
        ...

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """What to send of a transition, often nothing; pure."""
        ...


class Channel(Subscriber, Protocol):
    """One way to reach people or machines; an async context manager that holds its connections.

    Several letters are sent at once, never two of one alarm.
    """

    async def __aenter__(self) -> Self:
        """Make ready; what cannot be reached is tried again later, not an error."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of connections."""
        ...

    @property
    def time_limit_s(self) -> float:
        """How long one `send` may take."""
        ...

    @property
    def backoff(self) -> Backoff:
        """How long to wait after a failure."""
        ...

    async def send(self, letter: Letter) -> Result:
        """Send one letter; an expected failure is a result, not an exception."""
        ...
