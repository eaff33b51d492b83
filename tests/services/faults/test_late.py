"""What comes twice, late, or with a wrong clock: stored once by its own time, and no alarm rings twice."""

import json
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pytest

HOUR_MS = 3_600_000


@pytest.fixture
def house(build_house: Callable[..., Any], fault_fleet: str) -> Any:
    return build_house(fleet=fault_fleet)


@pytest.fixture
def say(house: Any, mosquitto: Any) -> Any:
    """Publishes as a device does and returns when the broker has it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()

    def publish(device: str, kind: str, body: object) -> None:
        client.publish(house.topic(device, kind), json.dumps(body), qos=1).wait_for_publish(20)

    yield publish
    client.disconnect()
    client.loop_stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def settled(house: Any, messages: int) -> None:
    """Wait until the service has taken so many messages and stored what was in them."""
    house.wait("messages", lambda: house.figure("shouhu_messages_total") >= messages)
    house.wait("store", lambda: house.figure("shouhu_spool_readings") == 0)


def test_the_same_reading_is_stored_once_however_often_it_comes(house: Any, say: Any, sqlite_vitals: Any) -> None:
    time_ms = now_ms()
    for _ in range(5):
        say("BR-1", "vitals", {"t": time_ms, "seq": 7, "hr": 60})
        say("BR-1", "vitals", [{"t": time_ms, "seq": 7, "hr": 60}, {"t": time_ms, "seq": 8, "hr": 61}])
        say("BR-2", "vitals", {"t": time_ms, "hr": 60})
    settled(house, 15)
    assert sqlite_vitals(house) == [("BR-1", time_ms, 7), ("BR-1", time_ms, 8), ("BR-2", time_ms, -1)]


def test_an_hour_at_once_is_stored_by_its_own_time_and_alarms_once(house: Any, say: Any, sqlite_vitals: Any) -> None:
    end_ms = now_ms()
    hour = [
        {"t": end_ms - 1000 * age_s, "seq": 3600 - age_s, "hr": 180 if age_s < 120 else 70} for age_s in range(3600)
    ][::-1]
    parts = [hour[begin : begin + 300] for begin in range(0, len(hour), 300)]
    pressed_ms = end_ms - HOUR_MS // 2
    for count in (1, 2, 3):
        for part in parts if count != 2 else reversed(parts):  # in any order
            say("BR-3", "vitals", part)
        say("BTN-3", "sos", {"t": pressed_ms, "seq": 1})
        settled(house, count * (len(parts) + 1))
        # On a busy machine what was found is two minutes old when it comes, and waits for the end of the backlog.
        alarms = house.wait("alarms", lambda: alarms if len(alarms := house.alarms()) >= 2 else None, 120)
        assert sorted((a["device"], a["cause"], a["repeats"]) for a in alarms) == [
            ("BR-3", "heart_rate_high", 0),
            ("BTN-3", "press", 0),
        ]
    assert {a["onset_ms"] for a in alarms if a["cause"] == "press"} == {pressed_ms}
    for alarm in alarms:
        assert len(house.get(f"/api/v1/alarms/{alarm['alarm']}")["transitions"]) == 1
    assert sqlite_vitals(house) == [("BR-3", reading["t"], reading["seq"]) for reading in hour]


def test_what_is_over_by_the_end_of_an_hour_told_message_by_message_rings_no_bell(
    house: Any, say: Any, sqlite_vitals: Any
) -> None:
    end_ms = now_ms()
    hour = [{"t": end_ms - 60_000 * age, "seq": 60 - age, "hr": 180 if age > 40 else 70} for age in range(60)][::-1]
    for reading in hour:
        say("BR-3", "vitals", reading)
    settled(house, len(hour))
    # Of another who is unwell now, so that the first has had its time.
    for second in range(21):
        say("BR-4", "vitals", {"t": end_ms + 1000 * (second + 1), "hr": 180})
    house.wait("alarm", lambda: [a for a in house.alarms() if a["device"] == "BR-4"])
    assert sqlite_vitals(house)[: len(hour)] == [("BR-3", reading["t"], reading["seq"]) for reading in hour]
    assert not [a for a in house.get("/api/v1/alarms/history")["alarms"] if a["device"] == "BR-3"]


def test_a_clock_an_hour_wrong_is_told_with_its_skew_and_silences_no_press(
    house: Any, say: Any, sqlite_vitals: Any
) -> None:
    time_ms = now_ms()
    say("BR-4", "vitals", {"t": time_ms, "seq": 1, "hr": 70})
    say("BR-4", "vitals", {"t": time_ms + HOUR_MS, "seq": 2, "hr": 70})
    say("BR-4", "vitals", {"t": time_ms - HOUR_MS, "seq": 3, "hr": 70})
    say("BR-4", "vitals", {"t": time_ms - 31 * 24 * HOUR_MS, "seq": 4, "hr": 70})
    say("BTN-4", "sos", {"t": time_ms + HOUR_MS})
    say("BTN-5", "sos", {"t": time_ms - 31 * 24 * HOUR_MS})
    settled(house, 6)
    assert sqlite_vitals(house) == [("BR-4", time_ms - HOUR_MS, 3), ("BR-4", time_ms, 1)]
    skews = {row["reason"]: int(row["detail"].split()[2]) for row in house.get("/api/v1/quarantine")["rejected"]}
    assert abs(skews["in_future"] - 3600) < 10
    assert abs(skews["too_old"] + 31 * 24 * 3600) < 10
    house.wait("presses", lambda: len(house.alarms()) == 2)
    onsets = {alarm["device"]: alarm["onset_ms"] for alarm in house.alarms()}
    assert all(abs(onset_ms - time_ms) < 10_000 for onset_ms in onsets.values())
    # The clock is right again: what is wrong with the wearer is seen at once.
    for second in range(21):
        say("BR-4", "vitals", {"t": time_ms + 1000 * (second + 1), "hr": 180})
    (alarm,) = house.wait("alarm", lambda: [a for a in house.alarms() if a["device"] == "BR-4"])
    assert alarm["cause"] == "heart_rate_high"
