"""The dashboard's questions are asked of a real InfluxDB that holds readings written by our own code."""

import asyncio
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alerts.alarm import Outcome, Transition, acknowledged, raised, resolved
from alerts.findings import Change, Condition, Finding, Priority
from alerts.lifecycle import Event
from alerts.notify.store import line_of
from ingest.blocks import blocks_of
from ingest.contract import Kind, encode_binary, topic_of
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.stores.influx import Influx1

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "grafana/dashboards/care.json"
DATABASE = "dashboard"
DEVICES = (
    Device("chunhui", "BR-0001", DeviceType.BRACELET, "R-101"),
    Device("chunhui", "MAT-0001", DeviceType.BED_MAT, "R-101"),
    Device("chunhui", "LOC-0001", DeviceType.LOCATOR, "R-101"),
    Device("chunhui", "BTN-HALL", DeviceType.BUTTON),
    Device("songlin-road", "BR-0009", DeviceType.BRACELET, "R-201"),
)


def dashboard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return content


def panels() -> Iterator[dict[str, Any]]:
    for panel in dashboard()["panels"]:
        yield panel
        yield from panel.get("panels", [])


def questions() -> list[tuple[str, str]]:
    """Every InfluxQL statement of the dashboard with where it stands."""
    content = dashboard()
    found = [(f"variable {v['name']}", v["query"]) for v in content["templating"]["list"]]
    found += [(f"annotation {a['name']}", a["query"]) for a in content["annotations"]["list"]]
    found += [(f"panel {p['id']} {t['refId']}", t["query"]) for p in panels() for t in p.get("targets", [])]
    return found


def asked(question: str, site: str, resident: str, now_ms: int) -> str:
    """The statement as Grafana sends it: macros and variables filled in."""
    filled = {
        "$timeFilter": f"time >= {now_ms - 6 * 3_600_000}ms and time <= {now_ms + 60_000}ms",
        "$__interval": "1m",
        "$site": site,
        "$resident": resident,
    }
    for name, value in filled.items():
        question = question.replace(name, value)
    # What is left of "$" is the end of a regular expression; a name behind it would be a variable nobody gives.
    assert not re.search(r"\$[A-Za-z_{\[]", question), question
    return question


def answer(url: str, question: str) -> list[dict[str, Any]]:
    """The series of an answer, asked the way the data source asks (GET)."""
    form = urllib.parse.urlencode({"db": DATABASE, "q": question, "epoch": "ms"})
    with urllib.request.urlopen(f"{url}/query?{form}", timeout=30) as response:
        (result,) = json.load(response)["results"]
    assert "error" not in result, (question, result)
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def readings(now_ms: int) -> tuple[list[str], list[bytes]]:
    """A message of every kind, and of everybody."""
    still = np.tile(np.array([0.0, 0.0, 1.0]), (50, 1))
    said: list[tuple[str, str, Kind, object]] = [
        ("chunhui", "BR-0001", Kind.VITALS, {"hr": 72, "spo2": 97, "temp": 36.5, "rr": 15, "sbp": 128, "dbp": 76,
                                             "worn": True, "bat": 81}),
        ("chunhui", "BR-0001", Kind.STATUS, {"bat": 80, "charging": False, "rssi": -60, "fw": "2.4.1"}),
        ("chunhui", "BR-0001", Kind.FALL, {"state": "confirmed", "confidence": 0.9}),
        ("chunhui", "BR-0001", Kind.MOTION, encode_binary(
            Kind.MOTION, time_ms=now_ms, rate_hz=25, samples=still, counts_per_unit=4096)),
        ("chunhui", "MAT-0001", Kind.BED, {"present": True, "hr": 58, "rr": 14, "move": 0.1, "quality": 0.8}),
        ("chunhui", "MAT-0001", Kind.BCG, {"rate": 100, "v": [1.0, 2.0, 3.0]}),
        ("chunhui", "LOC-0001", Kind.LOCATION, {"lat": 36.64, "lon": 117.95, "acc": 12, "src": "gnss", "speed": 0.8,
                                                "bat": 60}),
        ("chunhui", "BTN-HALL", Kind.SOS, {"action": "press"}),
        ("songlin-road", "BR-0009", Kind.VITALS, {"hr": 64, "bat": 30}),
    ]  # fmt: skip
    topics = [topic_of(site, device, kind) for site, device, kind, _ in said]
    payloads = [
        body if isinstance(body, bytes) else json.dumps({"t": now_ms, **body}).encode()  # type: ignore[dict-item]
        for *_, body in said
    ]
    return topics, payloads


