"""Drills over HTTP."""

from typing import Any

import pytest

from tests.unit.service.api.rig import NOW_MS, Rig

NOW_AT_ACTION_MS = NOW_MS + 5000


async def test_a_drill_is_begun_listed_and_ended(rig: Rig) -> None:
    begun = await rig.post("/api/v1/drills", {"site": "garden", "by": "lin", "minutes": 60})
    until_ms = NOW_AT_ACTION_MS + 3_600_000
    assert begun == {"site": "garden", "until_ms": until_ms, "begun_ms": NOW_AT_ACTION_MS, "by": "lin"}
    assert (await rig.get("/api/v1/drills"))["drills"] == [begun]
    at_garden, at_hill = await rig.happens(), await rig.happens(row=2)
    tests = (await rig.get("/api/v1/alarms/history?drill=true"))["alarms"]
    assert [(alarm["alarm"], alarm["drill"]) for alarm in tests] == [(at_garden, True)]
    real = (await rig.get("/api/v1/alarms/history?drill=false"))["alarms"]
    assert [alarm["alarm"] for alarm in real] == [at_hill]
    assert await rig.delete("/api/v1/drills/garden", {"by": "mei"}) == {"site": "garden"}
    assert (await rig.get("/api/v1/drills"))["drills"] == []
    await rig.delete("/api/v1/drills/garden", {"by": "mei"}, 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"site": "nowhere", "by": "lin", "minutes": 5}, "site"),
        ({"site": "garden", "by": "nobody", "minutes": 5}, "by"),
        ({"site": "garden", "by": "lin", "minutes": 241}, "minutes"),
        ({"site": "garden", "by": "lin", "minutes": 0}, "minutes"),
        ({"site": "garden", "by": "lin"}, "minutes"),
    ],
)
async def test_what_is_wrong_is_told_and_begins_no_drill(rig: Rig, body: Any, field: str) -> None:
    error = (await rig.post("/api/v1/drills", body, 400))["error"]
    assert [problem["field"] for problem in error["problems"]] == [field]
    assert (await rig.get("/api/v1/drills"))["drills"] == []
