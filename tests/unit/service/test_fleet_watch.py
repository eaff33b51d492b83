"""What an import settles for a resident reaches the detectors of the running service, and costs them no memory."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.calling.escalation import Recipient
from alerts.calling.rota import Shift, Swap
from alerts.detectors.bed_profile import BedProfile
from alerts.detectors.medical import Medical
from alerts.detectors.standard import DetectorSettings
from alerts.detectors.vitals import Limit
from ingest.decode import Limits
from ingest.directory import Device, DeviceType
from service import fleet_watch
from service.database import make_engine
from service.fleet import Caregiver, Fleet, NotedSwap, Resident, Site
from service.fleet_watch import FleetWatch
from service.registry import Registry
from service.silent_devices import ToldAs

T0_MS = 1_760_000_000_000
FLEET = Fleet(
    sites=(Site("s", "S"),),
    residents=(Resident("a", "A", "s"), Resident("b", "B", "s")),
    devices=tuple(
        Device("s", name, kind, who)
        for name, kind, who in [
            ("band-a", DeviceType.BRACELET, "a"), ("band-b", DeviceType.BRACELET, "b"),
            ("mat-b", DeviceType.BED_MAT, "b"), ("hall", DeviceType.BUTTON, None),
        ]
    ),
    medical=(Medical("b", 2, "oxygen", (("heart_rate_high", Limit(120.0, 115.0, 0.0)),)),),
)  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    # A file: the watch reads it in a thread while a test writes, and a database in memory has one connection for both.
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    yield Registry(engine)
    engine.dispose()


def send(watch: FleetWatch, at_s: float, device: str, kind: str, body: str) -> list[tuple[str, str, str]]:
    """Findings of one message as (device, cause, change)."""
    now_ms = T0_MS + round(at_s * 1000)
    payload = f'{{"t":{now_ms},{body}}}'.encode()
    decoded = watch.decoder.decode([f"care/v1/s/{device}/{kind}"], [payload], now_ms)
    assert not decoded.rejected
    devices = watch.decoder.directory.devices
    return [(devices[f.row].device, f.cause, f.change.value) for f in watch.bank.update(decoded.readings, now_ms)]


def test_each_resident_has_their_own_limits(registry: Registry) -> None:
    registry.replace_fleet(FLEET)
    watch = FleetWatch(registry, DetectorSettings(), Limits())
    assert send(watch, 0, "band-a", "vitals", '"hr":121') == []
    assert send(watch, 0, "band-b", "vitals", '"hr":120') == [("band-b", "heart_rate_high", "began")]
    assert send(watch, 1, "mat-b", "bed", '"hr":120,"present":true') == [("mat-b", "heart_rate_high", "began")]
    assert [send(watch, at_s, "band-b", "vitals", '"spo2":97') for at_s in (2, 62)] == [
        [], [("band-b", "spo2_high", "began"), ("band-b", "early_warning", "began")],
    ]  # fmt: skip


async def test_an_import_is_in_force_without_a_restart(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_watch, "_LOOK_EVERY_S", 0.001)
    registry.replace_fleet(replace(FLEET, medical=()))
    watch = FleetWatch(registry, DetectorSettings(), Limits())
    # Two points for pulse and respiration each, by two devices: not enough for anybody on air.
    body = '"hr":115,"rr":22'
    assert send(watch, 0, "band-b", "vitals", body) == []
    mat_first = (FLEET.devices[2], *FLEET.devices[:2])
    registry.replace_fleet(replace(FLEET, devices=mat_first, medical=(Medical("b", 1, "oxygen"),)))
    await looked(watch, lambda: len(watch.decoder.directory.rows) == len(mat_first))
    assert send(watch, 1, "mat-b", "bed", '"rr":22') == []
    assert send(watch, 61, "band-b", "vitals", '"hr":115') == [("band-b", "early_warning", "began")]


def test_who_gets_another_bracelet_is_remembered(registry: Registry) -> None:
    """The early warning of a resident is by resident, wherever in the fleet their first device stands."""
    registry.replace_fleet(FLEET)
    watch = FleetWatch(registry, DetectorSettings(), Limits())
    body = '"hr":115,"rr":26'
    assert send(watch, 0, "band-a", "vitals", body) == []
    new = Device("s", "band-c", DeviceType.BRACELET, "a")
    registry.replace_fleet(replace(FLEET, devices=(*FLEET.devices[1:], new)))
    asyncio.run(watch._take_over())
    assert send(watch, 60, "band-c", "vitals", body) == [("band-c", "early_warning", "began")]


@pytest.mark.parametrize(("risk", "found"), [("high", [("mat-b", "bed_exit", "began")]), ("usual", [])])
def test_the_fall_risk_of_a_resident_is_that_of_their_bed(registry: Registry, risk: Any, found: Any) -> None:
    registry.replace_fleet(replace(FLEET, beds=(BedProfile("b", risk),)))
    watch = FleetWatch(registry, DetectorSettings(), Limits())
    said = [send(watch, at_s, "mat-b", "bed", f'"present":{"true" if at_s < 3 else "false"}') for at_s in range(6)]
    assert [one for told in said for one in told] == found


def test_a_service_begins_before_anybody_is_registered(registry: Registry) -> None:
    assert FleetWatch(registry, DetectorSettings(), Limits()).bank.count == 0


async def looked(watch: FleetWatch, until: Any) -> None:
    """Look for changes until something is so."""
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(60):
        while not until():  # noqa: ASYNC110 - nothing tells a spectator
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait([running])


async def test_who_is_called_follows_imports_and_swaps(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_watch, "_LOOK_EVERY_S", 0.001)
    registry.replace_fleet(FLEET)
    watch = FleetWatch(registry, DetectorSettings(), Limits(), channels=["sms"])
    day = datetime.fromtimestamp(T0_MS / 1000, ZoneInfo("Asia/Shanghai")).date()

    def on_duty() -> list[str]:
        return [one.caregiver for one in watch.roster.duty("s", T0_MS)]

    assert on_duty() == []
    carers = (
        Caregiver("wang", "W", "nurse", "s", contacts=(("sms", "1"), ("pager", "2"))),
        Caregiver("li", "L", "nurse"),
    )
    registry.replace_fleet(replace(FLEET, caregivers=carers, shifts=(Shift("all", ("wang",), 0, 1440, site="s"),)))
    await looked(watch, lambda: on_duty() == ["wang", "li"])
    assert watch.roster.recipients() == [Recipient("wang", "sms")], (
        "a channel that is not in the settings reaches nobody"
    )
    before = watch.roster
    registry.note_swap(NotedSwap(Swap("all", day, "wang", "li"), "li", T0_MS))
    await looked(watch, lambda: on_duty() == ["li", "li"])
    assert [one.caregiver for one in before.duty("s", T0_MS)] == ["wang", "li"], "a roster never changes"
    assert registry.end_swap("all", day, "wang")
    await looked(watch, lambda: on_duty() == ["wang", "li"])


def test_the_silent_devices_of_a_site_are_known_one_by_one(registry: Registry) -> None:
    mats = tuple(Device("s", f"mat-{n}", DeviceType.BED_MAT) for n in range(8))
    other = Device("other", "mat-0", DeviceType.BED_MAT)
    registry.replace_fleet(replace(FLEET, sites=(*FLEET.sites, Site("other", "O")), devices=(*mats, other), medical=()))
    watch = FleetWatch(registry, DetectorSettings(), Limits())
    assert watch.silent_devices("s") == []
    send(watch, 0, "mat-3", "bed", '"present":true')
    causes = [f.cause for second in range(0, 700, 5) for f in watch.bank.tick(T0_MS + second * 1000)]
    assert [cause for cause in causes if cause != "silent"][:1] == ["link_down"]
    silent = watch.silent_devices("s")
    assert {one.told_as for one in silent} == {ToldAs.SITE}
    assert [one.heard_ms for one in silent] == [None] * 7 + [T0_MS]
    assert [one.device for one in watch.silent_devices("other")] == [other]
    assert watch.silent_devices("nowhere") == []
