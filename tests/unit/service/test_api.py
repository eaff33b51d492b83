"""The HTTP API over the real desk, journal, registry and quarantine, on SQLite."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.desk import Desk
from alerts.findings import Change, Condition, Finding, Priority
from ingest.decode import Reason, Rejected
from ingest.directory import Device, DeviceType
from ingest.quarantine import Quarantine
from service.api.app import ROUTES, make_app
from service.api.house import Check, Health, House
from service.database import make_engine
from service.fleet import Caregiver, Fleet, Resident, Site
from service.registry import Registry

NOW_MS = 1_767_225_600_000
DEVICES = (
    Device("garden", "bracelet-1", DeviceType.BRACELET, "r-1"),
    Device("garden", "mat-1", DeviceType.BED_MAT, "r-1"),
    Device("hill", "button-1", DeviceType.BUTTON),
)
FLEET = Fleet(
    sites=(Site("garden", "Garden 花园"), Site("hill", "Hill")),
    residents=(Resident("r-1", "<b>王</b>", "garden", room="201"),),
    devices=DEVICES,
    caregivers=(
        Caregiver("lin", "林护士", "head_nurse", phone="13800000000"),
        Caregiver("mei", "Mei", "nurse", "garden"),
    ),
)


class Watch:
    """The service's health, as a test wants it."""

    health = Health(ready=True, checks=(Check("broker", ok=True),))
    fault: Exception | None = None

    def __call__(self) -> Health:
        if self.fault is not None:
            raise self.fault
        return self.health


class Rig:
    """The API, and the means to let something happen behind it."""

    def __init__(self, client: TestClient[Any, Any], desk: Desk, registry: Registry, watch: Watch) -> None:
        self.client, self.desk, self.registry, self.watch = client, desk, registry, watch

    async def happens(self, row: int = 0, onset_ms: int = NOW_MS - 1500, **wishes: Any) -> str:
        """A condition is found; returns the alarm's name."""
        wishes = {"condition": Condition.VITALS, "cause": "spo2_low", "priority": Priority.HIGH} | wishes
        finding = Finding(row=row, change=Change.BEGAN, onset_ms=onset_ms, found_ms=onset_ms, **wishes)
        transitions = await self.desk.record([finding], DEVICES, NOW_MS - 100, NOW_MS)
        return transitions[0].alarm.alarm

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.client.get(path)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.post(path, json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()


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


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, Any]:
        """The name and the data of the next event."""
        name = ""
        async for line in self._answer.content:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                name = text.removeprefix("event: ")
            elif text.startswith("data: "):
                return name, json.loads(text.removeprefix("data: "))
        raise EOFError


# ------------------------------------------------------------------ alarms


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


# ------------------------------------------------------------------ registers and operations


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


# ------------------------------------------------------------------ the live feed


async def test_the_feed_begins_with_how_things_stand_and_goes_on_with_what_happens(rig: Rig) -> None:
    before = await rig.happens()
    async with rig.client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        feed = Stream(answer)
        name, snapshot = await feed.next()
        assert name == "snapshot"
        assert snapshot["at_ms"] == NOW_MS + 5000
        assert snapshot["watch"]["ready"] is True
        assert [alarm["alarm"] for alarm in snapshot["alarms"]] == [before]

        later = await rig.happens(row=2, condition=Condition.SOS, cause="press")
        name, transition = await feed.next()
        assert (name, transition["event"], transition["alarm"]["alarm"]) == ("transition", "raise", later)
        await rig.post(f"/api/v1/alarms/{before}/acknowledge", {"by": "lin"})
        name, transition = await feed.next()
        assert (transition["event"], transition["by"]) == ("acknowledge", "lin")
    async with rig.client.get("/api/v1/events") as answer:
        name, snapshot = await Stream(answer).next()
        assert [alarm["state"] for alarm in snapshot["alarms"]] == ["acknowledged", "unacknowledged"]


async def test_two_readers_are_told_the_same(rig: Rig) -> None:
    async with rig.client.get("/api/v1/events") as one, rig.client.get("/api/v1/events") as two:
        feeds = [Stream(one), Stream(two)]
        for feed in feeds:
            assert (await feed.next())[0] == "snapshot"
        await rig.happens()
        told = [await feed.next() for feed in feeds]
        assert told[0] == told[1]
        assert told[0][0] == "transition"


async def test_a_silent_feed_shows_that_it_is_alive(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.events.HEARTBEAT_S", 0.01)
    async with rig.client.get("/api/v1/events") as answer:
        feed = Stream(answer)
        assert (await feed.next())[0] == "snapshot"
        rig.watch.health = Health(ready=False)
        name, beat = await feed.next()
        while beat["watch"]["ready"]:
            name, beat = await feed.next()
        assert (name, beat["at_ms"]) == ("heartbeat", NOW_MS + 5000)


async def test_what_people_write_cannot_break_out_of_the_feed(rig: Rig) -> None:
    name = await rig.happens()
    async with rig.client.get("/api/v1/events") as answer:
        feed = Stream(answer)
        await feed.next()
        note = "one\n\nevent: snapshot\ndata: {}\r\n\u2028"
        await rig.post(f"/api/v1/alarms/{name}/resolve", {"by": "lin", "outcome": "true", "note": note})
        event, transition = await feed.next()
        assert event == "transition"
        assert transition["alarm"]["note"] == note


async def test_a_reader_that_has_gone_is_forgotten(rig: Rig) -> None:
    async with rig.client.get("/api/v1/events") as answer:
        await Stream(answer).next()
        assert rig.desk.hub.listeners == 1
        rig.desk.hub.close()
        with pytest.raises(EOFError):
            await Stream(answer).next()
    assert rig.desk.hub.listeners == 0


async def test_no_more_readers_than_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.events._READERS_MOST", 1)
    async with rig.client.get("/api/v1/events") as answer:
        await Stream(answer).next()
        assert (await rig.get("/api/v1/events", 503))["error"]["code"] == "too_many_readers"


# ------------------------------------------------------------------ who may speak


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "10.0.0.1", ""]
)
async def test_a_foreign_host_is_refused_everywhere(rig: Rig, host: str) -> None:
    for path in ("/", "/api/v1/alarms", "/api/v1/events", "/healthz", "/console/main.js"):
        answer = await rig.client.get(path, headers={"Host": host})
        assert answer.status == 421
        assert (await answer.json())["error"]["code"] == "wrong_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
