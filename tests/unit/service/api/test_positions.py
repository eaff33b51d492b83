"""Where people are over HTTP: the last known position, the way they went, and outings."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.detectors.standard import DetectorSettings
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from ingest.contract import Crs
from ingest.coordinates import from_wgs84
from ingest.decode import Limits
from ingest.directory import Device, DeviceType
from ingest.quarantine import Quarantine
from service import fleet_watch
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.fleet import Fleet, PlacedZone
from service.fleet_watch import FleetWatch
from service.registry import Registry
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig, Watch

LAT, LON = 36.64, 117.96
#: A degree of latitude there, near enough.
DEGREE_M = 110_990.0
LOCATOR = Device("garden", "loc-1", DeviceType.LOCATOR, "r-1")
GCJ = tuple(float(part[0]) for part in from_wgs84([LAT], [LON], Crs.GCJ02))
POND = ((LAT, LON), (LAT, LON + 0.0002), (LAT + 0.0001, LON))
GROUNDS: Fleet = replace(
    FLEET,
    devices=(*FLEET.devices, LOCATOR),
    zones=(
        PlacedZone("grounds", "safe", Crs.GCJ02, "garden", circle=(GCJ[0], GCJ[1], 100.0)),
        PlacedZone("pond", "forbidden", Crs.WGS84, "garden", areas=((POND,),)),
        PlacedZone("lake", "forbidden", Crs.WGS84, "garden", circle=(LAT + 1, LON, 100.0)),
    ),
)  # fmt: skip


class Home(Rig):
    """The API over a fleet that is watched, with a clock of the test's own."""

    now_ms = NOW_MS
    fleet: FleetWatch

    def fix(self, north_m: float, at_s: float, **said: Any) -> list[Finding]:
        """A fix so far north of the middle of the grounds; what is found."""
        self.now_ms = NOW_MS + round(at_s * 1000)
        said = {
            "t": self.now_ms,
            "lat": LAT + north_m / DEGREE_M,
            "lon": LON,
            "acc": 8,
            "src": "gnss",
            "bat": 40,
        } | said
        body = ",".join(
            f'"{name}":' + (f'"{value}"' if isinstance(value, str) else f"{value}") for name, value in said.items()
        )
        decoded = self.fleet.decoder.decode(["care/v1/garden/loc-1/location"], [f"{{{body}}}".encode()], self.now_ms)
        assert not decoded.rejected
        return self.fleet.bank.update(decoded.readings, self.now_ms)

    async def fixes(self, *north_m: float, since_s: float = 0, every_s: float = 10) -> None:
        """Fixes one after another, and their findings journalled."""
        for i, north in enumerate(north_m):
            found = self.fix(north, since_s + i * every_s)
            await self.desk.record(found, self.fleet.decoder.directory.devices, self.now_ms, self.now_ms)

    async def looks(self) -> None:
        """The watch looks whether anything has changed."""
        watching = asyncio.create_task(self.fleet.run())
        async with asyncio.timeout(60):
            while self.fleet._outings != self.registry.outings():  # noqa: ASYNC110 - nothing tells a spectator
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.wait([watching])

    async def position(self) -> Any:
        return await self.get("/api/v1/residents/r-1/position")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry = Registry(engine)
    registry.replace_fleet(GROUNDS)
    fleet = FleetWatch(registry, DetectorSettings(), Limits())
    watch = Watch()
    async with Desk(engine) as desk:
        home: Home
        house = House(
            desk,
            registry,
            Quarantine(tmp_path / "quarantine.db"),
            watch,
            lambda: b"",
            lambda: home.now_ms,
            whereabouts=fleet.whereabouts,
        )
        async with TestClient(TestServer(make_app(house))) as client:
            home = Home(client, desk, registry, watch)
            home.fleet = fleet
            yield home
    house.quarantine.close()  # type: ignore[attr-defined]
    engine.dispose()


async def test_nobody_is_inside_of_whom_no_fix_is_known(home: Home) -> None:
    position = await home.position()
    assert position["state"] == "unknown"
    assert position["lat_deg"] is None
    assert (await home.get("/api/v1/residents/nobody/position", 404))["error"]["code"] == "unknown_resident"


