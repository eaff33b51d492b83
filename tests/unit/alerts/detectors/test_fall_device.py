"""Falls as devices report them."""

from typing import Any

from alerts.detectors.fall_device import DeviceFall
from alerts.findings import Priority
from ingest.readings import Fall

SUSPECTED, CONFIRMED, CANCELLED = 0, 1, 2


def test_suspected_is_medium_and_confirmed_is_high(fed: Any, readings: Any) -> None:
    found = fed(DeviceFall())(readings(Fall, [0, 4], state=[SUSPECTED, CONFIRMED], confidence=[0.6, 0.9]))
    assert [(f.cause, f.priority) for f in found] == [
        ("device_suspected", Priority.MEDIUM),
        ("device_confirmed", Priority.HIGH),
    ]
    assert found[1].evidence == (("confidence", 0.9),)


def test_a_device_that_repeats_itself_means_one_fall(fed: Any, readings: Any, said: Any) -> None:
    found = fed(DeviceFall())(readings(Fall, [0, 30, 60, 300], state=CONFIRMED))
    assert said(found) == [("device_confirmed", "began", 0.0), ("device_confirmed", "began", 300.0)]


def test_the_wearer_calls_off_what_was_reported(fed: Any, readings: Any, said: Any) -> None:
    device = fed(DeviceFall())
    device(readings(Fall, [0, 5, 20], state=[SUSPECTED, CONFIRMED, CONFIRMED]))
    assert sorted(said(device(readings(Fall, 25, state=CANCELLED)))) == [
        ("device_confirmed", "cancelled", 5.0),
        ("device_suspected", "cancelled", 0.0),
    ]
    assert device(readings(Fall, 26, state=CANCELLED)) == []
    assert len(device(readings(Fall, 27, state=CONFIRMED))) == 1


def test_a_clock_set_back_silences_no_fall(fed: Any, readings: Any, said: Any) -> None:
    device = fed(DeviceFall())
    device(readings(Fall, 3600, state=CONFIRMED))
    assert said(device(readings(Fall, 1800, state=CONFIRMED, latency_s=5400))) == [
        ("device_confirmed", "began", 1800.0)
    ]
    assert device(readings(Fall, [1800, 3600], state=CONFIRMED, latency_s=5500)) == []


def test_a_suspicion_confirmed_with_the_same_time_is_confirmed(fed: Any, readings: Any, said: Any) -> None:
    device = fed(DeviceFall())
    device(readings(Fall, 5, state=SUSPECTED))
    assert said(device(readings(Fall, 5, state=CONFIRMED))) == [("device_confirmed", "began", 5.0)]


def test_an_event_without_a_state_says_nothing(fed: Any, readings: Any) -> None:
    assert fed(DeviceFall())(readings(Fall, 0, confidence=0.9)) == []
