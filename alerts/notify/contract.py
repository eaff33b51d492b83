"""What every channel is: says what it wants of a transition, and sends one letter at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from alerts.alarm import Transition
from alerts.calling.escalation import Recipient
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
    """A message in the outbox; `key` is the same however often it is sent, so a receiver can tell a repetition.

    `step`: by which step of escalation it calls the person at `address`; None: it calls nobody. `errand`: of which
    site's devices it tells, where it leaves together with others that do; None: it leaves by itself.
    """

    number: int
    alarm: str
    key: str
    address: str
    body: bytes
    attempts: int
    created_ms: int
    step: int | None = None
    errand: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It has reached the person's device, as the other side says."""


@dataclass(frozen=True, slots=True)
class Read:
    """The person has looked at it, as the other side says."""


@dataclass(frozen=True, slots=True)
class FailedForNow:
    """Worth trying again, not sooner than `retry_after_s` if the other side said so. `reason` holds no secret."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class FailedForGood:
    """The other side will never take this letter. `reason` holds no secret."""

    reason: str


Arrived = Sent | Delivered | Read
Result = Arrived | FailedForNow | FailedForGood


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

    Several letters are sent at once, never two of one alarm to one address.
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


class PersonChannel(Channel, Protocol):
    """A channel by which single people are called; their letters have the caregiver's identifier as address."""

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        """The letter that calls one person about an alarm, identifiers only; pure."""
        ...

    async def prove(self, recipient: Recipient, key: str) -> Result:
        """Send a message marked as a test to one person, once; `key` as of a letter."""
        ...


class Contact(Protocol):
    """Where a channel reaches a person: a number, an address, a name of that channel; '' in a group's robot."""

    @property
    def address(self) -> str: ...
    @property
    def language(self) -> str:
        """The language they read: ``zh`` or ``en``."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """What people call the place of an alarm, and whom it is about; None where that is not known.

    `time_zone` is the site's, an IANA name.
    """

    site: str
    room: str | None = None
    resident: str | None = None
    time_zone: str = "Asia/Shanghai"


class AddressBook(Protocol):
    """Numbers and names as of now, in memory: looked up when a letter is sent, and kept nowhere else."""

    def contact(self, caregiver: str, channel: str) -> Contact | None:
        """Where a person is reached by a channel; None where they are not."""
        ...

    def recipients(self) -> Sequence[Recipient]:
        """Everybody who can be reached, once for each of their channels."""
        ...

    def sites(self, recipient: Recipient) -> Sequence[str]:
        """The sites whose alarms a person answers by this channel."""
        ...

    def place(self, site: str, resident: str | None) -> Place:
        """The names of a site and of a resident; identifiers stand in for what has none."""
        ...
