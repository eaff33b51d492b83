"""Somebody walks out and comes back, with the real service: alarm, followed on the feed and over the API, returned."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import aiomqtt
import pytest

from tests.services.test_house import device_of

LAT, LON, RADIUS_M = 36.64, 117.96, 200  # the garden of the test house
#: A degree of latitude there, near enough.
DEGREE_M = 110_990.0
STEP_MS = 10_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fix(north_m: float, at_ms: int) -> bytes:
    said = {"t": at_ms, "lat": LAT + north_m / DEGREE_M, "lon": LON, "acc": 6, "src": "gnss", "bat": 41, "speed": 1.1}
    return json.dumps(said).encode()


def delete(url: str) -> int:
    request = urllib.request.Request(url, headers={"Content-Type": "application/json"}, method="DELETE")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def test_who_walks_out_is_followed_until_they_are_back(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()
    walk_m = [0, 60, 120, 180, 230, 240, 250, 260, 270, 280, 290, 300, 310, 320]
    back_m = [250, 180, 100, 60, 20, 0]
    # What a locator may send late without its being late news, so that nobody waits here; a slow machine has time, too.
    begin_ms = now_ms() - (len(walk_m) + len(back_m)) * STEP_MS

    def position() -> Any:
        return house.get("/api/v1/residents/R-1/position")

    async def course() -> tuple[list[dict[str, Any]], Any]:
        heard: list[dict[str, Any]] = []
        topic = house.topic("LOC-1", "location")
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client, asyncio.timeout(120):
            await client.subscribe(f"care/v1-alarms/{house.site}", qos=1)
            for i, north_m in enumerate(walk_m):
                await client.publish(topic, fix(north_m, begin_ms + i * STEP_MS), qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                heard.append(json.loads(message.payload))
                if heard[-1]["position"]["distance"] > 85:
                    break
            last = len(walk_m) - 1
            outside = await asyncio.to_thread(
                house.wait,
                "last fix outside",
                lambda: (found := position())["distance_m"] > walk_m[last] - RADIUS_M - 3 and found,
            )
            for i, north_m in enumerate(back_m, start=len(walk_m)):
                await client.publish(topic, fix(north_m, begin_ms + i * STEP_MS), qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                heard.append(json.loads(message.payload))
                if heard[-1]["state"] == "returned":
                    break
        return heard, outside

    assert position()["state"] == "unknown", "nothing has been heard of them"
    heard, outside = asyncio.run(course())
    assert {body["condition"] for body in heard} == {"geofence"}
    assert {body["alarm"] for body in heard} == {heard[0]["alarm"]}, "one alarm, told again and again"
    assert [body["state"] for body in heard] == ["unacknowledged"] * (len(heard) - 1) + ["returned"]
    distances = [body["position"]["distance"] for body in heard]
    assert 10 < distances[0] < 70
    assert distances[-1] < 0
    first = heard[0]["position"]
    assert (first["zone"], first["direction"], first["crs"], first["acc"], first["bat"]) == (
        "garden",
        "N",
        "wgs84",
        6,
        41,
    )
    assert first["t"] in range(begin_ms, begin_ms + 10 * STEP_MS)

    assert outside["state"] == "outside"
    assert outside["distance_m"] == pytest.approx(320 - RADIUS_M, abs=3)
    house.wait("being back", lambda: position()["state"] == "inside")
    track = house.get(f"/api/v1/alarms/{heard[0]['alarm']}/track")
    walked = [one["distance_m"] for one in track["fixes"]]
    assert len(walked) >= 4, "as it began, twice or more while it was open, and as it ended"
    furthest = walked.index(max(walked))
    assert walked == sorted(walked[: furthest + 1]) + sorted(walked[furthest + 1 :], reverse=True)
    # The feed tells of them in this order, but not of a place that still waited to be told when a newer one was known.
    assert (distances[0], distances[-1]) == (walked[0], walked[-1])
    later = iter(walked)
    assert all(one in later for one in distances)
    assert [zone["zone"] for zone in track["zones"]] == ["garden"]


def test_an_outing_holds_back_the_alarm_until_it_ends(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()
    begin_ms = now_ms() - 200_000
    with device_of(mosquitto) as publish:
        for at_ms in range(begin_ms, begin_ms + 5 * STEP_MS, STEP_MS):
            publish(house.topic("LOC-1", "location"), fix(300, at_ms))
        (alarm,) = house.wait("alarm", house.alarms)
        house.post("/api/v1/residents/R-1/outing", {"until": now_ms() + 3_600_000, "by": "nurse-1"})
        house.wait("word of the outing", lambda: "1 residents are noted" in house.log())
        outing = house.get("/api/v1/residents/R-1/position")
        assert (outing["state"], outing["outing_until_ms"] > now_ms()) == ("unfenced", True)
        publish(house.topic("LOC-1", "location"), fix(310, begin_ms + 6 * STEP_MS))
        # Its time is before the outing was noted; what counts is whether it was to end later.
        house.wait("the end of the alarm", lambda: house.alarms()[0]["state"] == "returned")
        house.kill()
        house.start()
        assert [one["by"] for one in house.get("/api/v1/outings")["outings"]] == ["nurse-1"], "it outlives a crash"
        assert delete(f"{house.url}/api/v1/residents/R-1/outing?by=nurse-1") == 200
        assert house.get("/api/v1/residents/R-1/position")["outing_until_ms"] is None
        house.wait("word of the end", lambda: "0 residents are noted" in house.log())
        for i in range(7, 12):
            publish(house.topic("LOC-1", "location"), fix(330, begin_ms + i * STEP_MS))
        house.wait("the alarm again", lambda: house.alarms()[0]["state"] == "unacknowledged")
    assert alarm["cause"] == "left_safe_zone"
