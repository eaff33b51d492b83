"""What each noun of a fleet file must look like by itself; both kinds of file use the same field names."""

import math
import re
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from alerts.detectors.medical import Medical, Oxygen
from alerts.detectors.vitals import LIMITS, Limit
from alerts.detectors.zones import LARGEST_M
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.detect import faults
from service.fleet.nouns import Caregiver, Language, PlacedZone, Resident, Role, Rule, Sex, Site
from service.identifier import Identifier
from service.problems import shown, unknown

_DATE: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
#: Nobody alive was born before.
_FIRST_YEAR: Final = 1880
_MOST_CORNERS: Final = 10_000
_LIMIT_KEYS: Final = ("raise_at", "clear_at", "delay_s")


def _lower(value: object) -> object:
    # Spreadsheets like to begin words with a capital.
    return value.lower() if isinstance(value, str) else value


def _born(value: object) -> date:
    if type(value) is date:
        born: date | None = value
    else:
        match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
        try:
            born = date(*map(int, match.groups())) if match else None
        except ValueError:
            born = None
    if born is None or born.year < _FIRST_YEAR:
        raise ValueError(f"must be a date such as 1938-05-02 (got {shown(value)})")
    return born


def _corner(value: object) -> tuple[float, float]:
    example = 'must be a corner "lat lon", such as 36.641 117.953'
    parts: Any = value.split() if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 2:
        raise ValueError(f"{example} (got {shown(value)})")
    try:
        lat, lon = float(parts[0]), float(parts[1])
    except (TypeError, ValueError):
        raise ValueError(f"{example} (got {shown(value)})") from None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # also false for NaN
        hint = "; are lat and lon the wrong way round?" if abs(lon) <= 90 < abs(lat) <= 180 else ""
        raise ValueError(f"is not on the earth: corner {shown(value)}: lat is -90 to 90, lon -180 to 180{hint}")
    return lat, lon


def _polygon(value: object) -> tuple[tuple[float, float], ...]:
    parts: Any = value.split("|") if isinstance(value, str) else value
    if not isinstance(parts, list):
        what = "must be corners: [[lat, lon], …] or, in CSV, lat lon | lat lon | …"
        raise ValueError(f"{what} (got {shown(value)})")  # noqa: TRY004 (a TypeError would not count as bad data)
    corners = tuple(_corner(part) for part in parts)
    if len(corners) > 1 and corners[0] == corners[-1]:  # many tools repeat the first corner at the end
        corners = corners[:-1]
    if not 3 <= len(corners) <= _MOST_CORNERS:
        raise ValueError(f"needs 3 to {_MOST_CORNERS} different corners (got {len(corners)})")
    return corners


Text = Annotated[str, Field(min_length=1, max_length=200)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


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


class Form(BaseModel):
    """Fields of one noun; pydantic's lax mode reads numbers from the text of a spreadsheet."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)
    #: Said of a field that is missing, where more than that can be said.
    MISSING: ClassVar[dict[str, str]] = {}

    id: Identifier


class SiteForm(Form):
    """A site."""

    name: Text

    def noun(self) -> Site:
        """As the registry keeps it."""
        return Site(self.id, self.name)


class ResidentForm(Form):
    """A resident."""

    name: Text
    site: Identifier
    room: Text | None = None
    born: Annotated[date, PlainValidator(_born)] | None = None
    sex: Annotated[Sex, BeforeValidator(_lower)] | None = None
    language: Annotated[Language, BeforeValidator(_lower)] = "zh"
    spo2_scale: Annotated[Literal[1, 2], BeforeValidator(_scale)] = 1
    oxygen: Annotated[Oxygen, BeforeValidator(_lower)] | None = None
    limits: Annotated[tuple[tuple[str, Limit], ...], PlainValidator(_limits)] = ()

    def noun(self) -> Resident:
        """As the registry keeps it."""
        return Resident(self.id, self.name, self.site, self.room, self.born, self.sex, self.language)

    def medical(self) -> Medical | None:
        """What is settled for this resident alone; None where nothing is."""
        medical = Medical(self.id, self.spo2_scale, self.oxygen, self.limits)
        return None if medical == Medical(self.id) else medical


class DeviceForm(Form):
    """A device; one that belongs to a resident need not say its site."""

    type: Annotated[DeviceType, BeforeValidator(_lower)]
    site: Identifier | None = None
    resident: Identifier | None = None
    crs: Annotated[Crs, BeforeValidator(_lower)] = Crs.WGS84

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.site is None and self.resident is None:
            raise ValueError("needs a site or a resident")
        return self

    def noun(self, site: str) -> Device:
        """As the registry keeps it, at `site`."""
        return Device(site, self.id, self.type, self.resident, self.crs)


class ZoneForm(Form):
    """A zone: a circle (lat, lon, radius_m) or a polygon."""

    MISSING: ClassVar[dict[str, str]] = {
        "crs": 'is missing: say what the coordinates are, "wgs84" (GPS), "gcj02" (Chinese maps) or "bd09" (Baidu)'
    }

    rule: Annotated[Rule, BeforeValidator(_lower)]
    crs: Annotated[Crs, BeforeValidator(_lower)]
    site: Identifier | None = None
    resident: Identifier | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    radius_m: float | None = Field(default=None, gt=0, le=LARGEST_M)
    polygon: Annotated[tuple[tuple[float, float], ...], PlainValidator(_polygon)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.site is None) == (self.resident is None):
            raise ValueError("needs either a site or a resident")
        circle = (self.lat, self.lon, self.radius_m)
        if self.polygon is None and None in circle:
            raise ValueError("needs lat, lon and radius_m, or a polygon")
        if self.polygon is not None and circle != (None, None, None):
            raise ValueError("has a polygon, so it must not have lat, lon or radius_m")
        try:
            self.noun().outline()
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"zone {self.id}: ")) from None
        return self

    def noun(self) -> PlacedZone:
        """As the registry keeps it."""
        circle = None
        if self.lat is not None and self.lon is not None and self.radius_m is not None:
            circle = (self.lat, self.lon, self.radius_m)
        return PlacedZone(self.id, self.rule, self.crs, self.site, self.resident, circle, self.polygon)


class CaregiverForm(Form):
    """A caregiver."""

    name: Text
    role: Annotated[Role, BeforeValidator(_lower)]
    site: Identifier | None = None
    phone: Text | None = None

    def noun(self) -> Caregiver:
        """As the registry keeps it."""
        return Caregiver(self.id, self.name, self.role, self.site, self.phone)


FORMS: Final[dict[str, type[Form]]] = {
    "site": SiteForm,
    "resident": ResidentForm,
    "device": DeviceForm,
    "zone": ZoneForm,
    "caregiver": CaregiverForm,
}
