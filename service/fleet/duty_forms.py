"""What caregivers, teams, shifts, holidays, swaps and plans of escalation must look like in a fleet file."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from alerts.calling.escalation import KINDS, Kind, Plan, Step, step_of
from alerts.calling.people import TIME_ZONE, Caregiver, Language, Role, Team
from alerts.calling.rota import HOLIDAY, Holiday, Shift, Swap
from service.fleet.form import DAYS, Day, Fields, Form, Minute, Text, TimeZone, days_of, lower, words_of
from service.identifier import Identifier, check_identifier
from service.problems import shown, unknown

#: The days of a shift: those of the week, and the holidays.
DUTY_DAYS: Final = (*DAYS, "holiday")
#: They answer for single residents, of whom an alarm tells them; nobody is family of a whole site.
_OF_RESIDENTS: Final = frozenset({"family", "neighbour"})
_ADDRESS_MOST: Final = 200
_HOLIDAY_MOST: Final = 366


def _names(value: object) -> tuple[str, ...]:
    words = words_of(value, 'must be a list of ids: ["A-1", "A-2"] or, in CSV, A-1 | A-2')
    return tuple(dict.fromkeys(map(check_identifier, words)))


def _contacts(value: object) -> tuple[tuple[str, str], ...]:
    what = 'must be { channel = "address", … } or, in CSV, channel address | …'
    if isinstance(value, dict):
        pairs: list[tuple[Any, Any]] = list(value.items())
    else:
        pairs = [word.partition(" ")[::2] for word in words_of(value, what)]
    for channel, address in pairs:
        check_identifier(channel)
        if not isinstance(address, str) or len(address) > _ADDRESS_MOST or "|" in address or not address.isprintable():
            # Not shown: it is personal.
            raise ValueError(f'{channel}: must be an address in quotes, at most {_ADDRESS_MOST} characters without "|"')
    if len(dict(pairs)) != len(pairs):
        raise ValueError("names a channel twice; a caregiver has one address in each")
    return tuple((channel, address.strip()) for channel, address in pairs)


def _kinds(value: object) -> tuple[Kind, ...]:
    words = value.replace("|", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError(f'must be kinds of alarms such as ["high", "medium"] (got {shown(value)})')
    for word in words:
        if word not in KINDS:
            raise ValueError(f"{shown(word)} {unknown(str(word), KINDS, 'kind of alarm')}")
    return tuple(kind for kind in KINDS if kind in words)


def _steps(value: object) -> tuple[Step, ...]:
    what = 'must be steps: ["nurse", "family + committee", …] or, in CSV, nurse | family + committee | …'
    return tuple(map(step_of, words_of(value, what)))


def _like(value: object) -> int:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in DUTY_DAYS:
        raise ValueError(f'must be the day whose shifts count, such as "sun", or "holiday" (got {shown(value)})')
    return DUTY_DAYS.index(word)


Names = Annotated[tuple[str, ...], PlainValidator(_names)]


class CaregiverForm(Form):
    """A caregiver."""

    REFERS: ClassVar[dict[str, str]] = {"residents": "resident"}

    name: Text
    role: Annotated[Role, BeforeValidator(lower)]
    site: Identifier | None = None
    phone: Text | None = None
    language: Annotated[Language, BeforeValidator(lower)] = "zh"
    residents: Names = ()
    contacts: Annotated[tuple[tuple[str, str], ...], PlainValidator(_contacts)] = Field(default=(), repr=False)

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if self.role in _OF_RESIDENTS and not self.residents:
            raise ValueError(f"is {self.role}, and so needs residents: those whose alarms they are told")
        return self

    def noun(self) -> Caregiver:
        """As the registry keeps it."""
        return Caregiver(
            self.id, self.name, self.role, self.site, self.phone, self.language, self.residents, self.contacts
        )


class TeamForm(Form):
    """A team."""

    REFERS: ClassVar[dict[str, str]] = {"caregivers": "caregiver"}

    caregivers: Names

    def noun(self) -> Team:
        """As the registry keeps it."""
        return Team(self.id, self.caregivers)


class ShiftForm(Form):
    """A shift: at a site and by its clock, or everywhere and by the clock of `time_zone`."""

    REFERS: ClassVar[dict[str, str]] = {"caregivers": "caregiver"}

    caregivers: Names
    from_: Minute = Field(alias="from")
    until: Minute
    days: Annotated[tuple[int, ...], PlainValidator(lambda value: days_of(value, DUTY_DAYS))] = tuple(range(HOLIDAY))
    site: Identifier | None = None
    time_zone: TimeZone | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.from_ >= 24 * 60:
            raise ValueError('from: is the end of a day; write "0:00"')
        if self.site is not None and self.time_zone is not None:
            raise ValueError("has a site, whose time zone counts; leave time_zone out")
        return self

    def noun(self) -> Shift:
        """As the registry keeps it."""
        zone = self.time_zone or TIME_ZONE
        return Shift(self.id, self.caregivers, self.from_, self.until, self.days, self.site, zone)


class HolidayForm(Form):
    """Dates on which another rota counts, or on which a caregiver is off."""

    REFERS: ClassVar[dict[str, str]] = {"caregiver": "caregiver"}

    first: Day
    last: Day | None = None
    site: Identifier | None = None
    like: Annotated[int, PlainValidator(_like)] | None = None
    caregiver: Identifier | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not 0 <= ((self.last or self.first) - self.first).days < _HOLIDAY_MOST:
            raise ValueError(f"last: must not be before first, nor more than {_HOLIDAY_MOST} days on")
        if self.caregiver is not None and (self.site is not None or self.like is not None):
            raise ValueError("is of a caregiver, who is then off; leave site and like out")
        return self

    def noun(self) -> Holiday:
        """As the registry keeps it."""
        like = HOLIDAY if self.like is None else self.like
        return Holiday(self.id, self.first, self.last or self.first, self.site, like, self.caregiver)


class SwapForm(Fields):
    """Somebody stands in for somebody else in the shift that begins on a date."""

    REFERS: ClassVar[dict[str, str]] = {"shift": "shift", "absent": "caregiver", "stand_in": "caregiver"}

    shift: Identifier
    day: Day = Field(alias="date")
    absent: Identifier
    stand_in: Identifier

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.absent == self.stand_in:
            raise ValueError("absent and stand_in are the same")
        return self

    def noun(self) -> Swap:
        """As the registry keeps it."""
        return Swap(self.shift, self.day, self.absent, self.stand_in)


class EscalationForm(Form):
    """Who is called after whom, of a site, or of a resident in place of the site's."""

    site: Identifier | None = None
    resident: Identifier | None = None
    for_: Annotated[tuple[Kind, ...], PlainValidator(_kinds)] = Field(default=("high", "medium"), alias="for")
    steps: Annotated[tuple[Step, ...], PlainValidator(_steps)]

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if (self.site is None) == (self.resident is None):
            raise ValueError("needs a site or a resident, one of the two")
        return self

    def references(self) -> Iterator[tuple[str, str, str]]:
        """The teams and caregivers that its steps name."""
        targets = (target for step in self.steps for target in step.to)
        return (("steps", target.kind, target.name) for target in targets if target.kind != "role")

    def noun(self) -> Plan:
        """As the registry keeps it."""
        return Plan(self.id, self.steps, self.for_, self.site, self.resident)
