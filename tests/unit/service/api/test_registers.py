"""Registers and operations over HTTP."""

from service.api.house import Check, Health
from tests.unit.service.api.rig import Rig


async def test_registers_tell_names_and_rooms_and_nothing_a_screen_does_not_need(rig: Rig) -> None:
    assert (await rig.get("/api/v1/sites"))["sites"] == [
        {"site": "garden", "name": "Garden 花园", "residents": 1, "devices": 2},
        {"site": "hill", "name": "Hill", "residents": 0, "devices": 1},
    ]
    assert (await rig.get("/api/v1/residents"))["residents"] == [
        {"resident": "r-1", "name": "<b>王</b>", "site": "garden", "room": "201"}
    ]
    caregivers = (await rig.get("/api/v1/caregivers"))["caregivers"]
    assert caregivers[0] == {"caregiver": "lin", "name": "林护士", "role": "head_nurse", "site": None}


async def test_the_quarantine_shows_what_came_and_why_it_was_not_taken(rig: Rig) -> None:
    answer = await rig.get("/api/v1/quarantine?limit=5")
    assert answer["counts"] == {"not_json": 1, "truncated": 1}
    binary, text = answer["rejected"]
    assert (text["payload_text"], text["reason"], text["size_bytes"]) == ('{"hr":', "not_json", 6)
    assert binary["payload_text"] is None
    assert binary["payload_base64"] == "TTH/AA=="


async def test_health_says_alive_and_whether_it_watches(rig: Rig) -> None:
    assert await rig.get("/healthz") == {"status": "alive"}
    assert (await rig.get("/readyz"))["ready"] is True
    rig.watch.health = Health(ready=False, checks=(Check("broker", ok=False, detail="refused"),))
    assert await rig.get("/readyz", 503) == {
        "ready": False,
        "checks": [{"name": "broker", "ok": False, "detail": "refused"}],
    }
    metrics = await rig.client.get("/metrics")
    assert metrics.content_type == "text/plain"
    assert await metrics.text() == "shouhu_up 1\n"


async def test_readings_that_are_kept_elsewhere_are_said_to_be(rig: Rig) -> None:
    error = (await rig.get("/api/v1/residents/r-1/readings?metric=vitals.steps&from=0&to=1", 501))["error"]
    assert error["code"] == "readings_elsewhere"
    assert "InfluxDB" in error["message"]
