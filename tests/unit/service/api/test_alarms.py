"""Alarms over HTTP: shown, taken, closed, and every way to ask wrongly."""

import pytest

from alerts.findings import Condition
from service.fleet import Fleet
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig


async def test_an_open_alarm_is_listed_with_its_evidence_and_no_names_of_people(rig: Rig) -> None:
    name = await rig.happens(evidence=(("spo2_pct", 84.0), ("limit_pct", 91.0)))
    answer = await rig.client.get("/api/v1/alarms")
    assert "王" not in await answer.text()
    [alarm] = (await answer.json())["alarms"]
    assert alarm["alarm"] == name
    assert (alarm["condition"], alarm["cause"], alarm["priority"]) == ("vitals", "spo2_low", "high")
    assert (alarm["state"], alarm["resident"], alarm["site"]) == ("unacknowledged", "r-1", "garden")
    assert (alarm["onset_ms"], alarm["raised_ms"]) == (NOW_MS - 1500, NOW_MS)
    assert alarm["evidence"] == {"spo2_pct": 84.0, "limit_pct": 91.0}


async def test_a_caregiver_takes_and_closes_an_alarm(rig: Rig) -> None:
    name = await rig.happens()
    taken = await rig.post(f"/api/v1/alarms/{name}/acknowledge", {"by": "lin"})
    assert (taken["event"], taken["from_state"], taken["to_state"]) == ("acknowledge", "unacknowledged", "acknowledged")
    assert taken["alarm"]["acknowledged_by"] == "lin"
    assert taken["at_ms"] == NOW_MS + 5000

    closed = await rig.post(f"/api/v1/alarms/{name}/resolve", {"by": "mei", "outcome": "false", "note": "睡着了"})
    assert closed["alarm"]["outcome"] == "false"
    assert closed["alarm"]["note"] == "睡着了"
    assert (await rig.get("/api/v1/alarms"))["alarms"] == []

    course = (await rig.get(f"/api/v1/alarms/{name}"))["transitions"]
    assert [(step["event"], step["by"]) for step in course] == [
        ("raise", None),
        ("acknowledge", "lin"),
        ("resolve", "mei"),
    ]


async def test_the_past_is_read_page_by_page_and_by_site(rig: Rig) -> None:
    names = [await rig.happens(onset_ms=NOW_MS - 9000 + i, cause=f"cause_{i}") for i in range(3)]
    names.append(await rig.happens(row=2, cause="press", condition=Condition.SOS))
    seen: list[str] = []
    query = "limit=2"
    while page := (await rig.get(f"/api/v1/alarms/history?{query}"))["alarms"]:
        seen += [alarm["alarm"] for alarm in page]
        query = f"limit=2&before_ms={page[-1]['raised_ms']}&before_alarm={page[-1]['alarm']}"
    assert sorted(seen) == sorted(names)
    hill = (await rig.get("/api/v1/alarms/history?site=hill"))["alarms"]
    assert [alarm["alarm"] for alarm in hill] == [names[3]]


async def test_who_comes_second_is_told_that_somebody_was_faster(rig: Rig) -> None:
    name = await rig.happens()
    await rig.post(f"/api/v1/alarms/{name}/acknowledge", {"by": "lin"})
    error = (await rig.post(f"/api/v1/alarms/{name}/acknowledge", {"by": "mei"}, 409))["error"]
    assert error["code"] == "illegal_transition"
    assert name in error["message"]
    assert "acknowledged" in error["message"]
    assert (await rig.get("/api/v1/alarms"))["alarms"][0]["acknowledged_by"] == "lin"


@pytest.mark.parametrize("path", ["/api/v1/alarms/NO-SUCH", "/api/v1/nothing", "/api/v1/alarms/a/b/c"])
async def test_what_is_not_there_is_a_404_that_names_it(rig: Rig, path: str) -> None:
    error = (await rig.get(path, 404))["error"]
    assert path.rsplit("/", 1)[1] in error["message"]


async def test_an_unknown_alarm_cannot_be_taken_or_closed(rig: Rig) -> None:
    for deed, body in (("acknowledge", {"by": "lin"}), ("resolve", {"by": "lin", "outcome": "true"})):
        error = (await rig.post(f"/api/v1/alarms/NO-SUCH/{deed}", body, 404))["error"]
        assert error["code"] == "unknown_alarm"


