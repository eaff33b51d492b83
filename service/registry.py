"""Sites, residents, devices, zones and caregivers in SQL: the only place that holds the names of people.

Everything is synchronous; from the event loop call it through a thread. `replace_fleet` is one transaction: a
reader sees the old fleet or the new one, never half.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Date,
    Engine,
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

from alerts.detectors.medical import Medical
from alerts.detectors.vitals import Limit
from alerts.detectors.zones import ZoneTable
from ingest.contract import Crs
from ingest.directory import Device, DeviceType, Directory
from service.database import READ_ONLY
from service.fleet.nouns import Caregiver, Difference, Fleet, PlacedZone, Resident, Site, Summary

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
#: One row: counts the imports that changed something.
REVISION: Final = Table(
    "fleet_revision", _METADATA, Column("id", Integer, primary_key=True), Column("revision", Integer, nullable=False)
)

#: (whose, rule) to indices of zones.
_Placed = defaultdict[tuple[str, str], list[int]]
#: The devices that can say where they are.
_LOCATED: Final = frozenset({DeviceType.BRACELET, DeviceType.BUTTON, DeviceType.LOCATOR})


@dataclass(frozen=True, slots=True)
class _Noun:
    """How one noun stands in its table: `key` are the columns that name it."""

    table: Table
    key: tuple[str, ...]
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[RowMapping], Any]


def _plain(thing: Any) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def _write_zone(zone: PlacedZone) -> dict[str, Any]:
    shapes = {"circle": zone.circle, "polygon": zone.polygon}
    return _plain(zone) | {name: None if shape is None else json.dumps(shape) for name, shape in shapes.items()}


def _read_zone(row: RowMapping) -> PlacedZone:
    circle, polygon = row["circle"], row["polygon"]
    return PlacedZone(
        row["zone"],
        row["rule"],
        Crs(row["crs"]),
        site=row["site"],
        resident=row["resident"],
        circle=None if circle is None else tuple(json.loads(circle)),
        polygon=None if polygon is None else tuple((lat, lon) for lat, lon in json.loads(polygon)),
    )


def _write_medical(medical: Medical) -> dict[str, Any]:
    limits = {name: [one.raise_at, one.clear_at, one.delay_s] for name, one in medical.limits}
    return _plain(medical) | {"limits": json.dumps(limits)}


def _read_medical(row: RowMapping) -> Medical:
    limits = tuple((name, Limit(*numbers)) for name, numbers in json.loads(row["limits"]).items())
    return Medical(row["resident"], row["spo2_scale"], row["oxygen"], limits)


def _read_device(row: RowMapping) -> Device:
    return Device(row["site"], row["device"], DeviceType(row["type"]), row["resident"], Crs(row["crs"]))


#: In the order in which they refer to each other: what is referred to stands first.
_NOUNS: Final[Mapping[str, _Noun]] = {
    "sites": _Noun(SITES, ("site",), _plain, lambda row: Site(**row)),
    "residents": _Noun(RESIDENTS, ("resident",), _plain, lambda row: Resident(**row)),
    "devices": _Noun(DEVICES, ("site", "device"), _plain, _read_device),
    "zones": _Noun(ZONES, ("zone",), _write_zone, _read_zone),
    "caregivers": _Noun(CAREGIVERS, ("caregiver",), _plain, lambda row: Caregiver(**row)),
    "medical": _Noun(MEDICAL, ("resident",), _write_medical, _read_medical),
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
    """The fleet in a database; the tables are made where they are missing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**READ_ONLY)
        _METADATA.create_all(engine)

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

    def zone_table(self, directory: Directory) -> ZoneTable:
        """The zones of each directory row whose device can say where it is.

        A resident's own zones of a rule take the place of the site's zones of that rule: who has a safe zone of their
        own may be there and need not be within the site's, and the site's pond stays forbidden to them.
        """
        zones = self.zones()
        of_site: _Placed = defaultdict(list)
        of_resident: _Placed = defaultdict(list)
        for index, zone in enumerate(zones):
            placed, owner = (of_site, zone.site) if zone.resident is None else (of_resident, zone.resident)
            placed[owner or "", zone.rule].append(index)
        row_zones: dict[int, list[int]] = {}
        for row in directory.rows.values():
            device = directory.devices[row]
            if device.type in _LOCATED:
                row_zones[row] = [
                    index
                    for rule in ("safe", "forbidden")
                    for index in of_resident.get((device.resident or "", rule)) or of_site[device.site, rule]
                ]
        return ZoneTable((zone.outline() for zone in zones), row_zones)

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
