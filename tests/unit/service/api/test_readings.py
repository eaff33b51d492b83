"""A resident's readings over HTTP, from a real SQLite store."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.journal.desk import Desk
from ingest.blocks import blocks_of
from ingest.decode import Decoder
from ingest.directory import Directory
from ingest.quarantine import Quarantine
from ingest.stores.sqlite import SqliteStore
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.registry import Registry
from tests.unit.service.api.rig import DEVICES, NOW_MS, Rig, Watch

BEGIN_MS = NOW_MS - 100_000


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    quarantine = Quarantine(tmp_path / "quarantine.db")
    store = SqliteStore(tmp_path / "readings.db", now_ms=lambda: NOW_MS)
    directory = Directory(DEVICES)
    messages = [{"t": BEGIN_MS + 1000 * i, "hr": 60 + i} for i in range(100)]
    decoded = Decoder(directory).decode(["care/v1/garden/bracelet-1/vitals"], [json.dumps(messages).encode()], NOW_MS)
    await store.write(blocks_of(decoded.readings, directory))
    watch, registry = Watch(), Registry(engine)
    async with Desk(engine) as desk:
        house = House(desk, registry, quarantine, watch, lambda: b"", lambda: NOW_MS, store)
        async with TestClient(TestServer(make_app(house))) as client:
            yield Rig(client, desk, registry, watch)
    await store.close()
    quarantine.close()
    engine.dispose()


def path(resident: str = "r-1", metric: str = "vitals.heart_rate_bpm", rest: str = "") -> str:
    return f"/api/v1/residents/{resident}/readings?metric={metric}&from={BEGIN_MS}&to={NOW_MS}{rest}"


async def test_a_curve_is_told_in_as_many_points_as_asked_for(rig: Rig) -> None:
    assert await rig.get(path(rest="&points=4")) == {
        "resident": "r-1",
        "metric": "vitals.heart_rate_bpm",
        "width_ms": 25_000,
        "time_ms": [BEGIN_MS + i * 25_000 for i in range(4)],
        "mean": [72.0, 97.0, 122.0, 147.0],
        "lowest": [60.0, 85.0, 110.0, 135.0],
        "highest": [84.0, 109.0, 134.0, 159.0],
        "count": [25, 25, 25, 25],
    }
    assert len((await rig.get(path(rest="&points=5000")))["time_ms"]) == 100
    assert (await rig.get(path(resident="nobody")))["time_ms"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (path(metric="vitals.name"), "metric"),
        (path(metric="status.firmware"), "metric"),
        (path(rest="&points=0"), "points"),
        (path(rest="&points=5001"), "points"),
        (path(rest="&color=red"), "color"),
        ("/api/v1/residents/r-1/readings?metric=vitals.steps&from=yesterday&to=9", "from"),
        ("/api/v1/residents/r-1/readings?metric=vitals.steps&from=9", "to"),
        ("/api/v1/residents/r-1/readings?metric=vitals.steps&from=9&to=9", ""),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_what_is_wrong_with_it(rig: Rig, asked: str, field: str) -> None:
    error = (await rig.get(asked, 400))["error"]
    assert error["field"] == field


async def test_the_description_has_the_route(rig: Rig) -> None:
    paths = (await rig.get("/api/openapi.json"))["paths"]
    operation = paths["/api/v1/residents/{resident}/readings"]["get"]
    assert [p["name"] for p in operation["parameters"]] == ["resident", "metric", "from", "to", "points"]
    assert [p["required"] for p in operation["parameters"]] == [True, True, True, True, False]
