"""Silent devices of a site over HTTP."""

from dataclasses import replace
from typing import Any

import pytest

from service.api.house import HOUSE
from service.silent_devices import SilentDevice, ToldAs
from tests.unit.service.api.rig import DEVICES, Rig


@pytest.fixture
def silent(rig: Rig) -> Any:
    app: Any = rig.client.server.app  # type: ignore[attr-defined]
    found = [SilentDevice(DEVICES[1], None, ToldAs.SITE), SilentDevice(DEVICES[0], 5, ToldAs.SINGLE)]
    house = replace(app[HOUSE], silent_devices=lambda site: found if site == "garden" else [])
    app._state[HOUSE] = house  # the application is frozen once it serves
    return rig


async def test_each_device_behind_an_alarm_of_its_site_is_listed(silent: Rig) -> None:
    assert await silent.get("/api/v1/sites/garden/silent-devices") == {
        "site": "garden",
        "devices": [
            {"device": "mat-1", "type": "bed_mat", "resident": "r-1", "heard_ms": None, "told_as": "site"},
            {
                "device": "bracelet-1",
                "type": "bracelet",
                "resident": "r-1",
                "heard_ms": 5,
                "told_as": "single",
            },
        ],
    }


async def test_a_site_where_all_are_heard_has_an_empty_list_and_an_unknown_one_is_an_error(silent: Rig) -> None:
    assert (await silent.get("/api/v1/sites/hill/silent-devices"))["devices"] == []
    assert (await silent.get("/api/v1/sites/nowhere/silent-devices", 404))["error"]["code"] == "unknown_site"
