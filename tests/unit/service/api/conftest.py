"""The API over a home of its own, for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.journal.desk import Desk
from ingest.quarantine import Quarantine
from ingest.rejected import Reason, Rejected
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.registry import Registry
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig, Watch


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    quarantine = Quarantine(tmp_path / "quarantine.db")
    quarantine.add([Rejected("care/v1/x/y/vitals", b'{"hr":', Reason.NOT_JSON, "ends early", NOW_MS)])
    quarantine.add([Rejected("care/v1/x/y/motion", b"M1\xff\x00", Reason.TRUNCATED, "half a header", NOW_MS + 1)])
    watch = Watch()
    async with Desk(engine) as desk:
        house = House(desk, registry, quarantine, watch, lambda: b"shouhu_up 1\n", lambda: NOW_MS + 5000)
        async with TestClient(TestServer(make_app(house))) as client:
            yield Rig(client, desk, registry, watch)
    quarantine.close()
    engine.dispose()
