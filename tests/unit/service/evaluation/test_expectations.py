"""Incidents of a script against transitions of alarms."""

from alerts.alarm import Alarm, Transition
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event, State
from service.evaluation.expectations import Expectations, Meaning
from simulators.stream import Incident

AT_MS = 1_760_000_000_000


def fall(at_ms: int = AT_MS, resident: str = "r1") -> Incident:
    return Incident(resident, "b1", "fall", ("wrist_fall", "device_confirmed"), at_ms)


def transition(
    cause: str = "wrist_fall",
    *,
    event: Event = Event.RAISE,
    after_s: float = 4.0,
    resident: str | None = "r1",
    device: str = "b1",
    condition: Condition = Condition.FALL,
) -> Transition:
    at_ms = AT_MS + round(after_s * 1000)
    alarm = Alarm(
        "A",
        "s",
        device,
        resident,
        condition,
        cause,
        Priority.HIGH,
        State.UNACKNOWLEDGED,
        at_ms,
        at_ms,
        at_ms,
        at_ms,
        at_ms,
    )
    return Transition(1, alarm, event, None, State.UNACKNOWLEDGED, at_ms)


def expecting(*incidents: Incident) -> Expectations:
    expectations = Expectations()
    for incident in incidents:
        expectations.expect(incident)
    return expectations


def test_an_alarm_meets_its_incident_and_tells_the_delay() -> None:
    expectations = expecting(fall())
    meaning, expectation = expectations.take(transition())
    assert meaning is Meaning.EXPECTED
    assert expectation is not None
    assert expectation.delay_s == 4.0
    assert expectations.met


def test_without_its_alarm_an_incident_is_not_met() -> None:
    expectations = expecting(fall(), fall(resident="r2"))
    expectations.take(transition())
    assert not expectations.met


def test_a_second_alarm_of_the_same_incident_is_an_echo() -> None:
    expectations = expecting(fall())
    expectations.take(transition())
    assert expectations.take(transition("device_confirmed", after_s=6))[0] is Meaning.ECHO
    assert expectations.unexpected == ()


def test_what_nobody_scripted_is_listed() -> None:
    expectations = expecting(fall())
    assert expectations.take(transition(resident="r9"))[0] is Meaning.UNEXPECTED
    assert expectations.take(transition(condition=Condition.BED, cause="bed_exit"))[0] is Meaning.UNEXPECTED
    assert len(expectations.unexpected) == 2
    assert not expectations.met


def test_another_cause_of_the_same_condition_does_not_meet_it() -> None:
    expectations = expecting(fall())
    assert expectations.take(transition("device_suspected"))[0] is Meaning.ECHO
    assert not expectations.met


def test_an_alarm_from_long_before_is_none_of_this_incident() -> None:
    assert expecting(fall()).take(transition(after_s=-60))[0] is Meaning.UNEXPECTED


def test_a_repeat_meets_an_incident_but_is_never_unexpected() -> None:
    assert expecting(fall()).take(transition(event=Event.REPEAT))[0] is Meaning.EXPECTED
    assert expecting().take(transition(event=Event.REPEAT))[0] is Meaning.ECHO


def test_a_silent_device_is_told_by_the_device_not_the_resident() -> None:
    silent = Incident("r1", "b1", "device", ("silent",), AT_MS)
    expectations = expecting(silent)
    other = transition("silent", condition=Condition.DEVICE, device="m1")
    assert expectations.take(other)[0] is Meaning.UNEXPECTED
    assert expectations.take(transition("silent", condition=Condition.DEVICE))[0] is Meaning.EXPECTED


def test_people_do_not_count() -> None:
    assert expecting(fall()).take(transition(event=Event.ACKNOWLEDGE))[0] is Meaning.OTHER