async def test_every_problem_of_a_body_is_told_at_once_and_nothing_is_changed(rig: Rig) -> None:
    name = await rig.happens()
    body = {"by": "no spaces allowed", "outcome": "maybe", "note": 7, "extra": 1}
    error = (await rig.post(f"/api/v1/alarms/{name}/resolve", body, 400))["error"]
    assert error["code"] == "bad_body"
    assert {problem["field"] for problem in error["problems"]} == {"by", "outcome", "note", "extra"}
    assert all(field in error["message"] for field in body)
    assert (await rig.get(f"/api/v1/alarms/{name}"))["alarm"]["state"] == "unacknowledged"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("hour=2", 'hour: is not a known field; did you mean "hours"?'),
        ("hours=200", 'hours: must be at most 168 (got "200")'),
        ("hours=many", 'hours: must be a whole number (got "many")'),
        ("site=no spaces", 'site: must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "no spaces")'),
        ("hours=1&hours=2", "hours: is given more than once"),
    ],
)
async def test_what_is_wrong_with_a_query_is_told_in_words(rig: Rig, query: str, told: str) -> None:
    error = (await rig.get(f"/api/v1/figures?{query}", 400))["error"]
    assert error["message"] == f"the query is not acceptable: {told}"


@pytest.mark.parametrize("path", ["alarms", "drills", "sites", "shelf", "residents/r-1/position"])
async def test_a_query_that_would_come_to_nothing_is_refused(rig: Rig, path: str) -> None:
    error = (await rig.get(f"/api/v1/{path}?site=garden", 400))["error"]
    assert error["message"] == "the query is not acceptable: site: is not known here"
    await rig.get("/healthz?site=garden")
    await rig.post(f"/api/v1/alarms/{await rig.happens()}/acknowledge?site=garden", {"by": "lin"})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"press", "is no JSON: expected value at line 1 column 1"),
        (b"[]", "must be a JSON object"),
        (b"{}", "by: is missing"),
        (b'{"by": 7}', "by: must be a string"),
        (b'{"by": "lin", "minutes": 5, "until_ms": 7}', "needs either until_ms or minutes"),
        (b'{"by": "lin", "minutes": 0}', "minutes: must be at least 1 (got 0)"),
    ],
)
async def test_what_is_wrong_with_a_body_is_told_in_words(rig: Rig, body: bytes, told: str) -> None:
    path = f"/api/v1/alarms/{await rig.happens()}/shelve"
    answer = await rig.client.post(path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert (await answer.json())["error"]["message"] == f"the body is not acceptable: {told}"


async def test_only_a_registered_caregiver_takes_alarms_unless_none_is_registered(rig: Rig) -> None:
    name = await rig.happens()
    error = (await rig.post(f"/api/v1/alarms/{name}/acknowledge", {"by": "stranger"}, 400))["error"]
    assert error["field"] == "by"
    rig.registry.replace_fleet(Fleet(sites=FLEET.sites, residents=FLEET.residents, devices=FLEET.devices))
    await rig.post(f"/api/v1/alarms/{name}/acknowledge", {"by": "desk"})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"by": NaN}', b"\xff\xfe", b'{"by": null}'])
async def test_a_broken_body_is_a_400(rig: Rig, body: bytes) -> None:
    name = await rig.happens()
    path, headers = f"/api/v1/alarms/{name}/acknowledge", {"Content-Type": "application/json"}
    answer = await rig.client.post(path, data=body, headers=headers)
    assert answer.status == 400
    assert (await answer.json())["error"]["code"] == "bad_body"


async def test_a_body_that_is_too_large_is_a_413(rig: Rig) -> None:
    name = await rig.happens()
    error = (await rig.post(f"/api/v1/alarms/{name}/resolve", {"by": "x" * 100_000}, 413))["error"]
    assert error["code"] == "too_large"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "befor_ms=1", "limit=1&limit=2", "before_alarm=A", "before_ms=-1"]
)
async def test_a_query_that_is_wrong_or_misspelt_is_a_400(rig: Rig, query: str) -> None:
    error = (await rig.get(f"/api/v1/alarms/history?{query}", 400))["error"]
    assert error["code"] == "bad_query"
    assert error["field"] == query.split("=")[0]


async def test_a_wrong_method_is_a_405_that_says_which_are_right(rig: Rig) -> None:
    answer = await rig.client.put("/api/v1/alarms", json={})
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET"
    assert (await answer.json())["error"]["code"] == "method_not_allowed"
