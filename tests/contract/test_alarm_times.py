"""What time brings to an alarm: reminders, the ends of shelves, and what only flickers. SQLite and PostgreSQL."""

import pytest
from sqlalchemy import Engine

from alerts.alarm import Outcome, Transition
from alerts.findings import Change, Priority
from alerts.journal.journal import ShelfTooLong
from alerts.journal.schema import Status
from alerts.journal.timing import AlarmTimes, Spans
from alerts.lifecycle import Event, IllegalEvent, State
from tests.contract.ward import BUTTON, HOUR, MINUTE, SECOND, T, Ward, called_off, press, vital


@pytest.fixture
def ward(engine: Engine) -> Ward:
    return Ward(engine)


def began(ward: Ward, priority: Priority = Priority.MEDIUM, at_ms: int = T) -> str:
    (transition,) = ward.record(vital(Change.BEGAN, at_ms, priority), now_ms=at_ms)
    return transition.alarm.alarm


def goes_and_comes(ward: Ward, gone_ms: int, back_ms: int, priority: Priority = Priority.MEDIUM) -> Transition:
    ward.record(vital(Change.ENDED, gone_ms, priority), now_ms=gone_ms)
    (back,) = ward.record(vital(Change.BEGAN, back_ms, priority), now_ms=back_ms)
    return back


# ------------------------------------------------------------------ reminders


@pytest.mark.parametrize(
    ("priority", "after_ms"), [(Priority.HIGH, 15 * MINUTE), (Priority.MEDIUM, HOUR), (Priority.LOW, 24 * HOUR)]
)
def test_what_somebody_took_and_nobody_closed_rings_again(ward: Ward, priority: Priority, after_ms: int) -> None:
    name = began(ward, priority)
    ward.journal.acknowledge(name, "nurse", T + MINUTE)
    assert ward.pass_time(T + MINUTE + after_ms - 1) == []
    assert ward.pass_time(T + MINUTE + after_ms) == [Event.REMIND]
    alarm = ward.only()
    assert (alarm.state, alarm.acknowledged_by, alarm.step) == (State.UNACKNOWLEDGED, None, 1)
    assert ward.called()[-1] == ("nurse", 0)
    course = ward.journal.transitions(name)
    assert [one.alarm.acknowledged_by for one in course] == [None, "nurse", None], "the course remembers who took it"
    ward.journal.acknowledge(name, "doctor", T + 2 * MINUTE + after_ms)


def test_what_is_gone_and_was_never_closed_is_brought_back_as_gone(ward: Ward) -> None:
    name = began(ward)
    ward.journal.acknowledge(name, "nurse", T)
    ward.record(vital(Change.ENDED, T + MINUTE), now_ms=T + MINUTE)
    assert ward.pass_time(T + HOUR) == [Event.REMIND]
    assert ward.only().state is State.RETURNED
    assert ward.pass_time(T + 9 * HOUR) == [], "told once more, and not on and on"


def test_what_is_closed_is_never_brought_back(ward: Ward) -> None:
    name = began(ward)
    ward.journal.acknowledge(name, "nurse", T)
    ward.journal.resolve(name, "nurse", Outcome.TRUE, "", T + MINUTE)
    assert ward.journal.next_due_ms() is None
    assert ward.pass_time(T + 100 * HOUR) == []


def test_what_gets_worse_in_somebodys_hands_is_brought_back_sooner(ward: Ward) -> None:
    name = began(ward)
    ward.journal.acknowledge(name, "nurse", T)
    ward.record(vital(Change.BEGAN, T + 10 * MINUTE, Priority.HIGH), now_ms=T + 10 * MINUTE)
    assert ward.only().state is State.ACKNOWLEDGED
    assert ward.only().due_ms == T + 25 * MINUTE


