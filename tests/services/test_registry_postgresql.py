"""The registry on a real PostgreSQL."""

from dataclasses import replace
from typing import Any

from ingest.contract import Crs
from ingest.directory import Device, DeviceType
from service.database import make_engine
from service.fleet import Caregiver, Difference, Fleet, PlacedZone, Resident, Site, Summary
from service.registry import Registry

FLEET = Fleet(
    sites=(Site("north", "北院"),),
    residents=(Resident("r1", "林秀英", "north"),),
    devices=(Device("north", "loc-1", DeviceType.LOCATOR, "r1"), Device("north", "hall", DeviceType.BUTTON)),
    zones=(PlacedZone("pond", "forbidden", Crs.WGS84, site="north", circle=(36.05, 117.05, 12.5)),),
    caregivers=(Caregiver("c1", "Wang", "nurse"),),
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
