"""What a zone must look like in a fleet file: a circle, a polygon with holes or a GeoJSON file, and when it counts."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from alerts.detectors.zones import LARGEST_M, Hours
from ingest.contract import Crs
from service.fleet import geojson
from service.fleet.form import DAYS, Form, Importer, Latitude, Longitude, Minute, days_of, lower
from service.fleet.geojson import Areas
from service.fleet.nouns import PlacedZone, Ring, Rule
from service.identifier import Identifier
from service.problems import shown

_MOST_CORNERS: Final = 10_000
_DAY_MIN: Final = 24 * 60
#: Between rings in a cell of a spreadsheet.
_HOLES_APART: Final = "/"


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


def _polygon(value: object) -> Ring:
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


def _holes(value: object) -> tuple[Ring, ...]:
    parts: Any = value.split(_HOLES_APART) if isinstance(value, str) else value
    if not isinstance(parts, list):
        what = "must be a list of polygons: [[[lat, lon], …], …] or, in CSV, with / between them"
        raise ValueError(f"{what} (got {shown(value)})")  # noqa: TRY004 (as above)
    return tuple(_polygon(part) for part in parts)


def _geojson(value: object, info: ValidationInfo) -> Areas:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'must be the name of a file in "quotes" (got {shown(value)})')
    importer = info.context
    assert isinstance(importer, Importer), "a file's name is read relative to the fleet file"
    try:
        return geojson.read(importer.folder / value.strip())
    except ValueError as error:
        raise ValueError(f"{value.strip()}: {error}") from None


class ZoneForm(Form):
    """A zone: a circle (lat, lon, radius_m), a polygon, perhaps with holes, or a GeoJSON file."""

    MISSING: ClassVar[dict[str, str]] = {
        "crs": 'is missing: say what the coordinates are, "wgs84" (GPS), "gcj02" (Chinese maps) or "bd09" (Baidu), '
        "here or for the whole file with --crs"
    }

    rule: Annotated[Rule, BeforeValidator(lower)]
    crs: Annotated[Crs, BeforeValidator(lower)]
    site: Identifier | None = None
    resident: Identifier | None = None
    group: str | None = Field(default=None, min_length=1, max_length=64)
    lat: Latitude | None = None
    lon: Longitude | None = None
    radius_m: float | None = Field(default=None, gt=0, le=LARGEST_M)
    polygon: Annotated[Ring, PlainValidator(_polygon)] | None = None
    holes: Annotated[tuple[Ring, ...], PlainValidator(_holes)] = ()
    geojson: Annotated[Areas, PlainValidator(_geojson)] | None = None
    from_: Minute | None = Field(default=None, alias="from")
    until: Minute | None = None
    days: Annotated[tuple[int, ...], PlainValidator(days_of)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _importers_crs(cls, fields: Any, info: ValidationInfo) -> Any:
        importer = info.context
        if isinstance(importer, Importer) and importer.crs is not None and isinstance(fields, dict):
            return {"crs": importer.crs} | fields
        return fields

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(owner is not None for owner in (self.site, self.resident, self.group)) != 1:
            raise ValueError("needs a site, a resident or a group, one of the three")
        circle = (self.lat, self.lon, self.radius_m)
        shapes = [
            name
            for name, given in (
                ("lat, lon and radius_m", circle != (None, None, None)),
                ("a polygon", self.polygon is not None),
                ("a GeoJSON file", self.geojson is not None),
            )
            if given
        ]
        if not shapes or (shapes[0].startswith("lat") and None in circle):
            raise ValueError("needs lat, lon and radius_m, a polygon or a GeoJSON file")
        if len(shapes) > 1:
            raise ValueError(f"has {' and '.join(shapes)}, but a zone has one shape")
        if self.holes and self.polygon is None:
            raise ValueError("has holes, but no polygon they are in")
        if (self.from_ is None) != (self.until is None):
            raise ValueError("needs both from and until, or neither")
        try:
            self.noun().outline()
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"zone {self.id}: ")) from None
        return self

    def noun(self) -> PlacedZone:
        """As the registry keeps it; ValueError where its hours are none."""
        circle = None
        if self.lat is not None and self.lon is not None and self.radius_m is not None:
            circle = (self.lat, self.lon, self.radius_m)
        areas = self.geojson or (((self.polygon, *self.holes),) if self.polygon is not None else None)
        hours = None
        if self.from_ is not None and self.until is not None:
            hours = Hours(self.from_, self.until, self.days or tuple(range(len(DAYS))))
        elif self.days is not None:
            hours = Hours(0, _DAY_MIN, self.days)
        polygon = areas[0][0] if areas is not None and [len(area) for area in areas] == [1] else None
        return PlacedZone(
            self.id,
            self.rule,
            self.crs,
            self.site,
            self.resident,
            circle,
            polygon,
            self.group,
            None if polygon is not None else areas,
            hours,
        )


def cell_of(ring: Sequence[tuple[float, float]]) -> str:
    """A ring as a cell of a spreadsheet has it."""
    return " | ".join(f"{lat!r} {lon!r}" for lat, lon in ring)


def holes_cell_of(rings: Sequence[Ring]) -> str:
    """Rings as a cell of a spreadsheet has them."""
    return f" {_HOLES_APART} ".join(map(cell_of, rings))