async def test_the_last_known_position_and_what_it_says(home: Home) -> None:
    await home.fixes(10, 20, 30)
    home.now_ms += 40_000
    position = await home.position()
    assert position["state"] == "inside"
    assert position["lat_deg"] == pytest.approx(LAT + 30 / DEGREE_M)
    assert (position["accuracy_m"], position["age_s"], position["source"], position["battery_pct"]) == (
        8,
        40,
        "gnss",
        40,
    )
    assert (position["zone"], position["direction"]) == ("grounds", "N")
    assert position["distance_m"] == pytest.approx(-70, abs=1)
    assert position["fix_ms"] == NOW_MS + 20_000


async def test_from_probably_outside_to_outside_and_back(home: Home) -> None:
    await home.fixes(0, 10)
    home.fix(112, 20)
    states = [(await home.position())["state"]]
    for at_s in (30, 40, 50):
        home.fix(135, at_s)
        states.append((await home.position())["state"])
    assert "probably_outside" in states
    assert states[-1] == "outside"
    for at_s in (60, 70, 80):
        home.fix(20, at_s)
    assert (await home.position())["state"] == "inside"


async def test_whoever_is_not_heard_for_long_is_unknown_and_not_inside(home: Home) -> None:
    await home.fixes(0, 10)
    home.now_ms += 29 * 60_000
    assert (await home.position())["state"] == "inside"
    home.now_ms += 2 * 60_000
    position = await home.position()
    assert position["state"] == "unknown"
    assert position["lat_deg"] is not None, "the last known place, with its age"
    assert position["age_s"] == 31 * 60


async def test_who_stands_in_a_pond_is_told(home: Home) -> None:
    for at_s in range(0, 100, 10):
        home.fix(3, at_s, lon=LON + 0.00005, acc=2)
    assert (await home.position())["forbidden_zone"] == "pond"


async def test_the_way_somebody_went_with_the_zones_around(home: Home) -> None:
    await home.fixes(0, 90, *range(130, 330, 10))
    (alarm,) = await home.desk.open_alarms()
    track = await home.get(f"/api/v1/alarms/{alarm.alarm}/track")
    assert track["resident"] == "r-1"
    times = [fix["time_ms"] for fix in track["fixes"]]
    assert times == sorted(set(times))
    assert len(times) >= 4, "as it began and every 30 s"
    first, last = track["fixes"][0], track["fixes"][-1]
    assert (first["event"], last["event"]) == ("raise", "witness")
    assert last["distance_m"] > first["distance_m"] > 20
    assert (last["zone"], last["direction"], last["accuracy_m"]) == ("grounds", "N", 8)
    zones = {zone["zone"]: zone for zone in track["zones"]}
    assert set(zones) == {"grounds", "pond"}, "what is 100 km away is of no help"
    # As drawn in GCJ-02, shown in WGS-84.
    assert zones["grounds"]["middle"] == {
        "lat_deg": pytest.approx(LAT, abs=1e-6),
        "lon_deg": pytest.approx(LON, abs=1e-6),
    }
    assert zones["pond"]["areas"][0][0][0] == [LAT, LON]
    lat, lon = from_wgs84([last["lat_deg"]], [last["lon_deg"]], Crs.GCJ02)
    assert track["last_gcj02"] == {
        "lat_deg": pytest.approx(lat[0], abs=1e-6),
        "lon_deg": pytest.approx(lon[0], abs=1e-6),
    }


async def test_the_way_ends_where_they_are_back(home: Home) -> None:
    await home.fixes(0, 150, 160, 170, 180, 20, 10, 0, 0)
    (alarm,) = await home.desk.open_alarms()
    assert alarm.state == "returned"
    assert float(dict(alarm.evidence)["distance_m"]) < 0
    track = await home.get(f"/api/v1/alarms/{alarm.alarm}/track")
    assert track["fixes"][-1]["event"] == "return"
    assert track["fixes"][-1]["distance_m"] < 0


async def test_an_alarm_without_a_position_has_no_way(home: Home) -> None:
    alarm = await home.happens()
    assert await home.get(f"/api/v1/alarms/{alarm}/track") == {
        "alarm": alarm, "resident": "r-1", "fixes": [], "zones": [], "last_gcj02": None,
    }  # fmt: skip
    await home.get("/api/v1/alarms/none/track", 404)


