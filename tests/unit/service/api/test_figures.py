"""The load on people over HTTP and to Prometheus, as the watch keeps it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.alarm import Outcome
from alerts.findings import Condition
from alerts.journal.desk import Desk
from alerts.journal.figures import LoadReader
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.load_watch import LoadWatch
from service.metrics import Metrics
from service.registry import Registry
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig, Watch

LATER_MS = NOW_MS + 600_000


class LoadRig(Rig):
    """The rig with figures."""

    load_watch: LoadWatch


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[LoadRig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry, quarantine, watch, metrics = Registry(engine), Quarantine(tmp_path / "quarantine.db"), Watch(), Metrics()
    registry.replace_fleet(FLEET)
    async with Desk(engine) as desk:
        load = LoadReader(engine)
        house = House(desk, registry, quarantine, watch, metrics.exposition, lambda: LATER_MS, load=load)
        async with TestClient(TestServer(make_app(house))) as client:
            rig = LoadRig(client, desk, registry, watch)
            rig.load_watch = LoadWatch(load, registry, metrics, lambda: LATER_MS)
            yield rig
    quarantine.close()
    engine.dispose()


async def test_the_figures_of_a_site_and_of_a_caregiver(rig: LoadRig) -> None:
    name = await rig.happens(2, condition=Condition.SOS, cause="press")
    await rig.happens(0)
    await rig.desk.acknowledge(name, "lin", NOW_MS + 30_000)
    await rig.desk.resolve(name, "lin", Outcome.FALSE, "", NOW_MS + 60_000)
    load = await rig.get("/api/v1/figures?hours=2&site=hill")
    assert (load["start_ms"], load["end_ms"]) == (LATER_MS - 7_200_000, LATER_MS)
    assert load["sites"] == [
        {
            "site": "hill", "alarms": 1, "alarms_per_hour": 0.5, "in_ten_minutes": 1, "most_in_ten_minutes": 1,
            "flood_share": 0.0, "chattering": 0, "open": 0, "stale": 0, "judged_true": 0, "judged_false": 1,
            "false_share": 1.0, "causes": {"press": 1},
        }
    ]  # fmt: skip
    assert load["caregivers"] == [
        {
            "caregiver": "lin", "taken": 1, "take_median_s": 30.0, "calls": 0, "calls_per_hour": 0.0, "night_calls": 0,
            "in_ten_minutes": 0, "most_in_ten_minutes": 0, "flood_share": 0.0, "chattering": 0, "judged_true": 0,
            "judged_false": 0, "false_share": None, "holds": 0, "stale": 0,
        }
    ]  # fmt: skip
    assert [site["site"] for site in (await rig.get("/api/v1/figures"))["sites"]] == ["garden", "hill"]


@pytest.mark.parametrize("query", ["hours=0", "hours=169", "site=a/b", "days=1"])
async def test_a_wrong_question_is_told_what_is_wrong(rig: LoadRig, query: str) -> None:
    await rig.get(f"/api/v1/figures?{query}", 400)


async def test_prometheus_sees_the_last_hour_and_nobody_who_is_not_in_it(rig: LoadRig) -> None:
    name = await rig.happens(2, condition=Condition.SOS, cause="press")
    await rig.desk.acknowledge(name, "lin", NOW_MS + 30_000)
    await rig.load_watch.look()
    shown = await (await rig.client.get("/metrics")).text()
    assert 'shouhu_load_alarms{site="hill"} 1.0' in shown
    assert 'shouhu_load_open{site="hill"} 1.0' in shown
    assert 'shouhu_caregiver_holds{caregiver="lin"} 1.0' in shown
    await rig.desk.resolve(name, "lin", Outcome.TRUE, "", NOW_MS + 60_000)
    await rig.load_watch.look()
    shown = await (await rig.client.get("/metrics")).text()
    assert "shouhu_caregiver_holds{" in shown  # taken within the hour
    assert 'shouhu_load_judged_true{site="hill"} 1.0' in shown
    assert 'site="garden"' not in shown


async def test_a_site_that_is_not_there_is_no_site_without_alarms(rig: LoadRig) -> None:
    assert (await rig.get("/api/v1/figures?site=hill"))["sites"] == []
    assert (await rig.get("/api/v1/figures?site=hil", 404))["error"]["code"] == "unknown_site"