@pytest.fixture(scope="module")
def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def database_url(influxdb: Any, now_ms: int) -> str:
    """InfluxDB holding one reading of every kind, and the alarms they raised."""
    directory = Directory(DEVICES)
    decoded = Decoder(directory).decode(*readings(now_ms), received_ms=now_ms)
    assert not decoded.rejected
    assert {r.KIND for r in decoded.readings} == set(Kind)
    blocks = blocks_of(decoded.readings, directory)

    async def write() -> None:
        store = Influx1(influxdb.url, DATABASE)
        await store.open()
        try:
            assert not await store.write(blocks)
            assert not await store.write_lines(alarm_lines(now_ms))
        finally:
            await store.close()

    asyncio.run(write())
    url: str = influxdb.url
    return url


def alarm_lines(now_ms: int) -> list[str]:
    """What the service writes of falls that were taken and judged, and of a press in a corridor."""
    bracelet, button = DEVICES[0], DEVICES[3]
    fall = Finding(0, Condition.FALL, "device_confirmed", Change.BEGAN, Priority.HIGH, now_ms - 2000, now_ms - 2000)
    press = Finding(3, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, now_ms - 1000, now_ms - 1000)
    ringing = raised("fall", fall, bracelet, now_ms, now_ms)
    taken = acknowledged(ringing, "C-wang", now_ms)
    judged = [resolved(taken, "C-wang", outcome, "", now_ms) for outcome in (Outcome.TRUE, Outcome.FALSE)]
    pressed = raised("press", press, button, now_ms, now_ms)
    return [
        line_of(Transition(1, ringing, Event.RAISE, None, ringing.state, now_ms)),
        line_of(Transition(2, taken, Event.ACKNOWLEDGE, ringing.state, taken.state, now_ms, "C-wang")),
        line_of(Transition(3, pressed, Event.RAISE, None, pressed.state, now_ms)),
        *[
            line_of(Transition(4 + n, closed, Event.RESOLVE, taken.state, closed.state, now_ms, "C-wang"))
            for n, closed in enumerate(judged)
        ],
    ]


@pytest.mark.parametrize(("place", "question"), questions(), ids=[place for place, _ in questions()])
def test_every_question_is_answered_with_points(database_url: str, now_ms: int, place: str, question: str) -> None:
    for site, resident in ((".*", ".*"), ("chunhui", "R-101"), ("(chunhui|songlin-road)", "(R-101|R-201)")):
        series = answer(database_url, asked(question, site, resident, now_ms))
        points = [value for s in series for row in s["values"] for value in row[1:] if value is not None]
        assert points, (place, site, resident)


def test_a_site_or_resident_chosen_shows_no_other(database_url: str, now_ms: int) -> None:
    for place, question in questions():
        if not place.startswith("panel"):
            continue
        series = answer(database_url, asked(question, "songlin-road", "R-201", now_ms))
        assert "R-101" not in json.dumps(series), place
        assert "chunhui" not in json.dumps(series), place


def test_devices_without_a_resident_are_shown_when_all_are_chosen(database_url: str, now_ms: int) -> None:
    shown = "".join(
        json.dumps(answer(database_url, asked(q, ".*", ".*", now_ms))) for p, q in questions() if "panel" in p
    )
    assert '"device": "BTN-HALL"' in shown  # last heard
    assert '"press"' in shown  # its alarm


def test_panels_are_told_apart_and_lie_beside_each_other() -> None:
    everything = list(panels())
    numbers = [panel["id"] for panel in everything]
    assert len(set(numbers)) == len(numbers)
    places = {(x, y) for p in everything for x, y in _cells(p["gridPos"])}
    assert len(places) == sum(p["gridPos"]["w"] * p["gridPos"]["h"] for p in everything), "panels overlap"
    assert max(x for x, _ in places) < 24


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_everything_asks_the_provisioned_data_source() -> None:
    provisioned = yaml.safe_load((ROOT / "grafana/provisioning/datasources/influxdb.yaml").read_text(encoding="utf-8"))
    (source,) = provisioned["datasources"]
    content = dashboard()
    asking = [content["annotations"]["list"], content["templating"]["list"]]
    asking += [[p, *p["targets"]] for p in panels() if "targets" in p]
    named = [each["datasource"] for group in asking for each in group]
    assert named
    assert all(name == {"type": source["type"], "uid": source["uid"]} for name in named)
    assert source["jsonData"]["version"] == "InfluxQL"
