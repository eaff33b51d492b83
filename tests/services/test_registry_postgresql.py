"""The registry on a real PostgreSQL."""

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import text

from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import Team
from alerts.calling.rota import HOLIDAY, Holiday, Shift, Swap
from alerts.detectors.zones import Hours
from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.database import make_engine
from service.fleet import Caregiver, Difference, Fleet, NotedSwap, Outing, PlacedZone, Resident, Site, Summary
from service.registry import Registry

RING = ((36.0, 117.0), (36.1, 117.0), (36.1, 117.1))
AREA = (RING, ((36.05, 117.01), (36.06, 117.01), (36.06, 117.02)))
FLEET = Fleet(
    sites=(Site("north", "北院"),),
    residents=(Resident("r1", "林秀英", "north", groups=("夜间",)),),
    devices=(Device("north", "loc-1", DeviceType.LOCATOR, "r1"), Device("north", "hall", DeviceType.BUTTON)),
    zones=(
        PlacedZone("pond", "forbidden", Crs.WGS84, site="north", circle=(36.05, 117.05, 12.5)),
        PlacedZone("walk", "safe", Crs.GCJ02, group="夜间", areas=(AREA,), hours=Hours(1320, 360, (0,))),
    ),
    caregivers=(Caregiver("c1", "Wang", "nurse", contacts=(("sms", "+86 1"),)), Caregiver("c2", "Li", "nurse")),
    teams=(Team("watch", ("c1",)),),
    shifts=(Shift("night", ("c1",), 1320, 360, (4, HOLIDAY), "north"),),
    holidays=(Holiday("new-year", date(2026, 1, 1), date(2026, 1, 3)),),
    swaps=(Swap("night", date(2026, 1, 2), "c1", "c2"),),
    plans=(Plan("hers", steps_of("nurse | team:watch in order"), resident="r1"),),
)


def test_a_fleet_goes_in_changes_and_goes(postgresql: Any) -> None:
    engine = make_engine(postgresql.url)
    registry = Registry(engine)
    registry.replace_fleet(Fleet())
    before = registry.revision()
    registry.replace_fleet(FLEET)
    assert registry.fleet() == FLEET
    changed = replace(
        FLEET, devices=(Device("north", "new", DeviceType.BUTTON), replace(FLEET.devices[0], crs=Crs.BD09))
    )
    assert registry.replace_fleet(changed) == Summary(devices=Difference(1, 1, 1))
    assert [device.device for device in registry.devices()] == ["loc-1", "new"]
    registry.replace_fleet(Fleet())
    assert registry.fleet() == Fleet()
    assert registry.revision() == before + 3
    engine.dispose()


def test_an_outing_is_kept_until_it_ends_or_its_resident_goes(postgresql: Any) -> None:
    engine = make_engine(postgresql.url)
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    until_ms = 1_767_225_600_000
    for by in ("c1", "c2"):
        registry.begin_outing(Outing("r1", until_ms, by, until_ms - 1))
    assert registry.outings() == [Outing("r1", until_ms, "c2", until_ms - 1)]
    assert registry.end_outing("r1")
    registry.begin_outing(Outing("r1", until_ms, "c1", until_ms - 1))
    registry.replace_fleet(Fleet())
    assert registry.outings() == []
    engine.dispose()


def test_a_swap_of_the_day_is_kept_until_it_ends_or_its_shift_goes(postgresql: Any) -> None:
    engine = make_engine(postgresql.url)
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    noted = NotedSwap(Swap("night", date(2026, 1, 9), "c1", "c2"), "c2", 1_767_225_600_000)
    for by in ("c1", "c2"):
        registry.note_swap(replace(noted, by=by))
    assert registry.noted_swaps() == [noted]
    assert registry.end_swap("night", date(2026, 1, 9), "c1")
    registry.note_swap(noted)
    registry.replace_fleet(Fleet())
    assert registry.noted_swaps() == []
    engine.dispose()


def test_a_database_of_an_earlier_version_takes_what_is_new(postgresql: Any) -> None:
    engine = make_engine(postgresql.url)
    Registry(engine).replace_fleet(Fleet())
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE zones DROP COLUMN "group", DROP COLUMN areas, DROP COLUMN hours'))
        connection.execute(text('ALTER TABLE residents DROP COLUMN "groups"'))
        connection.execute(text("ALTER TABLE sites DROP COLUMN care, DROP COLUMN time_zone"))
        connection.execute(text("ALTER TABLE caregivers DROP COLUMN language, DROP COLUMN contacts"))
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    assert Registry(engine).fleet() == FLEET
    registry.replace_fleet(Fleet())
    engine.dispose()
