"""The ledger and the report over HTTP, and on the command line."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from alerts.findings import Condition
from alerts.journal.delays import DelayReader
from alerts.journal.desk import Desk
from alerts.journal.ledger import Ledger
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import House
from service.cli.app import app
from service.database import make_engine
from service.registry import Registry
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig, Watch

LATER_MS = NOW_MS + 600_000


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry, quarantine, watch = Registry(engine), Quarantine(tmp_path / "quarantine.db"), Watch()
    registry.replace_fleet(FLEET)
    async with Desk(engine) as desk:
        house = House(
            desk, registry, quarantine, watch, lambda: b"", lambda: LATER_MS,
            ledger=Ledger(engine), delays=DelayReader(engine),
        )  # fmt: skip
        async with TestClient(TestServer(make_app(house))) as client:
            yield Rig(client, desk, registry, watch)
    quarantine.close()
    engine.dispose()


async def press(rig: Rig) -> str:
    return await rig.happens(2, condition=Condition.SOS, cause="press")


async def test_the_ledger_of_an_alarm_says_when_each_step_was(rig: Rig) -> None:
    name = await press(rig)
    await rig.desk.acknowledge(name, "lin", NOW_MS + 30_000)
    ledger = await rig.get(f"/api/v1/alarms/{name}/ledger")
    assert ledger == {
        "alarm": name, "site": "hill", "condition": "sos", "drill": False, "onset_ms": NOW_MS - 1500,
        "received_ms": NOW_MS - 100, "detected_ms": NOW_MS, "journalled_ms": NOW_MS, "sent_ms": None,
        "delivered_ms": None, "acknowledged_ms": NOW_MS + 30_000, "resolved_ms": None,
    }  # fmt: skip
    unknown = await rig.get("/api/v1/alarms/nobody/ledger", 404)
    assert unknown["error"]["code"] == "unknown_alarm"


async def test_the_report_stands_beside_telecare_practice(rig: Rig) -> None:
    name = await press(rig)
    await rig.desk.acknowledge(name, "lin", NOW_MS + 90_000)
    report = await rig.get("/api/v1/report?days=1&site=hill")
    assert report["by_condition"].keys() == {"sos"}
    assert report["people"]["answered"] == [
        {"within_s": 60, "total": 1, "answered": 0, "share": 0.0, "practice": 0.975},
        {"within_s": 180, "total": 1, "answered": 1, "share": 1.0, "practice": 0.99},
    ]
    assert report["people"]["legs"]["raised_to_acknowledged"] == {
        "count": 1, "p50_ms": 90_000.0, "p95_ms": 90_000.0, "p99_ms": 90_000.0,
    }  # fmt: skip
    assert (await rig.get("/api/v1/report?site=garden"))["people"]["alarms"] == 0
    await rig.get("/api/v1/report?days=0", 400)


async def test_the_command_prints_tables_or_the_same_json(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await press(rig)
    await rig.desk.acknowledge(name, "lin", NOW_MS + 90_000)
    monkeypatch.setattr("service.delay_report.wall_clock_ms", lambda: LATER_MS)
    settings = tmp_path / "shouhu.toml"
    settings.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/house.db"\n')
    said = CliRunner().invoke(app, ["report", "--settings", str(settings)])
    assert said.exit_code == 0, said.stderr
    assert "90.0 s / 90.0 s / 90.0 s" in said.stdout
    assert "0.0% (0 of 1)" in said.stdout
    assert "97.5%" in said.stdout
    unknown = CliRunner().invoke(app, ["report", "--site", "hil", "--settings", str(settings)])
    assert unknown.exit_code == 2
    assert 'there is no site "hil"; those of the fleet are: garden, hill' in unknown.stderr
    as_json = CliRunner().invoke(app, ["report", "--json", "--settings", str(settings)])
    assert json.loads(as_json.stdout) == await rig.get("/api/v1/report")


async def test_a_site_without_alarms_has_a_report_and_one_that_is_not_there_has_none(rig: Rig) -> None:
    assert (await rig.get("/api/v1/report?site=hill"))["people"]["alarms"] == 0
    error = (await rig.get("/api/v1/report?site=hil", 404))["error"]
    assert error["code"] == "unknown_site"
    assert "'hil'" in error["message"]
