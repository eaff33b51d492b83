"""The registry: a fleet goes in whole and comes out the same, in the same order, on disk and in memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError

from alerts.calling.escalation import KINDS, Plan, steps_of
from alerts.calling.people import Contact, ResidentCard, Team
from alerts.calling.roster import Roster
from alerts.calling.rota import HOLIDAY, Holiday, Shift, Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import Limit
from alerts.detectors.zones import Hours
from ingest.contract import Crs
from ingest.directory import Device, DeviceType, Directory
from service.database import make_engine
from service.fleet import Caregiver, Difference, Fleet, NotedSwap, Outing, PlacedZone, Resident, Site, Summary
from service.registry import Registry

FLEET = Fleet(
    sites=(Site("north", "North house"), Site("south", "南院")),
    residents=(
        Resident("r1", "林秀英", "north", "1-01", date(1938, 5, 2), "female", groups=("夜间", "walkers")),
        Resident("r2", "George", "south", language="en"),
    ),
    devices=(
        Device("south", "loc-9", DeviceType.LOCATOR, "r2", Crs.GCJ02),
        Device("north", "loc-1", DeviceType.LOCATOR, "r1"),
        Device("north", "mat-1", DeviceType.BED_MAT, "r1"),
        Device("north", "hall", DeviceType.BUTTON),
    ),
    zones=(
        PlacedZone("grounds", "safe", Crs.GCJ02, site="north", polygon=((36.0, 117.0), (36.1, 117.0), (36.1, 117.1))),
        PlacedZone("pond", "forbidden", Crs.WGS84, site="north", circle=(36.05, 117.05, 12.5)),
        PlacedZone(
            "walk",
            "safe",
            Crs.BD09,
            group="strollers",
            hours=Hours(1320, 360, (0, 6)),
            areas=((((36.0, 117.0), (36.1, 117.0), (36.1, 117.1)),), (((37.0, 117.0), (37.1, 117.0), (37.1, 117.1)),)),
        ),
        PlacedZone("daughter", "safe", Crs.WGS84, resident="r1", circle=(36.2, 117.2, 800.0)),
    ),
    caregivers=(
        Caregiver("c1", "Wang", "nurse", "north", "+86 1", contacts=(("sms", "+86 1"), ("robot", ""))),
        Caregiver("c2", "Li", "head_nurse"),
        Caregiver("c3", "Lin", "family", language="en", residents=("r1", "r2")),
    ),
    medical=(Medical("r2", 2, "oxygen", (("spo2_low", Limit(84.0, 86.0, 20.0)),)), Medical("r1", oxygen="air")),
    beds=(BedProfile("r1", "high", (1260, 360), 600.0, -1), BedProfile("r2", up_by_min=540)),
    teams=(Team("watch", ("c2", "c1")),),
    shifts=(
        Shift("night", ("c1", "c2"), 1320, 360, (4, 5, HOLIDAY), "north"),
        Shift("day", ("c2",), 480, 480, time_zone="Europe/Berlin"),
    ),
    holidays=(
        Holiday("new-year", date(2026, 1, 1), date(2026, 1, 3)),
        Holiday("leave", date(2026, 2, 1), date(2026, 2, 1), caregiver="c1"),
        Holiday("workday", date(2026, 1, 4), date(2026, 1, 4), "north", 0),
    ),
    swaps=(Swap("night", date(2026, 1, 2), "c1", "c3"),),
    plans=(
        Plan("hers", steps_of("family in order wait 30 60 90 | team:watch + centre"), KINDS, resident="r1"),
        Plan("north", steps_of("nurse"), site="north"),
    ),
)


@pytest.fixture(params=["memory", "file"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/folder/shouhu.db"
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return Registry(engine)


def test_a_new_registry_is_empty(registry: Registry) -> None:
    assert registry.fleet() == Fleet()
    assert registry.revision() == 0


def test_a_fleet_comes_out_as_it_went_in(registry: Registry) -> None:
    summary = registry.replace_fleet(FLEET)
    assert summary == Summary(*(Difference(added=count) for count in (2, 2, 4, 4, 3, 2, 2, 1, 2, 3, 1, 2)))
    assert registry.fleet() == FLEET
    assert registry.sites() == list(FLEET.sites)
    assert registry.residents() == list(FLEET.residents)
    assert registry.devices() == list(FLEET.devices)
    assert registry.zones() == list(FLEET.zones)
    assert registry.caregivers() == list(FLEET.caregivers)
    assert registry.medical() == list(FLEET.medical)
    assert registry.beds() == list(FLEET.beds)


def test_the_same_fleet_again_changes_nothing(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    revision = registry.revision()
    assert registry.replace_fleet(FLEET) == Summary()
    assert registry.revision() == revision


def test_changes_are_counted_and_what_stays_keeps_its_place(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    first, second, mat, hall = FLEET.devices
    new = Device("north", "new", DeviceType.BRACELET, "r1")
    fleet = replace(FLEET, devices=(new, hall, replace(second, crs=Crs.BD09), first), swaps=())
    assert registry.compare(fleet) == Summary(devices=Difference(1, 1, 1), swaps=Difference(removed=1))
    assert registry.fleet() == FLEET  # comparing changes nothing
    assert registry.replace_fleet(fleet) == Summary(devices=Difference(1, 1, 1), swaps=Difference(removed=1))
    assert registry.devices() == [first, replace(second, crs=Crs.BD09), hall, new]
    assert registry.revision() == 2
    registry.replace_fleet(replace(fleet, devices=(*fleet.devices, mat)))
    assert registry.devices()[-1] == mat  # one that comes back stands at the end


def test_a_resident_moves_with_everything_and_the_old_site_goes(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    moved = Fleet(
        sites=(Site("west", "West"),),
        residents=(replace(FLEET.residents[0], site="west"),),
        devices=(Device("west", "loc-1", DeviceType.LOCATOR, "r1"),),
    )
    summary = registry.replace_fleet(moved)
    assert summary.sites == Difference(1, 0, 2)
    assert summary.residents == Difference(0, 1, 1)
    assert registry.fleet() == moved


def test_an_import_that_fails_changes_nothing(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    broken = Fleet(sites=(Site("x", "X"),), devices=(Device("nowhere", "d", DeviceType.BUTTON),))
    with pytest.raises(IntegrityError):
        registry.replace_fleet(broken)
    assert registry.fleet() == FLEET
    assert registry.revision() == 1


def test_a_restart_finds_the_fleet_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shouhu.db"
    first = make_engine(url)
    Registry(first).replace_fleet(FLEET)
    first.dispose()
    second = make_engine(url)
    assert Registry(second).fleet() == FLEET
    second.dispose()


def test_readers_see_the_old_fleet_while_a_new_one_is_written(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    with engine.begin() as writing:
        writing.execute(text("DELETE FROM zones"))
        assert registry.zones() == list(FLEET.zones)
    assert registry.zones() == []
    engine.dispose()


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_no_name_of_a_person_stands_in_a_log_of_statements(registry: Registry, engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    registry.replace_fleet(FLEET)
    assert statements
    assert not any("林秀英" in statement for statement in statements)


def test_zones_are_those_of_the_resident_else_of_the_site(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    directory = Directory(registry.devices())
    table = registry.zone_table(directory)
    assert [zone.zone for zone in table.zones] == ["grounds", "pond", "walk", "daughter"]
    names = {d.device: {zone.zone for zone in table.of_row(row)} for row, d in enumerate(directory.devices)}
    assert names == {
        "loc-9": set(),  # the south has no zones
        "loc-1": {"daughter", "pond"},  # her own safe zone instead of the grounds; the pond stays forbidden
        "mat-1": set(),  # a mat is nowhere
        "hall": {"grounds", "pond"},  # nobody's: the site's
    }


def test_zones_follow_the_rows_of_the_directory_and_not_the_order_of_the_registry(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    directory = Directory(registry.devices())
    fewer = replace(FLEET, devices=FLEET.devices[1:])
    registry.replace_fleet(fewer)
    directory = directory.updated(registry.devices())
    table = registry.zone_table(directory)
    assert [len(table.of_row(row)) for row in range(4)] == [0, 2, 0, 2]  # row 0 is one that left


OUT = Outing("r1", 2_000, "c1", 1_000)


def test_outings_come_and_go(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    registry.begin_outing(OUT)
    longer = replace(OUT, until_ms=3_000, by="c2")
    registry.begin_outing(longer)
    assert registry.outings() == [longer]
    assert registry.end_outing("r1") is True
    assert registry.end_outing("r1") is False
    assert (registry.outings(), registry.revision()) == ([], 1), "the fleet is the same"
    with pytest.raises(IntegrityError):
        registry.begin_outing(replace(OUT, resident="nobody"))


def test_an_import_leaves_outings_alone_unless_the_resident_goes(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    registry.begin_outing(OUT)
    assert registry.replace_fleet(replace(FLEET, plans=())) == Summary(plans=Difference(removed=2))
    assert registry.outings() == [OUT]
    registry.replace_fleet(Fleet(sites=FLEET.sites))
    assert registry.outings() == []


NOTED = NotedSwap(Swap("night", date(2026, 1, 9), "c1", "c2"), "c2", 1_000)


def test_swaps_of_the_day_come_and_go(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    registry.note_swap(NOTED)
    other = replace(NOTED, swap=replace(NOTED.swap, stand_in="c3"), noted_ms=2_000)
    registry.note_swap(other)
    assert registry.noted_swaps() == [other], "one for each place"
    later = replace(NOTED, swap=replace(NOTED.swap, day=date(2026, 6, 5)))
    registry.note_swap(later)
    assert registry.noted_swaps() == [later], "what is long gone by is forgotten"
    registry.note_swap(other)
    registry.end_swap("night", date(2026, 6, 5), "c1")
    assert registry.book().swaps == [*FLEET.swaps, other.swap]
    assert registry.end_swap("night", date(2026, 1, 9), "c1") is True
    assert registry.end_swap("night", date(2026, 1, 9), "c1") is False
    assert (registry.noted_swaps(), registry.revision()) == ([], 1), "the fleet is the same"
    with pytest.raises(IntegrityError):
        registry.note_swap(replace(NOTED, swap=replace(NOTED.swap, shift="nothing")))


def test_an_import_leaves_swaps_of_the_day_alone_unless_shift_or_caregiver_goes(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    registry.note_swap(NOTED)
    registry.replace_fleet(replace(FLEET, swaps=(), plans=()))
    assert registry.noted_swaps() == [NOTED]
    registry.replace_fleet(replace(FLEET, swaps=(), plans=(), shifts=FLEET.shifts[1:]))
    assert registry.noted_swaps() == []


def test_a_book_holds_what_calling_somebody_needs_and_no_more_of_a_resident(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    book = registry.book({"sms"})
    assert book.residents == [ResidentCard("r1", "林秀英", "north", "1-01"), ResidentCard("r2", "George", "south")]
    assert (book.channels, book.plans, book.shifts) == ({"sms"}, list(FLEET.plans), list(FLEET.shifts))
    assert Roster(book).contact("c1", "robot") == Contact("c1", "robot", "", "zh")


def test_a_database_of_an_earlier_version_keeps_its_fleet_and_takes_what_is_new(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE sites (number INTEGER PRIMARY KEY AUTOINCREMENT, site VARCHAR(64) UNIQUE, name TEXT)",
            "CREATE TABLE residents (number INTEGER PRIMARY KEY AUTOINCREMENT, resident VARCHAR(64) NOT NULL UNIQUE,"
            " name TEXT, site VARCHAR(64), room TEXT, born DATE, sex VARCHAR(16), language VARCHAR(16))",
            "CREATE TABLE zones (number INTEGER PRIMARY KEY AUTOINCREMENT, zone VARCHAR(64) NOT NULL UNIQUE,"
            " site VARCHAR(64), resident VARCHAR(64), rule VARCHAR(16), crs VARCHAR(16), circle TEXT, polygon TEXT)",
            "CREATE TABLE caregivers (number INTEGER PRIMARY KEY AUTOINCREMENT, caregiver VARCHAR(64) NOT NULL UNIQUE,"
            " name TEXT, role VARCHAR(16), site VARCHAR(64), phone TEXT)",
            "INSERT INTO caregivers (caregiver, name, role) VALUES ('c1', 'Wang', 'nurse')",
            "INSERT INTO sites (site, name) VALUES ('north', 'North house')",
            "INSERT INTO residents (resident, name, site, language) VALUES ('r1', '林秀英', 'north', 'zh')",
            "INSERT INTO zones (zone, site, rule, crs, circle)"
            " VALUES ('pond', 'north', 'forbidden', 'wgs84', '[36.05, 117.05, 12.5]')",
        ):
            connection.exec_driver_sql(statement)
    registry = Registry(engine)
    assert registry.fleet() == Fleet(
        sites=(Site("north", "North house"),),
        residents=(Resident("r1", "林秀英", "north"),),
        zones=(PlacedZone("pond", "forbidden", Crs.WGS84, "north", circle=(36.05, 117.05, 12.5)),),
        caregivers=(Caregiver("c1", "Wang", "nurse"),),
    )
    registry.replace_fleet(FLEET)
    assert set(Registry(engine).zones()) == set(FLEET.zones), "opened again"
    engine.dispose()
