"""Sites, residents, devices, zones and caregivers in SQL: the only place that holds the names of people.

Everything is synchronous; from the event loop call it through a thread. `replace_fleet` is one transaction: a
reader sees the old fleet or the new one, never half.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import Limit
from alerts.detectors.zones import Hours, ZoneTable
from alerts.tables import make_tables
from ingest.contract import Crs
from ingest.directory import Device, DeviceType, Directory
from service.database import READ_ONLY
from service.fleet.nouns import Caregiver, Difference, Fleet, Outing, PlacedZone, Resident, Ring, Site, Summary
from service.placement import Placement, zone_table

_METADATA: Final = MetaData()


def _table(name: str, *columns: Column[Any], unique: Sequence[str]) -> Table:
    # `number` counts up as rows come, so rows keep their order for good; the natural key is unique beside it.
    number = Column("number", Integer, primary_key=True, autoincrement=True)
    return Table(name, _METADATA, number, *columns, UniqueConstraint(*unique), sqlite_autoincrement=True)


def _name(column: str, *, optional: bool = False) -> Column[str]:
    return Column(column, String(64), nullable=optional)


def _of(column: str, table: str, *, optional: bool = False) -> Column[str]:
    return Column(column, String(64), ForeignKey(f"{table}.{column}"), nullable=optional, index=True)


SITES: Final = _table("sites", _name("site"), Column("name", Text, nullable=False), unique=["site"])
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
#: Who is out in company, of whom no import knows; it goes with the resident.
OUTINGS: Final = Table(
    "outings",
    _METADATA,
    Column("resident", String(64), ForeignKey("residents.resident", ondelete="CASCADE"), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
)
#: One row: counts the imports that changed something.
REVISION: Final = Table(
    "fleet_revision", _METADATA, Column("id", Integer, primary_key=True), Column("revision", Integer, nullable=False)
)


@dataclass(frozen=True, slots=True)
class _Noun:
    """How one noun stands in its table: `key` are the columns that name it."""

    table: Table
    key: tuple[str, ...]
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[RowMapping], Any]


def _plain(thing: Any) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def _write_resident(person: Resident) -> dict[str, Any]:
    return _plain(person) | {"groups": json.dumps(person.groups, ensure_ascii=False) if person.groups else None}


def _read_resident(row: RowMapping) -> Resident:
    groups = row["groups"]
    return Resident(**{**row, "groups": () if groups is None else tuple(json.loads(groups))})


def _write_zone(zone: PlacedZone) -> dict[str, Any]:
    hours = None if zone.hours is None else (zone.hours.from_min, zone.hours.until_min, zone.hours.days)
    parts = {"circle": zone.circle, "polygon": zone.polygon, "areas": zone.areas, "hours": hours}
    return _plain(zone) | {name: None if part is None else json.dumps(part) for name, part in parts.items()}


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
    return _plain(medical) | {"limits": json.dumps(limits)}


def _read_medical(row: RowMapping) -> Medical:
    limits = tuple((name, Limit(*numbers)) for name, numbers in json.loads(row["limits"]).items())
    return Medical(row["resident"], row["spo2_scale"], row["oxygen"], limits)


def _write_bed(profile: BedProfile) -> dict[str, Any]:
    return _plain(profile) | {"night": None if profile.night is None else "{}-{}".format(*profile.night)}


def _read_bed(row: RowMapping) -> BedProfile:
    start, _, end = (row["night"] or "").partition("-")
    night = (int(start), int(end)) if end else None
    return BedProfile(row["resident"], row["fall_risk"], night, row["back_s"], row["up_by_min"])


def _read_device(row: RowMapping) -> Device:
    return Device(row["site"], row["device"], DeviceType(row["type"]), row["resident"], Crs(row["crs"]))


#: In the order in which they refer to each other: what is referred to stands first.
_NOUNS: Final[Mapping[str, _Noun]] = {
    "sites": _Noun(SITES, ("site",), _plain, lambda row: Site(**row)),
    "residents": _Noun(RESIDENTS, ("resident",), _write_resident, _read_resident),
    "devices": _Noun(DEVICES, ("site", "device"), _plain, _read_device),
    "zones": _Noun(ZONES, ("zone",), _write_zone, _read_zone),
    "caregivers": _Noun(CAREGIVERS, ("caregiver",), _plain, lambda row: Caregiver(**row)),
    "medical": _Noun(MEDICAL, ("resident",), _write_medical, _read_medical),
    "beds": _Noun(BEDS, ("resident",), _write_bed, _read_bed),
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """The rows of one noun that come, change and go."""

    added: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    removed: list[dict[str, Any]]

    def counted(self) -> Difference:
        return Difference(len(self.added), len(self.changed), len(self.removed))


class Registry:
    """The fleet in a database; tables and columns are made where they are missing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**READ_ONLY)
        make_tables(engine, _METADATA)

    def replace_fleet(self, fleet: Fleet) -> Summary:
        """Make the registry hold `fleet` and nothing else, in one transaction; what did not change keeps its place."""
        with self._engine.begin() as connection:
            plans = _plans(connection, fleet)
            for name, plan in plans.items():
                _upsert(connection, _NOUNS[name], plan)
            for name, plan in reversed(plans.items()):
                _remove(connection, _NOUNS[name], plan)
            if any(plan.added or plan.changed or plan.removed for plan in plans.values()):
                _count_up(connection)
        return _summary(plans)

    def compare(self, fleet: Fleet) -> Summary:
        """What `replace_fleet` would change; changes nothing."""
        with self._reader.connect() as connection:
            return _summary(_plans(connection, fleet))

    def revision(self) -> int:
        """A number that changes whenever the fleet does, also where another process changes it."""
        with self._reader.connect() as connection:
            return connection.execute(select(REVISION.c.revision)).scalar_one_or_none() or 0

    def fleet(self) -> Fleet:
        """Everything, as of one moment."""
        with self._reader.connect() as connection:
            return Fleet(**{name: tuple(_read(connection, noun)) for name, noun in _NOUNS.items()})

    def sites(self) -> list[Site]:
        """All sites, in the order in which they came."""
        return self._all("sites")

    def residents(self) -> list[Resident]:
        """All residents, in the order in which they came."""
        return self._all("residents")

    def devices(self) -> list[Device]:
        """All devices, in the order in which they came: a device added later always stands after those before it."""
        return self._all("devices")

    def zones(self) -> list[PlacedZone]:
        """All zones, in the order in which they came."""
        return self._all("zones")

    def caregivers(self) -> list[Caregiver]:
        """All caregivers, in the order in which they came."""
        return self._all("caregivers")

    def medical(self) -> list[Medical]:
        """What is settled for single residents."""
        return self._all("medical")

    def beds(self) -> list[BedProfile]:
        """What is settled about the beds of single residents."""
        return self._all("beds")

    def placement(self) -> Placement:
        """The zones and who has them."""
        with self._reader.connect() as connection:
            zones = _read(connection, _NOUNS["zones"])
            query = select(RESIDENTS.c.resident, RESIDENTS.c.groups).where(RESIDENTS.c.groups.is_not(None))
            named = connection.execute(query)
            return Placement(zones, {resident: json.loads(groups) for resident, groups in named})

    def zone_table(self, directory: Directory) -> ZoneTable:
        """The zones of each directory row whose device can say where it is."""
        return zone_table(self.placement(), directory)

    def outings(self) -> list[Outing]:
        """Who is out in company, those included whose time is over."""
        with self._reader.connect() as connection:
            return [Outing(**row) for row in connection.execute(select(OUTINGS)).mappings()]

    def begin_outing(self, outing: Outing) -> None:
        """Note that a resident is out, in place of what was noted before; IntegrityError: there is no such resident."""
        with self._engine.begin() as connection:
            connection.execute(delete(OUTINGS).where(OUTINGS.c.resident == outing.resident))
            connection.execute(insert(OUTINGS), _plain(outing))

    def end_outing(self, resident: str) -> bool:
        """Note that a resident is not out any more; False where they were not."""
        with self._engine.begin() as connection:
            return connection.execute(delete(OUTINGS).where(OUTINGS.c.resident == resident)).rowcount > 0

    def _all(self, name: str) -> list[Any]:
        with self._reader.connect() as connection:
            return _read(connection, _NOUNS[name])


