"""What every form of a noun has, and the fields that several of them share."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from ingest.contract import Crs
from service.identifier import Identifier
from service.problems import shown, unknown

Text = Annotated[str, Field(min_length=1, max_length=200)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


@dataclass(frozen=True, slots=True)
class Importer:
    """What is known besides a file: where files named in it lie, and what zones without a `crs` are in."""

    folder: Path
    crs: Crs | None = None


class Fields(BaseModel):
    """Fields of one noun; pydantic's lax mode reads numbers from the text of a spreadsheet."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)
    #: Said of a field that is missing, where more than that can be said.
    MISSING: ClassVar[dict[str, str]] = {}
    #: Fields that name something else of the file, and which noun that is.
    REFERS: ClassVar[dict[str, str]] = {}

    @classmethod
    def names(cls) -> list[str]:
        """The fields as they are called in a file."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def references(self) -> Iterator[tuple[str, str, str]]:
        """What the fields name: field, noun and identifier."""
        for field, noun in self.REFERS.items():
            value: Any = getattr(self, field)
            for name in (value,) if isinstance(value, str) else value or ():
                yield field, noun, name


class Form(Fields):
    """Fields of a noun that others can name."""

    id: Identifier


DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN: Final = 24 * 60
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)


def lower(value: object) -> object:
    """Words in small letters: spreadsheets like to begin them with a capital."""
    return value.lower() if isinstance(value, str) else value


def words_of(value: object, what: str) -> list[str]:
    """The words of a list, or of a cell with ``|`` between them; ValueError says `what` is wanted."""
    words: Any = value.split("|") if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError(f"{what} (got {shown(value)})")
    return [word.strip() for word in words]


def date_of(value: object) -> date:
    """A date, also as spreadsheets write it; ValueError where it is none."""
    if type(value) is date:
        return value
    match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        pass
    raise ValueError(f"must be a date such as 1938-05-02 (got {shown(value)})")


def _minute(value: object) -> int:
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if isinstance(value, time) and not (value.second or value.microsecond):
        return value.hour * 60 + value.minute
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else _DAY_MIN + 1
    if minute > _DAY_MIN:
        raise ValueError(f'must be a time of day such as "22:00" (got {shown(value)})')
    return minute


def days_of(value: object, days: Sequence[str] = DAYS) -> tuple[int, ...]:
    """Days of the week by their numbers in `days`; ValueError where they are none."""
    words: Any = re.split(r"[\s|,;]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError(f'must be days of the week such as ["mon", "fri"] or, in CSV, mon fri (got {shown(value)})')
    for word in words:
        if str(word).lower() not in days:
            raise ValueError(f"{shown(word)} {unknown(str(word), days, 'day')}")
    return tuple(sorted({days.index(word.lower()) for word in words}))


def _time_zone(value: object) -> str:
    try:
        if isinstance(value, str):
            return ZoneInfo(value.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of the data base
        pass
    raise ValueError(f'must be a time zone such as "Asia/Shanghai" or "Europe/Berlin" (got {shown(value)})')


def time_of(minute: int) -> str:
    """A minute of the day as a fleet file has it, such as 22:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


Minute = Annotated[int, PlainValidator(_minute)]
Day = Annotated[date, PlainValidator(date_of)]
TimeZone = Annotated[str, PlainValidator(_time_zone)]
