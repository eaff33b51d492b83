"""The pages, and the description of the API."""

import json
import re

import pytest

from service.api.app import ROUTES
from tests.unit.service.api.rig import Rig


async def test_the_console_and_the_reference_are_served_whole_without_leaving_this_computer(rig: Rig) -> None:
    reached, waiting = set(), {"/", "/api/"}
    while waiting:
        path = waiting.pop()
        reached.add(path)
        answer = await rig.client.get(path)
        assert answer.status == 200, path
        text = await answer.text()
        # The link to a map leads elsewhere when somebody follows it, and not before.
        assert not re.search(r"https?://(?!www\.w3\.org/|uri\.amap\.com/marker\?)", text), path
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
    index = await (await rig.client.get("/console/i18n.js")).text()
    files = re.findall(r'from "\./(words_[a-z]+\.js)"', index)
    words: list[tuple[str, str, str]] = []
    for file in files:
        text = await (await rig.client.get(f"/console/{file}")).text()
        one = r'"((?:[^"\\]|\\.)*)"'
        found = re.findall(rf'^  "([^"]+)": \[\s*{one},\s+{one},?\s*\],$', text, re.MULTILINE)
        assert len(found) == len(re.findall(r'^  "', text, re.MULTILINE)), f"{file}: a key without two texts"
        words += found
    assert len(words) > 100
    keys = [key for key, _, _ in words]
    assert sorted(set(keys)) == sorted(keys), "a key stands twice"
    for key, english, chinese in words:
        assert english, key
        assert chinese, key
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), key
