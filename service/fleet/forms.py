"""What each noun of a fleet file must look like by itself; both kinds of file use the same field names."""

import math
import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from alerts.calling.people import TIME_ZONE, Care, Language, Site
from alerts.detectors.bed_profile import NEVER_UP, BedProfile, FallRisk
from alerts.detectors.medical import Medical, Oxygen
from alerts.detectors.vitals import LIMITS, Limit
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.detect import faults
from service.fleet.duty_forms import CaregiverForm, EscalationForm, HolidayForm, ShiftForm, SwapForm, TeamForm
from service.fleet.form import Fields, Form, Text, TimeZone, date_of, lower
from service.fleet.nouns import Resident, Sex
from service.fleet.zone_form import ZoneForm
from service.identifier import Identifier
from service.problems import shown, unknown

#: Nobody alive was born before.
_FIRST_YEAR: Final = 1880
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)
_GROUP_MOST: Final = 64
_LIMIT_KEYS: Final = ("raise_at", "clear_at", "delay_s")


def _born(value: object) -> date:
    born = date_of(value)
    if born.year < _FIRST_YEAR:
        raise ValueError(f"must be a date such as 1938-05-02 (got {shown(value)})")
    return born


def groups_of(value: object) -> tuple[str, ...]:
    """The groups a resident names, each once; ValueError where it is no list of names."""
    words: Any = value.split("|") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        what = 'must be names of groups: ["night wing", …] or, in CSV, night wing | …'
        raise ValueError(f"{what} (got {shown(value)})")
    names = tuple(dict.fromkeys(word.strip() for word in words))
    if not all(0 < len(name) <= _GROUP_MOST and "|" not in name for name in names):
        raise ValueError(f'a group has a name of 1 to {_GROUP_MOST} characters, without "|" (got {shown(value)})')
    return names


def _scale(value: object) -> object:
    # As text where it comes from a spreadsheet.
    return {"1": 1, "2": 2}.get(value.strip(), value) if isinstance(value, str) else value


def _limits(value: object) -> tuple[tuple[str, Limit], ...]:
    example = 'must be { spo2_low = { raise_at = 85, clear_at = 87, delay_s = 30 } } or, in CSV, "spo2_low 85 87 30"'
    words = [part.split() for part in value.split("|")] if isinstance(value, str) else []
    table: Any = {name: dict(zip(_LIMIT_KEYS, numbers, strict=False)) for name, *numbers in filter(None, words)}
    if isinstance(value, dict):
        table = value
    elif not words or not all(len(one) == 1 + len(_LIMIT_KEYS) for one in words) or len(table) != len(words):
        raise ValueError(f"{example}, each name once (got {shown(value)})")
    limits: dict[str, dict[str, float]] = {}
    for name, numbers in table.items():
        if name not in LIMITS:
            raise ValueError(f'"{name}" {unknown(name, LIMITS, "limit")}')
        if not isinstance(numbers, dict) or set(numbers) != set(_LIMIT_KEYS):
            raise ValueError(f"{name}: {example} (got {shown(numbers)})")
        limits[name] = {key: _number(numbers[key], f"{name}.{key}") for key in _LIMIT_KEYS}
    if told := "; ".join(f"{path} {what}" for path, what in faults(limits)):
        raise ValueError(told)
    return tuple((name, Limit(**limits[name])) for name in LIMITS if name in limits)


def _number(value: object, path: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{path} must be a finite number (got {shown(value)})")
    return number


def _minute(value: object) -> int | None:
    """The minute of the day of ``6:30``; None where it is no time of the day."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    minute = 60 * int(match[1]) + int(match[2]) if match and int(match[2]) < 60 else -1
    return minute if 0 <= minute < 24 * 60 else None


def _up_by(value: object) -> int:
    if isinstance(value, str) and value.strip().lower() == "never":
        return NEVER_UP
    minute = _minute(value)
    if minute is None:
        raise ValueError(f'must be a time such as "10:00", or "never" (got {shown(value)})')
    return minute


def _night(value: object) -> tuple[int, int]:
    start, _, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    night = _minute(start), _minute(end)
    if night[0] is None or night[1] is None or night[0] == night[1]:
        raise ValueError(f'must be two times such as "21:00-6:00" (got {shown(value)})')
    return night[0], night[1]


class SiteForm(Form):
    """A site."""

    name: Text
    care: Annotated[Care, BeforeValidator(lower)] = "institution"
    time_zone: TimeZone = TIME_ZONE

    def noun(self) -> Site:
        """As the registry keeps it."""
        return Site(self.id, self.name, self.care, self.time_zone)


class ResidentForm(Form):
    """A resident."""

    name: Text
    site: Identifier
    room: Text | None = None
    born: Annotated[date, PlainValidator(_born)] | None = None
    sex: Annotated[Sex, BeforeValidator(lower)] | None = None
    language: Annotated[Language, BeforeValidator(lower)] = "zh"
    spo2_scale: Annotated[Literal[1, 2], BeforeValidator(_scale)] = 1
    oxygen: Annotated[Oxygen, BeforeValidator(lower)] | None = None
    limits: Annotated[tuple[tuple[str, Limit], ...], PlainValidator(_limits)] = ()
    fall_risk: Annotated[FallRisk, BeforeValidator(lower)] | None = None
    night: Annotated[tuple[int, int], PlainValidator(_night)] | None = None
    back_s: float | None = Field(default=None, ge=0, le=86_400)
    up_by: Annotated[int, PlainValidator(_up_by)] | None = None
    groups: Annotated[tuple[str, ...], PlainValidator(groups_of)] = ()

    def noun(self) -> Resident:
        """As the registry keeps it."""
        return Resident(self.id, self.name, self.site, self.room, self.born, self.sex, self.language, self.groups)

    def medical(self) -> Medical | None:
        """What is settled for this resident alone; None where nothing is."""
        medical = Medical(self.id, self.spo2_scale, self.oxygen, self.limits)
        return None if medical == Medical(self.id) else medical

    def bed(self) -> BedProfile | None:
        """What is settled about this resident's bed; None where nothing is."""
        profile = BedProfile(self.id, self.fall_risk, self.night, self.back_s, self.up_by)
        return None if profile == BedProfile(self.id) else profile


class DeviceForm(Form):
    """A device; one that belongs to a resident need not say its site."""

    type: Annotated[DeviceType, BeforeValidator(lower)]
    site: Identifier | None = None
    resident: Identifier | None = None
    crs: Annotated[Crs, BeforeValidator(lower)] = Crs.WGS84

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.site is None and self.resident is None:
            raise ValueError("needs a site or a resident")
        return self

    def noun(self, site: str) -> Device:
        """As the registry keeps it, at `site`."""
        return Device(site, self.id, self.type, self.resident, self.crs)


FORMS: Final[dict[str, type[Fields]]] = {
    "site": SiteForm,
    "resident": ResidentForm,
    "device": DeviceForm,
    "zone": ZoneForm,
    "caregiver": CaregiverForm,
    "team": TeamForm,
    "shift": ShiftForm,
    "holiday": HolidayForm,
    "swap": SwapForm,
    "escalation": EscalationForm,
}
