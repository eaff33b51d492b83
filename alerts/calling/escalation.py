"""Who is told next of an alarm, and when: steps, the plans where nobody made one, and how a step is written; pure.

A step is written ``nurse``, ``family + committee`` (at the same time), ``family in order`` (one after the other),
``team:watch + caregiver:C-li``, and may end in ``wait 60 300 1800``: the seconds until the next step for an alarm of
high, medium and low priority. A plan is steps with ``|`` between them.

A high alarm goes on after 60 s: an answer within 60 s is what telecare services are held to for 97.5 % of calls (TSA).
In a district, family, station, committee and neighbours ring at the same time when somebody presses at home.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, get_args

from alerts.alarm import Alarm
from alerts.calling.people import Care, Role
from alerts.findings import Condition, Priority

#: What a plan is for: alarms of a priority, or those of the devices themselves.
Kind = Literal["high", "medium", "low", "technical"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_WAIT_MOST_S: Final = 86_400
_STEP: Final = re.compile(r"(?P<to>.+?)(?P<order>\s+in\s+order)?(?:\s+wait\s+(?P<waits>[^a-z]+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A caregiver and the channel by which they are told; both identifiers."""

    caregiver: str
    channel: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that would have reached nobody, why, and whom it calls, as it is written in a plan."""

    step: int
    reason: Literal["nobody_on_duty", "no_channel"]
    whom: str = ""


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


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a step waits for somebody to take an alarm, by its priority."""

    high_s: int = 60
    medium_s: int = 300
    low_s: int = 1800

    def of_ms(self, priority: Priority) -> int:
        """The wait of a priority in milliseconds."""
        match priority:
            case Priority.HIGH:
                return self.high_s * 1000
            case Priority.MEDIUM:
                return self.medium_s * 1000
            case Priority.LOW:
                return self.low_s * 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step calls: those of a role who are on duty, those of a team, or one caregiver."""

    kind: Literal["role", "team", "caregiver"]
    name: str

    def __str__(self) -> str:
        """As it is written."""
        return self.name if self.kind == "role" else f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to call, all at the same time or `in_order`, and how long to wait after each call."""

    to: tuple[Target, ...]
    in_order: bool = False
    waits: Waits = Waits()

    @property
    def whom(self) -> str:
        """Whom it calls, as it is written."""
        return " + ".join(map(str, self.to)) + (" in order" if self.in_order else "")

    def __str__(self) -> str:
        """As `step_of` reads it."""
        waits = (self.waits.high_s, self.waits.medium_s, self.waits.low_s)
        return self.whom if self.waits == Waits() else f"{self.whom} wait {' '.join(map(str, waits))}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for some kinds of alarms of a site, or of one resident in place of the site's.

    After the last step's wait it begins anew. A plan of neither is one of those where nobody made one.
    """

    plan: str
    steps: tuple[Step, ...]
    kinds: tuple[Kind, ...] = ("high", "medium")
    site: str | None = None
    resident: str | None = None


def kind_of(alarm: Alarm) -> Kind:
    """What kind of plan an alarm follows."""
    if alarm.condition is Condition.DEVICE:
        return "technical"
    match alarm.priority:
        case Priority.HIGH:
            return "high"
        case Priority.MEDIUM:
            return "medium"
        case Priority.LOW:
            return "low"


def step_of(text: str) -> Step:
    """A step as it is written; ValueError says what is wrong."""
    match = _STEP.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f'must be a step such as "nurse", "family in order" or "nurse wait 60 300 1800" (got "{text}")'
        )
    targets = tuple(dict.fromkeys(map(_target_of, match["to"].split("+"))))
    return Step(targets, match["order"] is not None, _waits_of(match["waits"]))


def steps_of(text: str) -> tuple[Step, ...]:
    """Steps with ``|`` between them; ValueError says what is wrong."""
    return tuple(map(step_of, text.split("|")))


def _target_of(text: str) -> Target:
    word = text.strip()
    kind, _, name = word.partition(":")
    if name.strip() and kind.strip().lower() in ("team", "caregiver"):
        return Target("team" if kind.strip().lower() == "team" else "caregiver", name.strip())
    if word.lower() not in ROLES:
        raise ValueError(f'"{word}" is not whom a step can call; known are {", ".join(ROLES)}, team:ID, caregiver:ID')
    return Target("role", word.lower())


def _waits_of(text: str | None) -> Waits:
    if text is None:
        return Waits()
    words = text.replace("/", " ").split()
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != len(KINDS) - 1 or not all(1 <= number <= _WAIT_MOST_S for number in numbers):
        what = 'must be whole seconds for high, medium and low alarms, 1 to 86,400 each, such as "wait 60 300 1800"'
        raise ValueError(f'{what} (got "{text.strip()}")')
    return Waits(*numbers)


def _default(care: Care, kinds: tuple[Kind, ...], steps: str) -> Plan:
    return Plan(f"{care}-{kinds[0]}", steps_of(steps), kinds)


_URGENT: Final[tuple[Kind, ...]] = ("high", "medium")
_DEFAULT: Final[Mapping[Care, tuple[Plan, ...]]] = {
    "institution": (
        _default("institution", _URGENT, "nurse | head_nurse | family | doctor | centre"),
        _default("institution", ("low",), "nurse | head_nurse + manager"),
        _default("institution", ("technical",), "technician + nurse | head_nurse + manager"),
    ),
    "community": (
        _default("community", _URGENT, "nurse | family + committee | doctor | centre"),
        _default("community", ("low",), "nurse + manager"),
        _default("community", ("technical",), "technician + nurse + manager"),
    ),
    "home": (
        _default("home", _URGENT, "family + nurse + committee + neighbour | doctor | centre"),
        _default("home", ("low",), "nurse + manager"),
        _default("home", ("technical",), "technician + nurse + manager"),
    ),
}
#: The plan of each kind of care and of alarm where nobody made one.
DEFAULT_PLANS: Final[Mapping[tuple[Care, Kind], Plan]] = MappingProxyType(
    {(care, kind): plan for care, plans in _DEFAULT.items() for plan in plans for kind in plan.kinds}
)