async def test_this_computer_is_served_by_any_of_its_names(rig: Rig, host: str) -> None:
    answer = await rig.client.get("/api/v1/alarms", headers={"Host": host})
    assert answer.status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:1", "null", "http://127.0.0.1.evil.example"]
)
async def test_a_foreign_page_changes_nothing(rig: Rig, origin: str) -> None:
    name = await rig.happens()
    path = f"/api/v1/alarms/{name}/acknowledge"
    answer = await rig.client.post(path, json={"by": "lin"}, headers={"Origin": origin})
    assert answer.status == 403
    assert (await rig.get(f"/api/v1/alarms/{name}"))["alarm"]["state"] == "unacknowledged"


async def test_our_own_page_may_change_things(rig: Rig) -> None:
    name = await rig.happens()
    origin = str(rig.client.make_url("/")).rstrip("/")
    path = f"/api/v1/alarms/{name}/acknowledge"
    answer = await rig.client.post(path, json={"by": "lin"}, headers={"Origin": origin})
    assert answer.status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_form_changes_nothing(rig: Rig, content_type: str) -> None:
    name = await rig.happens()
    path, headers = f"/api/v1/alarms/{name}/acknowledge", {"Content-Type": content_type}
    answer = await rig.client.post(path, data=b'{"by": "lin"}', headers=headers)
    assert answer.status == 415
    assert (await rig.get(f"/api/v1/alarms/{name}"))["alarm"]["state"] == "unacknowledged"


async def test_every_answer_carries_the_security_headers(rig: Rig) -> None:
    for path in ("/", "/api/", "/api/v1/alarms", "/nothing", "/console/main.js", "/api/v1/events"):
        async with rig.client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"


# ------------------------------------------------------------------ pages and description


async def test_the_console_and_the_reference_are_served_whole_without_leaving_this_computer(rig: Rig) -> None:
    reached, waiting = set(), {"/", "/api/"}
    while waiting:
        path = waiting.pop()
        reached.add(path)
        answer = await rig.client.get(path)
        assert answer.status == 200, path
        text = await answer.text()
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), path
        named = re.findall(r'(?:src|href)="(/[^"#]+)"', text) + re.findall(r'from "(/[^"]+)"', text)
        named += ["/console/" + name for name in re.findall(r'from "\./([^"]+)"', text)]
        waiting |= {name for name in named if not name.endswith(".json")} - reached
    assert {"/console/main.js", "/console/i18n.js", "/console/alarms.css", "/console/mark.svg"} <= reached
    assert not {"/console/index.html", "/console/../api/app.py"} & reached


async def test_a_page_that_did_not_change_is_not_sent_again(rig: Rig) -> None:
    first = await rig.client.get("/console/main.js")
    again = await rig.client.get("/console/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304


async def test_every_route_is_described_and_every_description_is_a_route(rig: Rig) -> None:
    document = await rig.get("/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    resources = rig.client.app.router.routes() if rig.client.app else ()
    served = {
        (route.method, route.resource.canonical)
        for route in resources
        if route.resource is not None and route.method != "HEAD"
    }
    pages = {
        (method, path)
        for method, path in served
        if path in ("/", "/api/") or path.startswith(("/console/", "/api/reference/"))
    }
    assert described == served - pages
    assert described == {(route.method, route.path) for route in ROUTES}


async def test_the_description_is_whole(rig: Rig) -> None:
    document = await rig.get("/api/openapi.json")
    names = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]
    assert len(names) == len(set(names))
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for path, operations in document["paths"].items():
        for operation in operations.values():
            told = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"]


async def test_a_fault_of_ours_is_told_without_its_innards(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.watch.fault = RuntimeError("secret path /etc/shouhu")
    error = (await rig.get("/readyz", 500))["error"]
    assert error["code"] == "internal"
    assert "secret" not in error["message"]
    assert "secret path" in caplog.text


async def test_both_languages_of_the_console_have_the_same_words(rig: Rig) -> None:
    text = await (await rig.client.get("/console/i18n.js")).text()
    tables = re.findall(r"const (en|zh) = \{(.*?)\n\};", text, re.DOTALL)
    words = {name: dict(re.findall(r'^  "([^"]+)": "(.*)",$', table, re.MULTILINE)) for name, table in tables}
    assert words["en"].keys() == words["zh"].keys()
    assert len(words["en"]) > 100
    for key, english in words["en"].items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", words["zh"][key])), key
