"""What users of such systems complain of, each as a test of its own: messages in, alarms and pushes out.

The names in the docstrings are the places of the complaints. Of loss at QoS 1 (Telegraf #17104) only real processes can
tell: `tests/services/faults/test_kills.py`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.lifecycle import Event, State
from tests.contract.watched import FLEET, Watched

MINUTE_S, HOUR_S = 60, 3_600


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def speak(home: Watched, seconds: int, every_s: int = 30, **values: object) -> list[Event]:
    """The bracelet says the same for so long; what happened to alarms."""
    events = []
    for _ in range(seconds // every_s):
        events += [one.event for one in home.say("bracelet", "vitals", {"worn": True, **values})]
        events += [one.event for one in home.wait(every_s)]
    return events


# ------------------------------------------------------------------ people


def test_reminders_stop_or_cannot_be_had_until_acknowledged(home: Watched) -> None:
    """ThingsBoard #12501, #8520."""
    home.say("button", "sos")
    home.wait(2 * HOUR_S)
    turns = ["nurse", "head_nurse"]
    assert home.pushes("press") == [(60.0 * n, turns[n % 2]) for n in range(121)], "each minute, for two hours"
    home.acknowledge("press")
    home.wait(14 * MINUTE_S)
    assert len(home.pushes("press")) == 121
    home.wait(2 * MINUTE_S)
    assert len(home.pushes("press")) > 121, "taken and not closed: it rings again"


def test_notifications_continue_after_acknowledgement(home: Watched) -> None:
    """OnCall #4654."""
    home.say("button", "sos")
    speak(home, 2 * MINUTE_S, hr=150)
    home.acknowledge("press")
    home.acknowledge("heart_rate_high")
    before = list(home.pushed)
    assert {to for _, to, _ in before} == {"nurse", "head_nurse"}
    home.say("button", "sos")  # once more, and the heart goes on racing
    speak(home, 7 * MINUTE_S, hr=150)
    assert home.pushed == before


def test_the_person_on_call_has_no_channel_set(tmp_path: Path) -> None:
    """OnCall #1326: skipped at once and told, never silently waited for."""
    nurse, head_nurse = FLEET.caregivers
    home = Watched(tmp_path, replace(FLEET, caregivers=(replace(nurse, contacts=()), head_nurse)))
    home.say("button", "sos")
    assert home.pushes("press") == [(0.0, "head_nurse")]
    assert dict(home.alarm("nobody_reachable").evidence)["reason"] == "no_channel"
    home.close()


# ------------------------------------------------------------------ devices


def test_a_device_whose_link_dies_makes_its_own_alarm_resolve(home: Watched) -> None:
    """Grafana #105571."""
    speak(home, 2 * MINUTE_S, hr=150)
    home.wait(HOUR_S)
    racing = home.alarm("heart_rate_high")
    assert racing.state is State.UNACKNOWLEDGED
    assert racing.unknown_since_ms is not None, "nobody knows whether it still is so, and that is told"
    assert racing.due_ms is not None
    assert len(home.pushes("heart_rate_high")) >= HOUR_S // 300, "people are called on"


def test_one_sensor_is_dead_while_the_device_is_alive(home: Watched) -> None:
    """ThingsBoard #14013."""
    speak(home, 2 * HOUR_S, every_s=60, steps=100)
    assert dict(home.alarm("sensor_dead").evidence)["sensor"] == "heart_rate"


def test_never_seen_devices_are_not_supervised(home: Watched) -> None:
    """Kapacitor #1784."""
    for _ in range(20):
        home.say("bracelet", "vitals", {"hr": 70, "worn": True})
        home.wait(60)
    silent = home.alarm("silent")
    assert silent.device == "locator"
    assert dict(silent.evidence)["heard"] == "never"


def test_a_restart_loses_alarm_state_and_then_floods(home: Watched) -> None:
    """Kapacitor #744, #1115."""
    pressed_ms = home.now_ms
    home.say("button", "sos")
    home.say("locator", "location", home.fix(0))
    speak(home, 5 * MINUTE_S, hr=150)
    before, last = home.journal.open_alarms(), home.journal.last_sequence()
    assert home.causes() == ["heart_rate_high", "press"]
    away_from_s = home.pushes("press")[-1][0]
    for _ in range(3):
        home.restart(away_s=5)
        assert home.journal.open_alarms() == before
    home.wait(10)
    assert home.journal.last_sequence() == last, "nothing of it is told anew"
    assert home.say("button", "sos", {"t": pressed_ms}) == [], "nor what the broker delivers again"
    assert set(speak(home, 3 * MINUTE_S, hr=150)) == {Event.ESCALATE}
    assert home.causes() == ["heart_rate_high", "press"]
    after = {to for at_s, to in home.pushes("press") if at_s > away_from_s}
    assert after == {"nurse", "head_nurse"}, "and its steps go on"