def test_times_can_be_set(engine: Engine) -> None:
    ward = Ward(engine, times=AlarmTimes(remind_s=Spans(high=60, medium=120, low=180)))
    ward.journal.acknowledge(began(ward), "nurse", T)
    assert ward.only().due_ms == T + 2 * MINUTE


# ------------------------------------------------------------------ shelves


def test_what_is_laid_aside_is_silent_until_its_time_and_rings_if_it_still_holds(ward: Ward) -> None:
    name = began(ward)
    shelved = ward.journal.shelve(name, "nurse", T + HOUR, "sensor is being changed", T + SECOND)
    assert (shelved.to_state, shelved.by, shelved.alarm.shelved_reason) == (
        State.SHELVED,
        "nurse",
        "sensor is being changed",
    )
    assert (shelved.alarm.shelved_by, shelved.alarm.shelved_until_ms) == ("nurse", T + HOUR)
    assert ward.called(Status.PENDING) == [], "what had not gone out is not sent"
    assert ward.pass_time(T + HOUR - 1) == []
    assert ward.pass_time(T + HOUR) == [Event.UNSHELVE]
    alarm = ward.only()
    assert (alarm.state, alarm.shelved_by, alarm.shelved_until_ms) == (State.UNACKNOWLEDGED, None, None)
    assert (alarm.acknowledged_by, alarm.step) == (None, 1)
    assert ward.called(Status.PENDING) == [("nurse", 0)]


def test_what_is_gone_when_the_shelf_ends_does_not_ring(ward: Ward) -> None:
    name = began(ward)
    ward.journal.shelve(name, "nurse", T + HOUR, "", T)
    ward.record(vital(Change.ENDED, T + MINUTE), now_ms=T + MINUTE)
    assert ward.only().state is State.SHELVED_RETURNED
    back = goes_and_comes(ward, T + MINUTE, T + 10 * MINUTE)
    assert (back.to_state, back.rings) == (State.SHELVED, False)
    ward.record(vital(Change.ENDED, T + 20 * MINUTE), now_ms=T + 20 * MINUTE)
    assert ward.pass_time(T + HOUR) == [Event.UNSHELVE]
    assert (ward.only().state, ward.only().acknowledged_by) == (State.CLEARED, "nurse")
    assert ward.only().due_ms == T + 2 * HOUR, "and is reminded of, if nobody closes it"


def test_what_gets_worse_leaves_the_shelf_and_rings(ward: Ward) -> None:
    ward.journal.shelve(began(ward), "nurse", T + HOUR, "", T)
    (worse,) = ward.record(vital(Change.BEGAN, T + MINUTE, Priority.HIGH), now_ms=T + MINUTE)
    assert (worse.to_state, worse.rings, worse.alarm.shelved_until_ms) == (State.UNACKNOWLEDGED, True, None)
    assert ward.called(Status.PENDING) == [("nurse", 0)]


def test_a_person_ends_the_shelf_before_its_time(ward: Ward) -> None:
    name = began(ward)
    with pytest.raises(IllegalEvent):
        ward.journal.unshelve(name, "nurse", T)
    ward.journal.shelve(name, "nurse", T + HOUR, "", T)
    ended = ward.journal.unshelve(name, "doctor", T + MINUTE)
    assert (ended.to_state, ended.by) == (State.UNACKNOWLEDGED, "doctor")
    assert ward.called(Status.PENDING) == [("nurse", 0)]


def test_who_had_taken_it_still_has_it_while_it_is_laid_aside(ward: Ward) -> None:
    name = began(ward)
    ward.journal.acknowledge(name, "nurse", T)
    shelved = ward.journal.shelve(name, "doctor", T + HOUR, "", T + MINUTE)
    assert (shelved.alarm.acknowledged_by, shelved.alarm.shelved_by) == ("nurse", "doctor")


