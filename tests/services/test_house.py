"""The whole way of a message, with the real service, a real broker and real stores."""

import asyncio
import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import aiomqtt
import msgspec
import numpy as np
import paho.mqtt.client as paho
import pytest

from ingest import contract
from ingest.contract import Kind


@contextlib.contextmanager
def device_of(broker: Any) -> Iterator[Callable[..., None]]:
    """Publishes as a device does, MQTT 3.1.1 and QoS 1, and waits for the broker's acknowledgement."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield lambda topic, payload=b"": client.publish(topic, payload, qos=1).wait_for_publish(20)
    finally:
        client.disconnect()
        client.loop_stop()


def readings_of_every_kind(now_ms: int) -> dict[Kind, tuple[str, bytes, int]]:
    """By kind: device, payload, readings in it. JSON and binary, single and backlog, with and without time."""
    still_g = np.tile([0.0, 0.0, 1.0], (50, 1))

    def encoded(*objects: dict[str, Any]) -> bytes:
        return msgspec.json.encode(objects if len(objects) > 1 else objects[0])

    return {
        Kind.VITALS: ("BR-1", encoded(*({"t": now_ms - 1000 * i, "seq": i, "hr": 60 + i} for i in range(20))), 20),
        Kind.BED: ("MAT-1", encoded({"t": now_ms, "present": True, "hr": 58}, {"t": now_ms - 5000, "rr": 14}), 2),
        Kind.LOCATION: ("LOC-1", encoded({"t": now_ms, "lat": 36.64, "lon": 117.96, "acc": 8, "src": "gnss"}), 1),
        Kind.SOS: ("BTN-1", b"", 1),
        Kind.FALL: ("BR-2", encoded({"t": now_ms, "state": "suspected", "confidence": 0.4}), 1),
        Kind.STATUS: ("BTN-1", encoded({"bat": 80, "fw": "1.2 beta"}), 1),
        Kind.MOTION: (
            "BR-2",
            contract.encode_binary(Kind.MOTION, time_ms=now_ms, rate_hz=50, samples=still_g, counts_per_unit=4096),
            1,
        ),
        Kind.BCG: ("MAT-1", encoded({"t": now_ms, "rate": 100, "v": [0.5] * 100}), 1),
    }


def publish_every_kind(house: Any, broker: Any) -> dict[Kind, int]:
    readings = readings_of_every_kind(time.time_ns() // 1_000_000)
    with device_of(broker) as publish:
        for kind, (device, payload, _) in readings.items():
            publish(house.topic(device, kind), payload)
    return {kind: count for kind, (_, _, count) in readings.items()}


def test_every_reading_is_found_again_in_influxdb_1(
    build_house: Callable[..., Any], mosquitto: Any, influxdb: Any
) -> None:
    house = build_house(
        f'[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{influxdb.url}"\ndatabase = "readings"\n'
    )
    published = publish_every_kind(house, mosquitto)

    def found() -> dict[Kind, int]:
        return {
            kind: sum(
                row["count"]
                for row in influxdb.query(
                    "readings", f"SELECT count(received_ms) FROM {kind} WHERE site = '{house.site}'"
                )
            )
            for kind in published
        }

    house.wait("readings in InfluxDB", lambda: found() == published)
    rows = influxdb.query("readings", f"SELECT * FROM vitals WHERE site = '{house.site}' ORDER BY time")
    assert [row["heart_rate_bpm"] for row in rows] == [60 + i for i in reversed(range(20))]
    assert {(row["resident"], row["device"]) for row in rows} == {("R-1", "BR-1")}
    house.wait(
        "alarms beside the readings",
        lambda: (
            {row["cause"] for row in influxdb.query("readings", f"SELECT * FROM alarm WHERE site = '{house.site}'")}
            == {"press", "device_suspected"}
        ),
    )


def test_every_reading_is_found_again_behind_the_write_api_of_influxdb_2(
    build_house: Callable[..., Any], mosquitto: Any, victoria_metrics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOUHU_TEST_TOKEN", "not-looked-at-by-this-receiver")
    house = build_house(
        f'[store]\nkind = "influxdb2"\n[store.influxdb2]\nurl = "{victoria_metrics.url}"\n'
        'token = { env = "SHOUHU_TEST_TOKEN" }\n'
    )
    published = publish_every_kind(house, mosquitto)

    def found() -> dict[Kind, int]:
        return {
            kind: sum(
                len(series["values"])
                for series in victoria_metrics.export(f'{{__name__="{kind}_received_ms",site="{house.site}"}}')
            )
            for kind in published
        }

    house.wait("readings in VictoriaMetrics", lambda: found() == published)
    assert "not-looked-at" not in house.log()


def test_bad_input_is_counted_and_kept_and_the_readings_beside_it_are_stored(
    build_house: Callable[..., Any], mosquitto: Any
) -> None:
    house = build_house()
    motion = contract.encode_binary(
        Kind.MOTION, time_ms=time.time_ns() // 1_000_000, rate_hz=50, samples=np.zeros((50, 3)), counts_per_unit=4096
    )
    bad = [
        (house.topic("BR-1", "motion"), motion[:-1], "truncated"),
        (house.topic("BR-1", "vitals"), b'{"hr":', "not_json"),
        (house.topic("BR-1", "vitals"), b'{"hr":NaN}', "non_finite"),
        (house.topic("BR-1", "pulse"), b'{"hr":60}', "unknown_kind"),
        (house.topic("GHOST", "vitals"), b'{"hr":60}', "unknown_device"),
        (house.topic("BR-1", "vitals"), b'{"hr":60,"x":"' + b"x" * 1_000_000 + b'"}', "too_large"),
        (f"care/v1/{house.site}/vitals", b'{"hr":60}', "wrong_topic"),
    ]
    with device_of(mosquitto) as publish:
        for number, (topic, payload, _) in enumerate(bad):
            publish(house.topic("BR-1", "vitals"), f'{{"hr":70,"seq":{number}}}')
            publish(topic, payload)
            publish(house.topic("BR-1", "motion"), motion)
        # In one payload, too.
        publish(house.topic("BR-2", "vitals"), b'[{"hr":61},{"hr":NaN},{"hr":62},{"hr":999}]')
    counts = {reason: 1 for _, _, reason in bad} | {"non_finite": 2, "out_of_range": 1}
    house.wait("quarantine", lambda: house.get("/api/v1/quarantine")["counts"] == counts)
    kept = {row["reason"]: row for row in house.get("/api/v1/quarantine")["rejected"]}
    assert kept["too_large"]["size_bytes"] > 1_000_000
    assert kept["unknown_kind"]["topic"] == house.topic("BR-1", "pulse")

    def figure(name: str) -> float:
        with urllib.request.urlopen(house.url + "/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    house.wait("stored neighbours", lambda: figure("shouhu_stored_readings") == 2 * len(bad) + 2)
    assert figure("shouhu_rejected_total") == sum(counts.values())


def test_alarms_outlive_a_crash_and_a_press_meanwhile_is_not_lost(
    build_house: Callable[..., Any], mosquitto: Any
) -> None:
    house = build_house()
    with device_of(mosquitto) as publish:
        publish(house.topic("BTN-1", "sos"))
        (press,) = house.wait("press", house.alarms)
        house.post(f"/api/v1/alarms/{press['alarm']}/acknowledge", {"by": "nurse-1"})
        house.kill()
        publish(house.topic("BR-2", "fall"), b'{"state":"confirmed"}')
        house.start()
        alarms = house.wait("fall", lambda: (a := house.alarms()) and len(a) == 2 and a)
    states = {alarm["condition"]: alarm["state"] for alarm in alarms}
    assert states == {"sos": "acknowledged", "fall": "unacknowledged"}
    house.post(f"/api/v1/alarms/{press['alarm']}/resolve", {"by": "nurse-1", "outcome": "true", "note": ""})
    with pytest.raises(urllib.error.HTTPError, match="409"):
        house.post(f"/api/v1/alarms/{press['alarm']}/resolve", {"by": "nurse-2", "outcome": "true", "note": ""})
    assert house.stop() == 0


def test_a_store_that_is_away_delays_no_alarm_and_loses_no_reading(
    build_house: Callable[..., Any], mosquitto: Any, influxdb: Any
) -> None:
    house = build_house(
        f'[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{influxdb.url}"\ndatabase = "outage"\n'
    )
    influxdb.stop()
    with device_of(mosquitto) as publish:
        publish(house.topic("BR-1", "vitals"), b'{"hr":66}')
        house.wait("complaint of the store", lambda: not house.get("/readyz")["checks"][2]["ok"])
        publish(house.topic("BTN-1", "sos"))
        house.wait("alarm", house.alarms)
    influxdb.start()
    question = f"SELECT * FROM vitals WHERE site = '{house.site}'"
    house.wait("the reading of the outage", lambda: influxdb.query("outage", question))


def test_the_feed_and_the_button_hear_what_becomes_of_a_press(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()

    async def listen() -> list[tuple[str, dict[str, Any]]]:
        heard = []
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client, asyncio.timeout(60):
            await client.subscribe(f"care/v1-alarms/{house.site}", qos=1)
            await client.subscribe(house.topic("BTN-1", "cmd"), qos=1)
            await client.publish(house.topic("BTN-1", "sos"), qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                heard.append((str(message.topic), json.loads(message.payload)))
                if len(heard) == 2:
                    (alarm,) = await asyncio.to_thread(house.alarms)
                    path = f"/api/v1/alarms/{alarm['alarm']}/acknowledge"
                    await asyncio.to_thread(house.post, path, {"by": "nurse-1"})
                if len(heard) == 4:
                    break
        return heard

    heard = asyncio.run(listen())
    commands = [body for topic, body in heard if topic.endswith("/cmd")]
    feed = [body for topic, body in heard if topic.startswith("care/v1-alarms/")]
    assert [body["cmd"] for body in commands] == ["sos-ack", "sos-accepted"]
    assert [body["state"] for body in feed] == ["unacknowledged", "acknowledged"]
    assert {body["alarm"] for body in commands} == {body["alarm"] for body in feed}
    assert set(feed[0]) == {"alarm", "resident", "device", "condition", "priority", "state", "at", "onset"}
    assert (feed[0]["resident"], feed[0]["condition"], feed[0]["priority"]) == ("R-1", "sos", "high")


def test_a_device_added_while_running_is_heard(build_house: Callable[..., Any], mosquitto: Any) -> None:
    house = build_house()
    fleet = house.folder / "fleet.toml"
    fleet.write_text(fleet.read_text() + '\n[[device]]\nid = "BTN-NEW"\ntype = "button"\nresident = "R-2"\n')
    house.import_fleet(fleet)
    house.wait("word of the new fleet", lambda: "the fleet has changed: 6 devices" in house.log())
    with device_of(mosquitto) as publish:
        publish(house.topic("BTN-NEW", "sos"))
    (alarm,) = house.wait("alarm", house.alarms)
    assert alarm["resident"] == "R-2"


def test_two_services_cannot_share_a_data_folder(build_house: Callable[..., Any]) -> None:
    house = build_house()
    second = subprocess.run(
        [*house._shouhu(), "run", "--settings", str(house.folder / "shouhu.toml")],
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert second.returncode == 1
    assert b"another service is running on the data folder" in second.stderr