def test_a_condition_true_at_start_up_raises_nothing(home: Watched) -> None:
    """Home Assistant #59812: what is so with the first words of a device, or began while the service was away."""
    home.restart(away_s=HOUR_S)
    home.say("locator", "location", home.fix(600))
    home.say("locator", "location", home.fix(601, t=home.now_ms + 1000))
    home.wait(30)
    home.say("locator", "location", home.fix(602))
    speak(home, MINUTE_S, every_s=5, hr=150)
    assert home.causes() == ["heart_rate_high", "left_safe_zone"]


def test_a_fall_never_alarms_again_unless_latched(home: Watched) -> None:
    """OpenSeizureDetector #22: a fall stays until somebody deals with it, and the next one rings again."""
    home.say("bracelet", "fall", {"state": "confirmed"})
    speak(home, 10 * MINUTE_S, hr=70)
    fall = home.alarm("device_confirmed")
    assert fall.state is State.UNACKNOWLEDGED, "whatever its sensor says next"
    home.acknowledge("device_confirmed")
    home.wait(5 * MINUTE_S)
    pushed = len(home.pushes("device_confirmed"))
    (again,) = home.say("bracelet", "fall", {"state": "confirmed"})
    assert (again.event, again.to_state) == (Event.RECUR, State.UNACKNOWLEDGED)
    assert len(home.pushes("device_confirmed")) == pushed + 1
    home.resolve("device_confirmed")
    home.wait(MINUTE_S)
    (third,) = home.say("bracelet", "fall", {"state": "confirmed"})
    assert third.event is Event.RAISE


# ------------------------------------------------------------------ places


def test_false_exits_from_jitter_and_cell_fixes(home: Watched) -> None:
    """Traccar #2189, #3609."""
    for number in range(120):
        home.say("locator", "location", home.fix(95 + 10 * (number % 3)))  # now inside, now 15 m outside
        home.wait(30)
    for number in range(40):
        home.say("locator", "location", home.fix(0))
        home.wait(30)
        home.say("locator", "location", home.fix(900 + number, acc=1500.0, src="lbs"))
        home.wait(30)
    assert "left_safe_zone" not in home.causes()


def test_outside_when_it_should_be_inside_never_fires_because_only_crossings_count(home: Watched) -> None:
    """Traccar #3897: found outside without ever having been seen to go out."""
    for _ in range(4):
        home.say("locator", "location", home.fix(600))
        home.wait(30)
    assert home.causes() == ["left_safe_zone"]
    assert home.pushes("left_safe_zone")


@pytest.mark.parametrize("messages", [1, 6])
def test_buffered_points_that_arrive_late_make_storms_of_exits_and_returns(home: Watched, messages: int) -> None:
    """Hours of going in and out, received within seconds, are at most what is true at their end."""
    home.say("locator", "location", home.fix(0))
    home.wait(3 * HOUR_S)
    past = [
        home.fix(600 if (at_s // 900) % 2 else 0, t=home.now_ms - at_s * 1000)
        for at_s in range(3 * HOUR_S - 60, 0, -30)
    ]
    happened = []
    for part in range(messages):
        some = past[part * len(past) // messages : (part + 1) * len(past) // messages]
        happened += home.receive([("locator", "location", some)])
        home.now_ms += 1000
    happened += home.wait(MINUTE_S)
    fences = [one.event for one in happened if one.alarm.cause == "left_safe_zone"]
    assert fences.count(Event.RAISE) <= 1
    assert Event.REPEAT not in fences
    assert Event.RETURN not in fences


@pytest.mark.parametrize(
    "place", [{"lat": 0.0, "lon": 0.0}, {"lat": 99, "lon": 10}, {"lat": -36.0, "lon": 5.0, "acc": 9e5, "src": "lbs"}]
)
def test_an_sos_on_a_bad_fix_is_dropped_by_the_position_filter(home: Watched, place: dict[str, object]) -> None:
    """Traccar."""
    home.say("locator", "location", home.fix(0))
    home.wait(30)
    home.say("locator", "sos", place)
    assert home.pushes("press") == [(30.0, "nurse")]


# ------------------------------------------------------------------ batches


def test_one_bad_point_stops_a_whole_batch(home: Watched) -> None:
    """Telegraf #11005."""
    now_ms = home.now_ms
    readings = [{"t": now_ms - 1000 * ago, "hr": 150, "worn": True} for ago in range(60, 0, -1)]
    readings[30] = {"t": now_ms - 30_000, "hr": "much", "worn": True}
    home.receive(
        [
            ("nobody", "vitals", {}),
            ("bracelet", "vitals", b"\xff{"),
            ("bracelet", "vitals", readings),
            ("button", "sos", b""),
        ]
    )
    assert home.rejected == 3
    assert home.causes() == ["heart_rate_high", "press"]
    assert {to for _, to, _ in home.pushed} == {"nurse"}