@pytest.mark.parametrize("priority", Priority)
def test_each_priority_has_its_longest_shelf(ward: Ward, priority: Priority) -> None:
    most_ms = AlarmTimes().shelve_most_s.of_ms(priority)
    name = began(ward, priority)
    for until_ms in (T + most_ms + 1, T, T - 1):
        with pytest.raises(ShelfTooLong, match="minutes at most"):
            ward.journal.shelve(name, "nurse", until_ms, "", T)
    assert ward.only().state is State.UNACKNOWLEDGED
    assert ward.journal.shelve(name, "nurse", T + most_ms, "", T).alarm.due_ms == T + most_ms
    assert ward.journal.shelve(name, "nurse", T + MINUTE, "", T).alarm.due_ms == T + MINUTE


def test_a_press_cannot_be_laid_aside(ward: Ward) -> None:
    (raised,) = ward.record(press(), now_ms=T)
    for _ in range(2):
        with pytest.raises(IllegalEvent, match="a press or a fall"):
            ward.journal.shelve(raised.alarm.alarm, "nurse", T + MINUTE, "", T)
        ward.record(called_off(T + 1, BUTTON), now_ms=T + 1)
    assert len(ward.journal.transitions(raised.alarm.alarm)) == 2


# ------------------------------------------------------------------ flickering


def test_gone_for_less_than_a_minute_is_the_same_occurrence_and_rings_no_more(ward: Ward) -> None:
    name = began(ward)
    ward.journal.acknowledge(name, "nurse", T + SECOND)
    for n in range(1, 6):
        back = goes_and_comes(ward, T + n * MINUTE, T + n * MINUTE + 59_999)
        assert (back.event, back.to_state, back.rings) == (Event.FLICKER, State.ACKNOWLEDGED, False)
    assert (back.alarm.repeats, back.alarm.acknowledged_by) == (5, "nurse")
    assert back.alarm.due_ms == T + SECOND + HOUR, "nor does it put the reminder off"
    assert ward.called() == [("nurse", 0)]


def test_gone_for_a_minute_is_another_occurrence_and_rings(ward: Ward) -> None:
    ward.journal.acknowledge(began(ward), "nurse", T)
    back = goes_and_comes(ward, T + MINUTE, T + 2 * MINUTE)
    assert (back.event, back.to_state, back.rings) == (Event.REPEAT, State.UNACKNOWLEDGED, True)
    assert len(ward.called()) == 2


def test_what_flickers_and_nobody_takes_goes_on_with_the_next_step_when_that_was_due(ward: Ward) -> None:
    began(ward)
    ward.record(vital(Change.ENDED, T + 20 * SECOND), now_ms=T + 20 * SECOND)
    assert ward.journal.next_due_ms() is None, "nobody more is told while it is gone"
    (back,) = ward.record(vital(Change.BEGAN, T + 40 * SECOND), now_ms=T + 40 * SECOND)
    assert (back.event, back.alarm.step, back.alarm.due_ms) == (Event.FLICKER, 1, T + MINUTE)
    assert ward.pass_time(T + MINUTE) == [Event.ESCALATE]
    assert ward.called() == [("nurse", 0), ("head_nurse", 1)]


def test_what_flickers_into_something_worse_rings(ward: Ward) -> None:
    ward.journal.acknowledge(began(ward), "nurse", T)
    ward.record(vital(Change.ENDED, T + SECOND), now_ms=T + SECOND)
    (worse,) = ward.record(vital(Change.BEGAN, T + 2 * SECOND, Priority.HIGH), now_ms=T + 2 * SECOND)
    assert (worse.event, worse.rings) == (Event.WORSEN, True)


def test_a_press_never_flickers(ward: Ward) -> None:
    (raised,) = ward.record(press(), now_ms=T)
    ward.journal.acknowledge(raised.alarm.alarm, "nurse", T)
    ward.record(called_off(T + SECOND), now_ms=T + SECOND)
    (again,) = ward.record(press(T + 2 * SECOND), now_ms=T + 2 * SECOND)
    assert (again.event, again.rings) == (Event.REPEAT, True)
