"""Sites, people, devices, zones and who is called in SQL: the only place that holds names and addresses of people.

Everything is synchronous; from the event loop call it through a thread. `replace_fleet` is one transaction: a
reader sees the old fleet or the new one, never half.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, bindparam, delete, insert, select, update

from alerts.calling.people import Caregiver, ResidentCard, Site
from alerts.calling.roster import Book
from alerts.calling.rota import Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.zones import ZoneTable
from alerts.journal.tables import make_tables
from ingest.directory import Device, Directory
from service.database import READ_ONLY
from service.fleet.nouns import Difference, Fleet, NotedSwap, Outing, PlacedZone, Resident, Summary
from service.placement import Placement, zone_table
from service.registry_rows import METADATA, NOTED_SWAPS, NOUNS, OUTINGS, RESIDENTS, REVISION, Noun, plain

#: What a resident's card has of their row.
_CARD_COLUMNS: Final = [RESIDENTS.c[field.name] for field in fields(ResidentCard)]
_SWAPS_KEPT: Final = timedelta(days=60)
#: The nouns of the fleet that a book holds as they are.
_BOOK: Final = ("sites", "caregivers", "teams", "shifts", "holidays", "swaps", "plans")


@dataclass(frozen=True, slots=True)
class _Change:
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
        make_tables(engine, METADATA)

    def replace_fleet(self, fleet: Fleet) -> Summary:
        """Make the registry hold `fleet` and nothing else, in one transaction; what did not change keeps its place."""
        with self._engine.begin() as connection:
            changes = _changes(connection, fleet)
            for name, change in changes.items():
                _upsert(connection, NOUNS[name], change)
            for name, change in reversed(changes.items()):
                _remove(connection, NOUNS[name], change)
            if any(change.added or change.changed or change.removed for change in changes.values()):
                _count_up(connection)
        return _summary(changes)

    def compare(self, fleet: Fleet) -> Summary:
        """What `replace_fleet` would change; changes nothing."""
        with self._reader.connect() as connection:
            return _summary(_changes(connection, fleet))

    def revision(self) -> int:
        """A number that changes whenever the fleet does, also where another process changes it."""
        with self._reader.connect() as connection:
            return connection.execute(select(REVISION.c.revision)).scalar_one_or_none() or 0

    def fleet(self) -> Fleet:
        """Everything, as of one moment."""
        with self._reader.connect() as connection:
            return Fleet(**{name: tuple(_read(connection, noun)) for name, noun in NOUNS.items()})

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

    def swaps(self) -> list[Swap]:
        """The swaps that the fleet file has."""
        return self._all("swaps")

    def medical(self) -> list[Medical]:
        """What is settled for single residents."""
        return self._all("medical")

    def beds(self) -> list[BedProfile]:
        """What is settled about the beds of single residents."""
        return self._all("beds")

    def placement(self) -> Placement:
        """The zones and who has them."""
        with self._reader.connect() as connection:
            zones = _read(connection, NOUNS["zones"])
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
            connection.execute(insert(OUTINGS), plain(outing))

    def end_outing(self, resident: str) -> bool:
        """Note that a resident is not out any more; False where they were not."""
        with self._engine.begin() as connection:
            return connection.execute(delete(OUTINGS).where(OUTINGS.c.resident == resident)).rowcount > 0

    def book(self, channels: Collection[str] | None = None) -> Book:
        """Everybody who may be called, and how that is settled; `channels` are those in the settings."""
        with self._reader.connect() as connection:
            cards = connection.execute(select(*_CARD_COLUMNS).order_by(RESIDENTS.c.number)).mappings()
            residents = [ResidentCard(**row) for row in cards]
            found = {name: _read(connection, NOUNS[name]) for name in _BOOK}
            found["swaps"] += [noted.swap for noted in _noted_swaps(connection)]
        return Book(residents=residents, channels=channels, **found)

    def noted_swaps(self) -> list[NotedSwap]:
        """The swaps that came up during the day, those of days gone by included, in the order in which they came."""
        with self._reader.connect() as connection:
            return _noted_swaps(connection)

    def note_swap(self, noted: NotedSwap) -> None:
        """Note a swap in place of what was noted for the same place; IntegrityError: no such shift or caregiver.

        What was noted for days long gone by is forgotten.
        """
        swap = noted.swap
        with self._engine.begin() as connection:
            connection.execute(delete(NOTED_SWAPS).where(NOTED_SWAPS.c.day < swap.day - _SWAPS_KEPT))
            connection.execute(delete(NOTED_SWAPS).where(*_place_of(swap.shift, swap.day, swap.absent)))
            values = plain(swap) | {"by": noted.by, "noted_ms": noted.noted_ms}
            connection.execute(insert(NOTED_SWAPS), values)

    def end_swap(self, shift: str, day: date, absent: str) -> bool:
        """Forget a swap that was noted; False where there was none."""
        with self._engine.begin() as connection:
            return connection.execute(delete(NOTED_SWAPS).where(*_place_of(shift, day, absent))).rowcount > 0

    def _all(self, name: str) -> list[Any]:
        with self._reader.connect() as connection:
            return _read(connection, NOUNS[name])


def _noted_swaps(connection: Connection) -> list[NotedSwap]:
    rows = connection.execute(select(NOTED_SWAPS).order_by(NOTED_SWAPS.c.number))
    return [NotedSwap(Swap(row.shift, row.day, row.absent, row.stand_in), row.by, row.noted_ms) for row in rows]


def _place_of(shift: str, day: date, absent: str) -> list[ColumnElement[bool]]:
    return [NOTED_SWAPS.c.shift == shift, NOTED_SWAPS.c.day == day, NOTED_SWAPS.c.absent == absent]


def _count_up(connection: Connection) -> None:
    changed = connection.execute(update(REVISION).values(revision=REVISION.c.revision + 1))
    if changed.rowcount == 0:
        connection.execute(insert(REVISION).values(id=1, revision=1))


def _rows(connection: Connection, noun: Noun) -> Sequence[RowMapping]:
    columns = [column for column in noun.table.columns if column.name != "number"]
    return connection.execute(select(*columns).order_by(noun.table.c.number)).mappings().all()


def _read(connection: Connection, noun: Noun) -> list[Any]:
    return [noun.read(row) for row in _rows(connection, noun)]


def _changes(connection: Connection, fleet: Fleet) -> dict[str, _Change]:
    return {name: _change(connection, noun, getattr(fleet, name)) for name, noun in NOUNS.items()}


def _change(connection: Connection, noun: Noun, things: Sequence[Any]) -> _Change:
    def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in noun.key)

    wanted = {key_of(row): row for row in map(noun.write, things)}
    present = {key_of(row): row for row in map(dict, _rows(connection, noun))}
    return _Change(
        added=[row for key, row in wanted.items() if key not in present],
        changed=[row for key, row in wanted.items() if key in present and row != present[key]],
        removed=[row for key, row in present.items() if key not in wanted],
    )


def _keyed(noun: Noun, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # The key's columns stand in WHERE and in SET, so the parameters of WHERE need names of their own.
    return [row | {f"key_{name}": row[name] for name in noun.key} for row in rows]


def _upsert(connection: Connection, noun: Noun, change: _Change) -> None:
    if change.added:
        connection.execute(insert(noun.table), change.added)
    if change.changed:
        here = [noun.table.c[name] == bindparam(f"key_{name}") for name in noun.key]
        connection.execute(update(noun.table).where(*here), _keyed(noun, change.changed))


def _remove(connection: Connection, noun: Noun, change: _Change) -> None:
    if change.removed:
        here = [noun.table.c[name] == bindparam(f"key_{name}") for name in noun.key]
        keys = [{f"key_{name}": row[name] for name in noun.key} for row in change.removed]
        connection.execute(delete(noun.table).where(*here), keys)


def _summary(changes: Mapping[str, _Change]) -> Summary:
    return Summary(**{name: change.counted() for name, change in changes.items()})