def _count_up(connection: Connection) -> None:
    changed = connection.execute(update(REVISION).values(revision=REVISION.c.revision + 1))
    if changed.rowcount == 0:
        connection.execute(insert(REVISION).values(id=1, revision=1))


def _rows(connection: Connection, noun: _Noun) -> Sequence[RowMapping]:
    columns = [column for column in noun.table.columns if column.name != "number"]
    return connection.execute(select(*columns).order_by(noun.table.c.number)).mappings().all()


def _read(connection: Connection, noun: _Noun) -> list[Any]:
    return [noun.read(row) for row in _rows(connection, noun)]


def _plans(connection: Connection, fleet: Fleet) -> dict[str, _Plan]:
    return {name: _plan(connection, noun, getattr(fleet, name)) for name, noun in _NOUNS.items()}


def _plan(connection: Connection, noun: _Noun, things: Sequence[Any]) -> _Plan:
    def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in noun.key)

    wanted = {key_of(row): row for row in map(noun.write, things)}
    present = {key_of(row): row for row in map(dict, _rows(connection, noun))}
    return _Plan(
        added=[row for key, row in wanted.items() if key not in present],
        changed=[row for key, row in wanted.items() if key in present and row != present[key]],
        removed=[row for key, row in present.items() if key not in wanted],
    )


def _keyed(noun: _Noun, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # The key's columns stand in WHERE and in SET, so the parameters of WHERE need names of their own.
    return [row | {f"key_{name}": row[name] for name in noun.key} for row in rows]


def _upsert(connection: Connection, noun: _Noun, plan: _Plan) -> None:
    if plan.added:
        connection.execute(insert(noun.table), plan.added)
    if plan.changed:
        here = [noun.table.c[name] == bindparam(f"key_{name}") for name in noun.key]
        connection.execute(update(noun.table).where(*here), _keyed(noun, plan.changed))


def _remove(connection: Connection, noun: _Noun, plan: _Plan) -> None:
    if plan.removed:
        here = [noun.table.c[name] == bindparam(f"key_{name}") for name in noun.key]
        keys = [{f"key_{name}": row[name] for name in noun.key} for row in plan.removed]
        connection.execute(delete(noun.table).where(*here), keys)


def _summary(plans: Mapping[str, _Plan]) -> Summary:
    return Summary(**{name: plan.counted() for name, plan in plans.items()})