async def test_a_press_with_a_position_has_a_place_on_the_map(home: Home) -> None:
    devices = home.fleet.decoder.directory.devices
    row = [device.device for device in devices].index("loc-1")
    evidence = (("lat_deg", LAT), ("lon_deg", LON))
    press = Finding(row, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, NOW_MS, NOW_MS, evidence)
    (told,) = await home.desk.record([press], devices, NOW_MS, NOW_MS)
    track = await home.get(f"/api/v1/alarms/{told.alarm.alarm}/track")
    assert [(fix["lat_deg"], fix["accuracy_m"], fix["time_ms"]) for fix in track["fixes"]] == [(LAT, None, NOW_MS)]


# ------------------------------------------------------------------ outings

OUTING = "/api/v1/residents/r-1/outing"
HOUR_MS = 3_600_000


async def test_an_outing_begins_ends_and_ends_by_itself(home: Home) -> None:
    assert (await home.get("/api/v1/outings"))["outings"] == []
    until_ms = NOW_MS + HOUR_MS
    begun = {"resident": "r-1", "until_ms": until_ms, "by": "lin", "begun_ms": NOW_MS}
    assert await home.post(OUTING, {"until": until_ms, "by": "lin"}) == begun
    assert (await home.get("/api/v1/outings"))["outings"] == [begun]
    assert (await home.position())["outing_until_ms"] == until_ms
    later = datetime.fromtimestamp((until_ms + HOUR_MS) / 1000, UTC).isoformat()
    assert (await home.post(OUTING, {"until": later, "by": "mei"}))["until_ms"] == until_ms + HOUR_MS
    assert [one["by"] for one in (await home.get("/api/v1/outings"))["outings"]] == ["mei"]
    home.now_ms = until_ms + HOUR_MS
    assert (await home.get("/api/v1/outings"))["outings"] == []
    assert (await home.position())["outing_until_ms"] is None


async def test_an_outing_is_ended_by_a_caregiver(home: Home) -> None:
    await home.post(OUTING, {"until": NOW_MS + HOUR_MS, "by": "lin"})
    headers = {"Content-Type": "application/json"}
    refused = await home.client.delete(f"{OUTING}?by=lin")
    assert refused.status == 415, "no other page may do it"
    ended = await home.client.delete(f"{OUTING}?by=lin", headers=headers)
    assert (ended.status, await ended.json()) == (200, {"resident": "r-1"})
    assert (await home.client.delete(f"{OUTING}?by=lin", headers=headers)).status == 404
    assert (await home.client.delete(f"{OUTING}?by=nobody", headers=headers)).status == 400
    assert (await home.client.delete(OUTING, headers=headers)).status == 400


@pytest.mark.parametrize(
    "until",
    [NOW_MS, NOW_MS - 1, NOW_MS + 24 * HOUR_MS + 1, "16:00", "2026-01-01T16:00:00", "", None, True, 1e400],
)
async def test_a_time_that_cannot_be_meant_is_refused(home: Home, until: Any) -> None:
    refused = await home.client.post(OUTING, json={"until": until, "by": "lin"})
    assert refused.status == 400
    assert (await home.get("/api/v1/outings"))["outings"] == []


async def test_only_residents_go_out_and_only_caregivers_say_so(home: Home) -> None:
    body = {"until": NOW_MS + HOUR_MS, "by": "lin"}
    await home.post("/api/v1/residents/nobody/outing", body, 404)
    await home.post(OUTING, body | {"by": "nobody"}, 400)


async def test_an_outing_suspends_the_safe_zones_within_seconds_and_an_open_alarm_is_over(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_watch, "_LOOK_EVERY_S", 0.001)
    await home.fixes(0, 150, 160, 170)
    (alarm,) = await home.desk.open_alarms()
    assert alarm.state == "unacknowledged"
    await home.post(OUTING, {"until": home.now_ms + HOUR_MS, "by": "lin"})
    await home.looks()
    assert (await home.position())["state"] == "unfenced"
    await home.fleet._take_over()
    assert (await home.position())["state"] == "unfenced", "also after an import"
    await home.fixes(200, 210, since_s=100)
    (alarm,) = await home.desk.open_alarms()
    assert alarm.state == "returned"
    # When the time is over, the zones count again by themselves.
    await home.fixes(250, 260, 270, 280, since_s=4_000)
    states = {one.state for one in await home.desk.open_alarms()}
    assert states == {"unacknowledged"}
