"""What channels want of a transition, what they say, and how long they wait: pure."""

import json
from dataclasses import replace

import pytest

from alerts.alarm import Alarm, Outcome, Transition
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event, State
from alerts.notify.answers import judge_status, seconds_of
from alerts.notify.backoff import Backoff
from alerts.notify.contract import FailedForGood, FailedForNow, Result, Sent
from alerts.notify.mqtt import MqttChannel
from alerts.notify.post import PASSING
from alerts.notify.webhook import Webhook
from ingest.listener import Endpoint

ALARM = Alarm(
    *("01HF7YAT000000000000", "ward", "button-1", "resident-1", Condition.SOS, "press", Priority.HIGH),
    *(State.UNACKNOWLEDGED, 1000, 2000, 3000, 3000, 1000),
    evidence=(("accuracy_m", 12.5), ("source", "gnss")),
    note="王奶奶 pressed it herself",
)
MQTT = MqttChannel([Endpoint("127.0.0.1", 1883)])
HOOK = Webhook("hook", "http://127.0.0.1/")
CONTRACT_FIELDS = {"alarm", "resident", "device", "condition", "priority", "state", "at", "onset"}


def transition(event: Event, before: State | None, after: State, by: str | None = None, **more: object) -> Transition:
    alarm = replace(ALARM, state=after, **more)  # type: ignore[arg-type]
    return Transition(7, alarm, event, before, after, 4000, by)


RAISED = transition(Event.RAISE, None, State.UNACKNOWLEDGED)
PRESSED_AGAIN = transition(Event.REPEAT, State.UNACKNOWLEDGED, State.UNACKNOWLEDGED)
CANCELLED_AGAIN = transition(Event.CANCEL, State.RETURNED, State.RETURNED, cancelled=True)
TAKEN = transition(Event.ACKNOWLEDGE, State.UNACKNOWLEDGED, State.ACKNOWLEDGED, "nurse")
CLOSED = transition(Event.RESOLVE, State.ACKNOWLEDGED, State.RESOLVED, "nurse", outcome=Outcome.TRUE)
CLOSED_AT_ONCE = transition(Event.RESOLVE, State.RETURNED, State.RESOLVED, "nurse", outcome=Outcome.TRUE)


def test_the_feed_has_exactly_the_fields_of_the_contract() -> None:
    feed, command = MQTT.wants(RAISED)
    assert feed.address == "care/v1-alarms/ward"
    body = json.loads(feed.body)
    assert body.keys() == CONTRACT_FIELDS
    assert (body["state"], body["at"], body["onset"]) == ("unacknowledged", 4000, 1000)
    assert command.address == "care/v1/ward/button-1/cmd"
    assert json.loads(command.body) == {"cmd": "sos-ack", "alarm": ALARM.alarm}
    assert not feed.moot_once_taken, "a feed misses nothing"


@pytest.mark.parametrize(
    ("what", "topics", "command"),
    [
        (PRESSED_AGAIN, ["care/v1/ward/button-1/cmd"], "sos-ack"),
        (TAKEN, ["care/v1-alarms/ward", "care/v1/ward/button-1/cmd"], "sos-accepted"),
        (CLOSED_AT_ONCE, ["care/v1-alarms/ward", "care/v1/ward/button-1/cmd"], "sos-accepted"),
        (CLOSED, ["care/v1-alarms/ward"], None),
        (CANCELLED_AGAIN, ["care/v1-alarms/ward"], None),
    ],
)
def test_a_button_is_answered_when_pressed_and_when_taken(
    what: Transition, topics: list[str], command: str | None
) -> None:
    messages = MQTT.wants(what)
    assert [message.address for message in messages] == topics
    commands = [json.loads(message.body)["cmd"] for message in messages if message.address.endswith("/cmd")]
    assert commands == ([] if command is None else [command])


def test_only_a_press_is_answered() -> None:
    fall = replace(RAISED, alarm=replace(ALARM, condition=Condition.FALL))
    assert [message.address for message in MQTT.wants(fall)] == ["care/v1-alarms/ward"]


def test_feed_and_commands_can_be_left_out() -> None:
    endpoint = Endpoint("127.0.0.1", 1883)
    assert len(MqttChannel([endpoint], feed=False).wants(RAISED)) == 1
    assert MqttChannel([endpoint], feed=False, commands=False).wants(RAISED) == ()
    with pytest.raises(ValueError, match="no broker"):
        MqttChannel([])


