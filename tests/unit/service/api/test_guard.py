"""Who may speak to the service."""

import pytest

from tests.unit.service.api.rig import Rig


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
