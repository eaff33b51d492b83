"""Alarms laid aside over HTTP, and every way to ask wrongly."""

from typing import Any

import pytest

from alerts.findings import Condition
from tests.unit.service.api.rig import NOW_MS, Rig

NOW_AT_ACTION_MS = NOW_MS + 5000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("ends", "until_ms"),
    [({"minutes": 60}, NOW_AT_ACTION_MS + HOUR), ({"until_ms": NOW_MS + HOUR}, NOW_MS + HOUR)],
)
async def test_a_caregiver_lays_an_alarm_aside_and_takes_it_up_again(rig: Rig, ends: Any, until_ms: int) -> None:
    name = await rig.happens()
    shelved = await rig.post(f"/api/v1/alarms/{name}/shelve", {"by": "lin", "reason": "换传感器"} | ends)
    assert (shelved["event"], shelved["to_state"], shelved["by"]) == ("shelve", "shelved", "lin")
    alarm = shelved["alarm"]
    assert (alarm["shelved_by"], alarm["shelved_until_ms"], alarm["due_ms"]) == ("lin", until_ms, until_ms)
    assert alarm["shelved_reason"] == "换传感器"
    ended = await rig.post(f"/api/v1/alarms/{name}/unshelve", {"by": "mei"})
    assert (ended["to_state"], ended["alarm"]["shelved_until_ms"]) == ("unacknowledged", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"by": "lin"}, ""),
        ({"by": "lin", "minutes": 5, "until_ms": NOW_MS + HOUR}, ""),
        ({"by": "lin", "minutes": 0}, "minutes"),
        ({"by": "lin", "minutes": 121}, "minutes"),
        ({"by": "lin", "until_ms": NOW_MS}, "until_ms"),
        ({"by": "nobody", "minutes": 5}, "by"),
        ({"minutes": 5}, "by"),
        ({"by": "lin", "minutes": 5, "reason": "x" * 201}, "reason"),
    ],
)
async def test_what_is_wrong_is_told_and_changes_nothing(rig: Rig, body: Any, field: str) -> None:
    name = await rig.happens()
    error = (await rig.post(f"/api/v1/alarms/{name}/shelve", body, 400))["error"]
    assert [problem["field"] for problem in error["problems"]] == [field]
    assert (await rig.get(f"/api/v1/alarms/{name}"))["alarm"]["state"] == "unacknowledged"


async def test_for_how_long_is_told(rig: Rig) -> None:
    assert await rig.get("/api/v1/shelf") == {"high_s": 7200.0, "medium_s": 28_800.0, "low_s": 604_800.0}


async def test_a_press_cannot_be_laid_aside_and_what_is_not_cannot_be_taken_up(rig: Rig) -> None:
    press = await rig.happens(row=2, cause="press", condition=Condition.SOS)
    error = (await rig.post(f"/api/v1/alarms/{press}/shelve", {"by": "lin", "minutes": 5}, 409))["error"]
    assert "a press or a fall" in error["message"]
    await rig.post(f"/api/v1/alarms/{press}/unshelve", {"by": "lin"}, 409)
    await rig.post(f"/api/v1/alarms/{'0' * 20}/shelve", {"by": "lin", "minutes": 5}, 404)
    await rig.post(f"/api/v1/alarms/{'0' * 20}/unshelve", {"by": "lin"}, 404)
