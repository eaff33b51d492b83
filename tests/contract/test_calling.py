"""Steps of calling are part of the journal's transactions: SQLite and a real PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, update

from alerts.alarm import Alarm
from alerts.calling.escalation import Call
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from alerts.journal.letters import Letters
from alerts.journal.schema import ALARM, Status
from alerts.lifecycle import Event, State
from tests.contract.ward import DEVICES, HILL, MINUTE, Plan, T, Telephone, Ward, called_off, press, vital


@pytest.fixture
def ward(engine: Engine) -> Ward:
    return Ward(engine)


def test_a_press_calls_the_first_at_once_and_says_when_the_next_are_due(ward: Ward) -> None:
    (raised,) = ward.record(press(), now_ms=T)
    assert ward.called() == [("nurse", 0)]
    assert (raised.alarm.step, raised.alarm.due_ms) == (1, T + MINUTE)
    assert ward.journal.next_due_ms() == T + MINUTE
    assert ward.only() == raised.alarm


def test_until_somebody_takes_it_the_next_are_called_each_minute_and_then_the_first_again(ward: Ward) -> None:
    (raised,) = ward.record(press(), now_ms=T)
    assert ward.pass_time(T + MINUTE - 1) == []
    for minute in range(1, 5):
        assert ward.pass_time(T + minute * MINUTE) == [Event.ESCALATE]
    assert ward.called() == [("nurse", 0), ("head_nurse", 1), ("family", 2), ("nurse", 3), ("head_nurse", 4)]
    ward.journal.acknowledge(raised.alarm.alarm, "head_nurse", T + 4 * MINUTE + 1)
    assert ward.pass_time(T + 10 * MINUTE) == []
    assert ward.called(Status.PENDING) == [], "what had not gone out is not sent any more"


def test_a_step_that_two_services_see_due_is_taken_once(ward: Ward) -> None:
    ward.record(press(), now_ms=T)
    first, second = Ward(ward.engine), Ward(ward.engine)
    assert (first.pass_time(T + MINUTE), second.pass_time(T + MINUTE)) == ([Event.ESCALATE], [])
    assert ward.called() == [("nurse", 0), ("head_nurse", 1)]


def test_a_step_is_taken_with_its_letter_or_not_at_all(ward: Ward) -> None:
    ward.record(press(), now_ms=T)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    event.listen(ward.engine, "commit", fail)
    with pytest.raises(OSError, match="disk full"):
        ward.journal.pass_time(T + MINUTE)
    event.remove(ward.engine, "commit", fail)
    assert (ward.only().step, ward.called()) == (1, [("nurse", 0)])
    assert ward.pass_time(T + MINUTE) == [Event.ESCALATE]


def test_high_goes_first_and_a_round_does_no_more_than_it_is_asked_to(ward: Ward) -> None:
    quiet = [
        Finding(0, Condition.DEVICE, "battery_low", Change.BEGAN, Priority.LOW, T, T, subject=str(n)) for n in range(20)
    ]
    ward.record(*quiet, now_ms=T)
    ward.record(press(T + 10), now_ms=T + 10)
    happened = ward.journal.pass_time(T + 10 + MINUTE, most=4)
    assert [one.alarm.condition for one in happened] == [Condition.SOS, *[Condition.DEVICE] * 3]
    assert len(ward.pass_time(T + 10 + MINUTE)) == 17


def test_two_things_of_one_device_are_two_alarms(ward: Ward) -> None:
    fault = Finding(0, Condition.DEVICE, "channel_fails", Change.BEGAN, Priority.LOW, T, T, subject="sms")
    ward.record(fault, replace(fault, subject="e-mail"), now_ms=T)
    assert len(ward.journal.open_alarms()) == 2


# ------------------------------------------------------------------ who is called, and who not


def test_what_rings_anew_begins_with_the_first_step(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), now_ms=T)
    ward.pass_time(T + MINUTE)
    (worse,) = ward.record(vital(Change.BEGAN, T + 90_000, Priority.HIGH), now_ms=T + 90_000)
    assert (worse.event, worse.alarm.step, worse.alarm.due_ms) == (Event.WORSEN, 1, T + 90_000 + MINUTE)
    assert ward.called()[-1] == ("nurse", 0)


def test_more_of_what_rings_calls_nobody_again(ward: Ward) -> None:
    ward.record(press(), now_ms=T)
    (repeat,) = ward.record(press(T + 5000), now_ms=T + 5000)
    assert (repeat.event, repeat.alarm.due_ms) == (Event.REPEAT, T + MINUTE)
    assert ward.called() == [("nurse", 0)]


def test_of_what_is_gone_and_was_not_urgent_nobody_more_is_told_and_it_stays_visible(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T), vital(Change.ENDED, T + 30_000), now_ms=T + 30_000)
    assert ward.only().state is State.RETURNED
    assert ward.only().due_ms is None
    assert ward.pass_time(T + 10 * MINUTE) == []


def test_what_is_urgent_is_told_on_though_it_is_gone(ward: Ward) -> None:
    ward.record(vital(Change.BEGAN, T, Priority.HIGH), vital(Change.ENDED, T + 1000, Priority.HIGH), now_ms=T + 1000)
    assert ward.pass_time(T + 1000 + MINUTE) == [Event.ESCALATE]
    assert ward.only().state is State.RETURNED


def test_of_a_press_that_its_wearer_called_off_nobody_more_is_told(ward: Ward) -> None:
    ward.record(press(), called_off(T + 2000), now_ms=T + 2000)
    assert ward.pass_time(T + 10 * MINUTE) == []
    (again,) = ward.record(press(T + 11 * MINUTE), now_ms=T + 11 * MINUTE)
    assert (again.alarm.step, again.alarm.due_ms) == (1, T + 12 * MINUTE)


def test_a_step_that_reaches_nobody_is_itself_an_alarm_of_the_site(engine: Engine) -> None:
    ward = Ward(engine, Plan(away=("nurse",)))
    raised, told = ward.record(press(), now_ms=T)
    assert ward.called() == [("head_nurse", 1), ("head_nurse", 1)], "of the press, and of having nobody to tell of it"
    assert raised.alarm.step == 2
    assert (told.alarm.condition, told.alarm.cause, told.alarm.device) == (
        Condition.DEVICE,
        "nobody_reachable",
        "shouhu",
    )
    assert dict(told.alarm.evidence) == {"alarm": raised.alarm.alarm, "step": 0, "reason": "nobody_on_duty"}
    ward.pass_time(T + 3 * MINUTE)
    assert len(ward.journal.open_alarms()) == 2, "one a site"


def test_two_presses_of_one_millisecond_that_reach_nobody_are_both_journalled(engine: Engine) -> None:
    ward = Ward(engine, Plan(away=("nurse",)))
    ward.record(press(), now_ms=T)
    (raised,) = ward.record(press(row=HILL), now_ms=T)[:1]
    ward.record(vital(Change.BEGAN, T), now_ms=T)
    assert raised.alarm.site == "hill"
    assert sorted(one.cause for one in ward.journal.open_alarms()) == [
        *["nobody_reachable"] * 2,
        *["press"] * 2,
        "spo2_low",
    ]


def test_where_nobody_can_be_reached_the_press_is_journalled_and_tried_again(engine: Engine) -> None:
    ward = Ward(engine, Plan(away=("nurse", "head_nurse", "family")))
    (raised, _) = ward.record(press(), now_ms=T)
    assert (ward.called(), raised.alarm.due_ms) == ([], T + MINUTE)
    ward.plan.away = ()
    assert ward.pass_time(T + MINUTE) == [Event.ESCALATE, Event.ESCALATE]
    assert len(ward.called()) == 2


def test_a_channel_that_is_not_there_reaches_nobody(engine: Engine) -> None:
    ward = Ward(engine, Plan(channel="carrier pigeon"))
    _, told = ward.record(press(), now_ms=T)
    assert dict(told.alarm.evidence)["reason"] == "no_channel"
    assert ward.called() == []


def test_a_fault_in_deciding_who_is_called_keeps_no_press_from_being_journalled(engine: Engine) -> None:
    class Broken:
        def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
            raise ZeroDivisionError

    journal = Journal(engine, (Telephone(),), caller=Broken)
    (raised,) = journal.record([press()], DEVICES, T, T)
    assert raised.alarm.due_ms == T + MINUTE, "it is tried again"


def test_where_nobody_is_ever_called_nothing_is_due(engine: Engine) -> None:
    ward = Ward(engine, Plan(people=()))
    (raised,) = ward.record(press(), now_ms=T)
    assert (raised.alarm.step, raised.alarm.due_ms) == (0, None)
    assert ward.journal.next_due_ms() is None


def test_when_the_last_who_could_be_called_leave_it_is_not_tried_on_and_on(ward: Ward) -> None:
    ward.record(press(), now_ms=T)
    ward.plan.people = ()
    happened = [len(ward.journal.pass_time(T + MINUTE)) for _ in range(3)]
    assert happened == [1, 0, 0], "that nobody is left is found once"
    assert (ward.only().step, ward.only().due_ms) == (1, None)
    ward.plan.people = ("nurse",)
    (begun,) = ward.journal.take_up(T + 2 * MINUTE)[0]
    assert (begun.event, begun.alarm.due_ms) == (Event.ESCALATE, T + 3 * MINUTE)
    assert ward.called() == [("nurse", 0), ("nurse", 1)]


def test_once_there_is_somebody_to_call_alarms_of_before_begin_to_call(engine: Engine) -> None:
    ward = Ward(engine, Plan(people=()))
    ward.record(press(), vital(Change.BEGAN, T), press(row=HILL), now_ms=T)
    (off, *_) = (one for one in ward.journal.open_alarms() if one.site == "hill")
    ward.record(called_off(T + 1, row=HILL), now_ms=T + 1)
    assert ward.journal.take_up(T + MINUTE) == ([], None)
    ward.plan.people = ("nurse",)
    begun, after = ward.journal.take_up(T + MINUTE, most=1)
    assert after is not None
    begun += ward.journal.take_up(T + MINUTE, after, most=1)[0]
    assert sorted(one.alarm.condition for one in begun) == [Condition.SOS, Condition.VITALS]
    assert {one.event for one in begun} == {Event.ESCALATE}
    assert ward.journal.alarm(off.alarm).due_ms is None, "called off"
    assert ward.journal.take_up(T + 2 * MINUTE) == ([], None)


def test_what_was_taken_in_an_earlier_version_is_reminded_of_some_day(engine: Engine) -> None:
    ward = Ward(engine)
    (raised,) = ward.record(press(), now_ms=T)
    ward.journal.acknowledge(raised.alarm.alarm, "nurse", T)
    with engine.begin() as connection:
        connection.execute(update(ALARM).values(due_ms=None))
    assert ward.journal.take_up(T + MINUTE) == ([], None)
    assert ward.journal.next_due_ms() == T + 16 * MINUTE


# ------------------------------------------------------------------ letters that do not get through


def test_when_every_letter_of_a_step_has_failed_for_good_the_next_is_begun_at_once(ward: Ward) -> None:
    letters = Letters(ward.engine)
    ward.record(press(), now_ms=T)
    (letter,) = letters.due("telephone", T, 10)
    assert ward.journal.hasten(letter.number, T + 1) == [], "it has not failed"
    letters.failed_for_good([letter.number], "answered 400", T + 2)
    (next_step,) = ward.journal.hasten(letter.number, T + 2)
    assert (next_step.event, next_step.alarm.due_ms) == (Event.ESCALATE, T + 2 + MINUTE)
    assert ward.called() == [("nurse", 0), ("head_nurse", 1)]
    assert ward.journal.hasten(letter.number, T + 3) == [], "that step is over"


def test_as_long_as_one_letter_of_the_step_may_get_through_it_is_waited_for(engine: Engine) -> None:
    class Both(Plan):
        def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
            call, also = super().call(alarm, step, now_ms), super().call(alarm, step + 1, now_ms)
            return replace(call, to=call.to + also.to)

    ward, letters = Ward(engine, Both()), Letters(engine)
    ward.record(press(), now_ms=T)
    first, second = (number * (1 << 16) + part for number, part in ((1, 0), (1, 1)))
    letters.failed_for_good([first], "answered 400", T + 1)
    assert ward.journal.hasten(first, T + 1) == []
    letters.failed_for_good([second], "answered 400", T + 2)
    assert len(ward.journal.hasten(second, T + 2)) == 1


def test_where_nothing_at_all_gets_through_the_plan_does_not_spin(ward: Ward) -> None:
    letters = Letters(ward.engine)
    ward.record(press(), now_ms=T)
    hastened = 0
    for second in range(60):
        for letter in letters.due("telephone", T + second, 10):
            letters.failed_for_good([letter.number], "answered 400", T + second)
            hastened += len(ward.journal.hasten(letter.number, T + second))
    assert hastened == 7, "eight steps at once, then by the waits of the plan"
    assert ward.only().due_ms is not None


def test_a_letter_that_fails_after_somebody_took_the_alarm_hastens_nothing(ward: Ward) -> None:
    letters = Letters(ward.engine)
    (raised,) = ward.record(press(), now_ms=T)
    (letter,) = letters.due("telephone", T, 10)
    letters.failed_for_good([letter.number], "answered 400", T + 1)
    ward.journal.acknowledge(raised.alarm.alarm, "nurse", T + 2)
    assert ward.journal.hasten(letter.number, T + 3) == []