def test_a_webhook_tells_the_cause_and_no_free_text() -> None:
    (message,) = HOOK.wants(RAISED)
    body = json.loads(message.body)
    assert body.keys() >= CONTRACT_FIELDS
    assert (body["cause"], body["drill"], body["cancelled"], body["sequence"]) == ("press", False, False, 7)
    assert body["evidence"] == {"accuracy_m": 12.5, "source": "gnss"}
    assert "王" not in message.body.decode()


@pytest.mark.parametrize(("what", "moot"), [(RAISED, True), (CANCELLED_AGAIN, True), (TAKEN, False), (CLOSED, False)])
def test_what_calls_for_somebody_is_moot_once_somebody_came(what: Transition, moot: bool) -> None:
    (message,) = HOOK.wants(what)
    assert message.moot_once_taken is moot


def test_a_webhook_is_not_told_of_a_press_that_changes_nothing() -> None:
    assert HOOK.wants(PRESSED_AGAIN) == ()


@pytest.mark.parametrize(
    ("status", "retry_after", "result"),
    [
        (200, None, Sent()),
        (204, None, Sent()),
        (302, None, FailedForGood("answered 302")),
        (400, None, FailedForGood("answered 400")),
        (410, None, FailedForGood("answered 410")),
        (404, None, FailedForNow("answered 404")),
        (429, "7", FailedForNow("answered 429", 7.0)),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", FailedForNow("answered 503")),
        (503, "-1", FailedForNow("answered 503")),
        (500, None, FailedForNow("answered 500")),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str | None, result: Result) -> None:
    assert judge_status(status, seconds_of(retry_after), also_passing=PASSING) == result


def test_back_off_doubles_up_to_its_most_and_is_never_less_than_half() -> None:
    backoff = Backoff(first_s=1, most_s=60)
    assert [backoff.wait_s(n, 1.0) for n in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.wait_s(10_000, 0.0) == 30


def test_a_receiver_may_ask_for_more_patience_but_not_for_ever() -> None:
    backoff = Backoff(first_s=1, most_s=60)
    assert backoff.wait_s(0, 0.0, retry_after_s=20) == 20
    assert backoff.wait_s(0, 0.0, retry_after_s=0) == 0.5
    assert backoff.wait_s(0, 0.0, retry_after_s=86_400) == 300


def test_no_secret_is_in_a_representation() -> None:
    channels = [
        Webhook("hook", "http://user:Geheim7@example.org/?token=Geheim7", secret="Geheim7"),
        MqttChannel([Endpoint("127.0.0.1", 1883)], username="Geheim7", password="Geheim7"),
    ]
    assert "Geheim7" not in repr(channels)


WANDERED = transition(
    Event.WITNESS,
    State.UNACKNOWLEDGED,
    State.UNACKNOWLEDGED,
    condition=Condition.GEOFENCE,
    cause="left_safe_zone",
    evidence=(
        ("zone", "garden"), ("distance_m", 240.0), ("direction", "NE"), ("lat_deg", 36.64), ("lon_deg", 117.96),
        ("accuracy_m", 15.0), ("speed_m_s", 1.1), ("battery_pct", 40.0), ("fix_ms", 3500),
    ),
)  # fmt: skip


def test_the_feed_and_webhooks_follow_who_wandered_off() -> None:
    (feed,) = MQTT.wants(WANDERED)
    body = json.loads(feed.body)
    assert body.keys() == CONTRACT_FIELDS | {"position"}
    assert body["position"] == {
        "t": 3500, "lat": 36.64, "lon": 117.96, "crs": "wgs84", "acc": 15.0, "speed": 1.1, "bat": 40.0,
        "zone": "garden", "distance": 240.0, "direction": "NE",
    }  # fmt: skip
    (told,) = HOOK.wants(WANDERED)
    assert json.loads(told.body)["position"] == body["position"]
    assert not told.moot_once_taken, "whoever took it still wants to know where"


def test_more_evidence_of_a_fall_is_not_sent_by_itself() -> None:
    fall = replace(WANDERED, alarm=replace(WANDERED.alarm, condition=Condition.FALL))
    assert MQTT.wants(fall) == HOOK.wants(fall) == ()
