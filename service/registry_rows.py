"""How sites, people, devices and plans stand in SQL: one table a noun, and its rows from and to the noun's class."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import TIME_ZONE, Caregiver, Site, Team
from alerts.calling.rota import Holiday, Shift, Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import Limit
from alerts.detectors.zones import Hours
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.fleet.nouns import PlacedZone, Resident, Ring

METADATA: Final = MetaData()


def _table(name: str, *columns: Column[Any], unique: Sequence[str]) -> Table:
    # `number` counts up as rows come, so rows keep their order for good; the natural key is unique beside it.
    number = Column("number", Integer, primary_key=True, autoincrement=True)
    return Table(name, METADATA, number, *columns, UniqueConstraint(*unique), sqlite_autoincrement=True)


def _name(column: str, *, optional: bool = False) -> Column[str]:
    return Column(column, String(64), nullable=optional)


def _of(column: str, table: str, *, optional: bool = False) -> Column[str]:
    return Column(column, String(64), ForeignKey(f"{table}.{column}"), nullable=optional, index=True)


SITES: Final = _table(
    "sites",
    _name("site"),
    Column("name", Text, nullable=False),
    Column("care", String(16)),  # empty: institution
    Column("time_zone", String(64)),  # empty: TIME_ZONE
    unique=["site"],
)
RESIDENTS: Final = _table(
    "residents",
    _name("resident"),
    Column("name", Text, nullable=False),
    _of("site", "sites"),
    Column("room", Text),
    Column("born", Date),
    Column("sex", String(16)),
    Column("language", String(16), nullable=False),
    Column("groups", Text),  # JSON: [name, …]
    unique=["resident"],
)
DEVICES: Final = _table(
    "devices",
    _of("site", "sites"),
    _name("device"),
    Column("type", String(16), nullable=False),
    _of("resident", "residents", optional=True),
    Column("crs", String(16), nullable=False),
    unique=["site", "device"],
)
ZONES: Final = _table(
    "zones",
    _name("zone"),
    _of("site", "sites", optional=True),
    _of("resident", "residents", optional=True),
    Column("rule", String(16), nullable=False),
    Column("crs", String(16), nullable=False),
    Column("circle", Text),  # JSON: [lat, lon, radius_m]
    Column("polygon", Text),  # JSON: [[lat, lon], …]
    Column("group", String(64)),
    Column("areas", Text),  # JSON: [[[[lat, lon], …], …], …], polygons of rings
    Column("hours", Text),  # JSON: [from_min, until_min, [day, …]]
    unique=["zone"],
)
CAREGIVERS: Final = _table(
    "caregivers",
    _name("caregiver"),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    _of("site", "sites", optional=True),
    Column("phone", Text),
    Column("language", String(16)),  # empty: zh
    Column("residents", Text),  # JSON: [resident, …]
    Column("contacts", Text),  # JSON: [[channel, address], …]
    unique=["caregiver"],
)
#: Apart from the residents: few have any, and names need not be read with it.
MEDICAL: Final = _table(
    "medical",
    _of("resident", "residents"),
    Column("spo2_scale", Integer, nullable=False),
    Column("oxygen", String(16)),
    Column("limits", Text, nullable=False),  # JSON: {name: [raise_at, clear_at, delay_s], …}
    unique=["resident"],
)
BEDS: Final = _table(
    "beds",
    _of("resident", "residents"),
    Column("fall_risk", String(16)),
    Column("night", String(16)),  # minutes of the day: first-last
    Column("back_s", Float),
    Column("up_by_min", Integer),
    unique=["resident"],
)
TEAMS: Final = _table("teams", _name("team"), Column("caregivers", Text, nullable=False), unique=["team"])  # JSON
SHIFTS: Final = _table(
    "shifts",
    _name("shift"),
    Column("caregivers", Text, nullable=False),  # JSON: [caregiver, …]
    Column("from_min", Integer, nullable=False),
    Column("until_min", Integer, nullable=False),
    Column("days", Text, nullable=False),  # JSON: [day, …]
    _of("site", "sites", optional=True),
    Column("time_zone", String(64), nullable=False),
    unique=["shift"],
)
HOLIDAYS: Final = _table(
    "holidays",
    _name("holiday"),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    _of("site", "sites", optional=True),
    Column("like", Integer, nullable=False),
    _of("caregiver", "caregivers", optional=True),
    unique=["holiday"],
)


def _swap_columns(on_delete: str | None = None) -> list[Column[Any]]:
    def person(name: str) -> Column[str]:
        return Column(name, String(64), ForeignKey("caregivers.caregiver", ondelete=on_delete), nullable=False)

    shift = Column("shift", String(64), ForeignKey("shifts.shift", ondelete=on_delete), nullable=False)
    return [shift, Column("day", Date, nullable=False), person("absent"), person("stand_in")]


#: Those known when the fleet was written.
SWAPS: Final = _table("swaps", *_swap_columns(), unique=["shift", "day", "absent"])
PLANS: Final = _table(
    "plans",
    _name("plan"),
    Column("steps", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # JSON: [kind, …]
    _of("site", "sites", optional=True),
    _of("resident", "residents", optional=True),
    unique=["plan"],
)
#: Those that came up during the day, of which no import knows; they go with the shift and its caregivers.
NOTED_SWAPS: Final = _table(
    "noted_swaps",
    *_swap_columns("CASCADE"),
    _name("by"),
    Column("noted_ms", BigInteger, nullable=False),
    unique=["shift", "day", "absent"],
)
#: Who is out in company, of whom no import knows; it goes with the resident.
OUTINGS: Final = Table(
    "outings",
    METADATA,
    Column("resident", String(64), ForeignKey("residents.resident", ondelete="CASCADE"), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
)
#: One row: counts the imports that changed something.
REVISION: Final = Table(
    "fleet_revision", METADATA, Column("id", Integer, primary_key=True), Column("revision", Integer, nullable=False)
)


@dataclass(frozen=True, slots=True)
class Noun:
    """How one noun stands in its table: `key` are the columns that name it."""

    table: Table
    key: tuple[str, ...]
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[RowMapping], Any]


def plain(thing: Any) -> dict[str, Any]:
    """A noun as a row, where its fields are the columns."""
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def _write_resident(person: Resident) -> dict[str, Any]:
    return plain(person) | {"groups": json.dumps(person.groups, ensure_ascii=False) if person.groups else None}


def _read_resident(row: RowMapping) -> Resident:
    groups = row["groups"]
    return Resident(**{**row, "groups": () if groups is None else tuple(json.loads(groups))})


def _write_zone(zone: PlacedZone) -> dict[str, Any]:
    hours = None if zone.hours is None else (zone.hours.from_min, zone.hours.until_min, zone.hours.days)
    parts = {"circle": zone.circle, "polygon": zone.polygon, "areas": zone.areas, "hours": hours}
    return plain(zone) | {name: None if part is None else json.dumps(part) for name, part in parts.items()}


def _read_zone(row: RowMapping) -> PlacedZone:
    names = ("circle", "polygon", "areas", "hours")
    circle, polygon, areas, hours = (None if row[name] is None else json.loads(row[name]) for name in names)
    return PlacedZone(
        row["zone"],
        row["rule"],
        Crs(row["crs"]),
        site=row["site"],
        resident=row["resident"],
        circle=None if circle is None else tuple(circle),
        polygon=None if polygon is None else _ring(polygon),
        group=row["group"],
        areas=None if areas is None else tuple(tuple(map(_ring, area)) for area in areas),
        hours=None if hours is None else Hours(hours[0], hours[1], tuple(hours[2])),
    )


def _ring(corners: Sequence[tuple[float, float]]) -> Ring:
    return tuple((lat, lon) for lat, lon in corners)


def _write_medical(medical: Medical) -> dict[str, Any]:
    limits = {name: [one.raise_at, one.clear_at, one.delay_s] for name, one in medical.limits}
    return plain(medical) | {"limits": json.dumps(limits)}


def _read_medical(row: RowMapping) -> Medical:
    limits = tuple((name, Limit(*numbers)) for name, numbers in json.loads(row["limits"]).items())
    return Medical(row["resident"], row["spo2_scale"], row["oxygen"], limits)


def _write_bed(profile: BedProfile) -> dict[str, Any]:
    return plain(profile) | {"night": None if profile.night is None else "{}-{}".format(*profile.night)}


def _read_bed(row: RowMapping) -> BedProfile:
    start, _, end = (row["night"] or "").partition("-")
    night = (int(start), int(end)) if end else None
    return BedProfile(row["resident"], row["fall_risk"], night, row["back_s"], row["up_by_min"])


def _read_device(row: RowMapping) -> Device:
    return Device(row["site"], row["device"], DeviceType(row["type"]), row["resident"], Crs(row["crs"]))


def _write_site(site: Site) -> dict[str, Any]:
    usual = Site(site.site, site.name)
    return {
        name: value if value != getattr(usual, name) or name in ("site", "name") else None
        for name, value in plain(site).items()
    }


def _read_site(row: RowMapping) -> Site:
    return Site(row["site"], row["name"], row["care"] or "institution", row["time_zone"] or TIME_ZONE)


def _write_caregiver(carer: Caregiver) -> dict[str, Any]:
    return plain(carer) | {
        "language": None if carer.language == "zh" else carer.language,
        "residents": json.dumps(carer.residents) if carer.residents else None,
        "contacts": json.dumps(carer.contacts, ensure_ascii=False) if carer.contacts else None,
    }


def _read_caregiver(row: RowMapping) -> Caregiver:
    return Caregiver(
        row["caregiver"],
        row["name"],
        row["role"],
        row["site"],
        row["phone"],
        row["language"] or "zh",
        tuple(json.loads(row["residents"] or "[]")),
        tuple((channel, address) for channel, address in json.loads(row["contacts"] or "[]")),
    )


def _listing(*names: str) -> Callable[[Any], dict[str, Any]]:
    """How a noun is written that has lists in some of its fields."""
    return lambda thing: plain(thing) | {name: json.dumps(getattr(thing, name)) for name in names}


def _listed(noun: Callable[..., Any], *names: str) -> Callable[[RowMapping], Any]:
    """How such a noun is read again."""
    return lambda row: noun(**{**row, **{name: tuple(json.loads(row[name])) for name in names}})


def _write_plan(plan: Plan) -> dict[str, Any]:
    return plain(plan) | {"steps": " | ".join(map(str, plan.steps)), "kinds": json.dumps(plan.kinds)}


def _read_plan(row: RowMapping) -> Plan:
    return Plan(**{**row, "steps": steps_of(row["steps"]), "kinds": tuple(json.loads(row["kinds"]))})


#: In the order in which they refer to each other: what is referred to stands first.
NOUNS: Final[Mapping[str, Noun]] = {
    "sites": Noun(SITES, ("site",), _write_site, _read_site),
    "residents": Noun(RESIDENTS, ("resident",), _write_resident, _read_resident),
    "devices": Noun(DEVICES, ("site", "device"), plain, _read_device),
    "zones": Noun(ZONES, ("zone",), _write_zone, _read_zone),
    "caregivers": Noun(CAREGIVERS, ("caregiver",), _write_caregiver, _read_caregiver),
    "medical": Noun(MEDICAL, ("resident",), _write_medical, _read_medical),
    "beds": Noun(BEDS, ("resident",), _write_bed, _read_bed),
    "teams": Noun(TEAMS, ("team",), _listing("caregivers"), _listed(Team, "caregivers")),
    "shifts": Noun(SHIFTS, ("shift",), _listing("caregivers", "days"), _listed(Shift, "caregivers", "days")),
    "holidays": Noun(HOLIDAYS, ("holiday",), plain, lambda row: Holiday(**row)),
    "swaps": Noun(SWAPS, ("shift", "day", "absent"), plain, lambda row: Swap(**row)),
    "plans": Noun(PLANS, ("plan",), _write_plan, _read_plan),
}
