"""What every database has to hold of the journal: SQLite and a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from alerts.alarm import Outcome, Transition
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal, UnknownAlarm
from alerts.journal.letters import Letters
from alerts.journal.schema import ALARM, Status, alarm_row
from alerts.lifecycle import Event, IllegalEvent, State
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType
from tests.contract.ward import Plan, Ward

T = 1_700_000_000_000
BRACELET, BUTTON, CORRIDOR = 0, 1, 2
DEVICES = (
    Device("ward", "bracelet-1", DeviceType.BRACELET, "resident-1"),
    Device("ward", "button-1", DeviceType.BUTTON, "resident-1"),
    Device("ward", "button-hall", DeviceType.BUTTON),
)


class Calls:
    """Wants one message of every transition; those of alarms nobody has taken are moot once taken."""

    name = "calls"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        called = transition.event in (Event.RAISE, Event.REPEAT)
        return (Message("", f"{transition.event}".encode(), moot_once_taken=called),)


class Feed:
    """Wants two messages of every transition, come what may."""

    name = "feed"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return (Message("a", b"1"), Message("b", b"2"))


def press(onset_ms: int = T, row: int = BUTTON, **more: Any) -> Finding:
    return Finding(row, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, onset_ms, onset_ms, **more)


def cancel(found_ms: int, onset_ms: int = T, row: int = BUTTON) -> Finding:
    return Finding(row, Condition.SOS, "press", Change.CANCELLED, Priority.HIGH, onset_ms, found_ms)


def spo2(change: Change, found_ms: int, onset_ms: int | None = None) -> Finding:
    onset_ms = found_ms if onset_ms is None else onset_ms
    evidence = (("spo2_pct", 84.5), ("limit_pct", 88))
    return Finding(BRACELET, Condition.VITALS, "spo2_low", change, Priority.HIGH, onset_ms, found_ms, evidence)


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine, (Calls(), Feed()))


def record(journal: Journal, *findings: Finding, now_ms: int = T + 10) -> list[Transition]:
    return journal.record(findings, DEVICES, received_ms=now_ms - 5, now_ms=now_ms)


def events(transitions: list[Transition]) -> list[str]:
    return [f"{t.from_state or ''}>{t.event}>{t.to_state}" for t in transitions]


# ------------------------------------------------------------------ what devices say


def test_a_press_raises_one_alarm_with_all_that_is_known(journal: Journal) -> None:
    (transition,) = record(journal, press(evidence=(("battery_pct", 80),)))
    alarm = transition.alarm
    assert (alarm.site, alarm.device, alarm.resident) == ("ward", "button-1", "resident-1")
    assert (alarm.condition, alarm.cause, alarm.priority) == (Condition.SOS, "press", Priority.HIGH)
    assert (alarm.onset_ms, alarm.received_ms, alarm.raised_ms) == (T, T + 5, T + 10)
    assert alarm.evidence == (("battery_pct", 80),)
    assert events([transition]) == [">raise>unacknowledged"]
    assert transition.sequence == 1
    assert journal.alarm(alarm.alarm) == alarm
    assert journal.open_alarms() == [alarm]
    assert journal.transitions(alarm.alarm) == [transition]


def test_a_second_press_is_counted_and_makes_no_second_alarm(journal: Journal) -> None:
    record(journal, press())
    (transition,) = record(journal, press(T + 1000))
    assert transition.event is Event.REPEAT
    assert not transition.news
    (alarm,) = journal.open_alarms()
    assert (alarm.repeats, alarm.onset_ms, alarm.latest_onset_ms) == (1, T, T + 1000)
    journal.acknowledge(alarm.alarm, "nurse", T + 2000)
    (transition,) = record(journal, press(T + 3000))
    assert transition.to_state is State.ACKNOWLEDGED
    assert transition.alarm.acknowledged_by == "nurse"


@pytest.mark.parametrize("beginning", [press, lambda onset_ms: fall("device_confirmed", Priority.HIGH, onset_ms)])
def test_a_press_or_fall_long_after_the_last_was_taken_rings_again(journal: Journal, beginning: Any) -> None:
    (raised,) = record(journal, beginning(T))
    journal.acknowledge(raised.alarm.alarm, "nurse", T + 1000)
    (soon,) = record(journal, beginning(T + 60_000), now_ms=T + 60_010)
    assert soon.to_state is State.ACKNOWLEDGED
    (late,) = record(journal, beginning(T + 300_000), now_ms=T + 300_010)
    assert (late.event, late.to_state, late.news) == (Event.RECUR, State.UNACKNOWLEDGED, True)
    assert (late.alarm.acknowledged_by, late.alarm.repeats) == (None, 2)
    journal.acknowledge(raised.alarm.alarm, "nurse", T + 301_000)


def fall(cause: str, priority: Priority, onset_ms: int = T, **more: Any) -> Finding:
    return Finding(BRACELET, Condition.FALL, cause, Change.BEGAN, priority, onset_ms, onset_ms, **more)


def test_a_suspected_fall_that_is_confirmed_is_one_alarm_that_got_worse(journal: Journal) -> None:
    record(journal, fall("device_suspected", Priority.MEDIUM))
    (transition,) = record(journal, fall("device_confirmed", Priority.HIGH))
    assert events([transition]) == ["unacknowledged>worsen>unacknowledged"]
    assert transition.news
    (alarm,) = journal.open_alarms()
    assert (alarm.cause, alarm.priority) == ("device_confirmed", Priority.HIGH)
    (transition,) = record(journal, fall("device_suspected", Priority.MEDIUM, T + 1000))
    assert transition.event is Event.REPEAT
    assert (transition.alarm.cause, transition.alarm.priority) == ("device_confirmed", Priority.HIGH)
    assert record(journal, fall("device_confirmed", Priority.HIGH)) == []  # delivered again


def test_a_fall_that_two_detectors_saw_is_one_alarm_with_the_evidence_of_both(journal: Journal) -> None:
    record(journal, fall("wrist_fall", Priority.HIGH, evidence=(("impact_g", 3.5),)))
    record(journal, fall("device_confirmed", Priority.HIGH, T + 500, evidence=(("confidence", 0.9),)))
    (alarm,) = journal.open_alarms()
    assert alarm.cause == "wrist_fall"
    assert dict(alarm.evidence) == {"impact_g": 3.5, "confidence": 0.9}


def test_a_press_by_another_device_of_the_resident_joins_the_open_alarm(journal: Journal) -> None:
    record(journal, press())
    (transition,) = record(journal, press(T + 1000, row=BRACELET))
    assert transition.alarm.device == "bracelet-1"
    assert len(journal.open_alarms()) == 1


def test_devices_nobody_wears_have_alarms_of_their_own(journal: Journal) -> None:
    record(journal, press(), press(row=CORRIDOR))
    assert {(a.resident, a.device) for a in journal.open_alarms()} == {
        ("resident-1", "button-1"),
        (None, "button-hall"),
    }


def test_silent_devices_of_one_resident_are_two_alarms(journal: Journal) -> None:
    silent = Finding(BRACELET, Condition.DEVICE, "silent", Change.BEGAN, Priority.LOW, T, T)
    record(journal, silent, replace(silent, row=BUTTON))
    assert len(journal.open_alarms()) == 2


def test_a_press_after_the_alarm_was_resolved_is_a_new_alarm(journal: Journal) -> None:
    (first,) = record(journal, press())
    journal.resolve(first.alarm.alarm, "nurse", Outcome.TRUE, "", T + 100)
    (second,) = record(journal, press(T + 1000))
    assert second.event is Event.RAISE
    assert second.alarm.alarm != first.alarm.alarm
    assert second.alarm.alarm > first.alarm.alarm, "names sort by time"


@pytest.mark.parametrize("resolved", [False, True])
def test_a_press_delivered_twice_changes_nothing(journal: Journal, resolved: bool) -> None:
    (first,) = record(journal, press())
    record(journal, press(T + 1000))
    if resolved:
        journal.resolve(first.alarm.alarm, "nurse", Outcome.TRUE, "", T + 2000)
    before = journal.alarm(first.alarm.alarm)
    assert record(journal, press(), press(T + 1000), press(), now_ms=T + 9000) == []
    assert journal.alarm(first.alarm.alarm) == before
    assert journal.open_alarms() == ([] if resolved else [before])


def test_a_press_twice_in_one_batch_is_one(journal: Journal) -> None:
    assert len(record(journal, press(), press())) == 1


def test_a_test_press_never_hides_a_real_one(journal: Journal) -> None:
    record(journal, press(drill=True))
    (real,) = record(journal, press(T + 1))
    assert real.event is Event.RAISE
    assert [a.drill for a in journal.open_alarms()] == [True, False]


def test_a_vital_sign_that_returns_stays_visible_until_someone_has_looked(journal: Journal) -> None:
    transitions = record(journal, spo2(Change.BEGAN, T), spo2(Change.ENDED, T + 5000, T))
    assert events(transitions) == [">raise>unacknowledged", "unacknowledged>return>returned"]
    (alarm,) = journal.open_alarms()
    assert alarm.evidence == (("spo2_pct", 84.5), ("limit_pct", 88))
    assert journal.acknowledge(alarm.alarm, "nurse", T + 6000).to_state is State.CLEARED
    assert journal.resolve(alarm.alarm, "nurse", Outcome.TRUE, "", T + 7000).to_state is State.RESOLVED


def test_a_condition_that_comes_again_rings_again_in_the_same_alarm(journal: Journal) -> None:
    record(journal, spo2(Change.BEGAN, T), spo2(Change.ENDED, T + 1000, T))
    (alarm,) = journal.open_alarms()
    journal.acknowledge(alarm.alarm, "nurse", T + 1500)
    (again,) = record(journal, spo2(Change.BEGAN, T + 61_000))
    assert events([again]) == ["cleared>repeat>unacknowledged"]
    assert again.news
    assert again.alarm.alarm == alarm.alarm
    assert again.alarm.acknowledged_by is None, "the acknowledgement belonged to the occurrence before"


def test_an_end_found_before_the_latest_beginning_is_old_news(journal: Journal) -> None:
    record(journal, spo2(Change.BEGAN, T), spo2(Change.ENDED, T + 1000, T), spo2(Change.BEGAN, T + 2000))
    assert record(journal, spo2(Change.BEGAN, T), spo2(Change.ENDED, T + 1000, T)) == []
    assert journal.open_alarms()[0].state is State.UNACKNOWLEDGED


def test_of_two_devices_that_see_it_the_one_that_raised_it_last_ends_it(journal: Journal) -> None:
    ahead_ms = 300_000  # the bracelet's clock is ahead of the button's
    record(journal, spo2(Change.BEGAN, T + ahead_ms))
    record(journal, replace(spo2(Change.BEGAN, T + 1000), row=BUTTON))
    assert record(journal, spo2(Change.ENDED, T + ahead_ms + 2000)) == []
    (ended,) = record(journal, replace(spo2(Change.ENDED, T + 3000), row=BUTTON))
    assert ended.to_state is State.RETURNED


def test_a_batch_is_taken_in_the_order_of_time(journal: Journal) -> None:
    shuffled = (spo2(Change.BEGAN, T + 2000), spo2(Change.ENDED, T + 1000, T), spo2(Change.BEGAN, T))
    assert [t.event for t in record(journal, *shuffled)] == [Event.RAISE, Event.RETURN, Event.FLICKER]


def test_the_end_of_what_never_began_is_nothing(journal: Journal) -> None:
    assert record(journal, spo2(Change.ENDED, T), cancel(T)) == []
    assert journal.last_sequence() == 0


@pytest.mark.parametrize("condition", [Condition.SOS, Condition.FALL])
def test_falls_and_presses_latch(journal: Journal, condition: Condition) -> None:
    began = replace(press(), condition=condition)
    record(journal, began)
    assert record(journal, replace(began, change=Change.ENDED, found_ms=T + 1000)) == []
    assert journal.open_alarms()[0].state is State.UNACKNOWLEDGED


def test_a_cancelled_press_stays_until_a_person_closes_it(journal: Journal) -> None:
    record(journal, press())
    (called_off,) = record(journal, cancel(T + 2000))
    assert (called_off.event, called_off.alarm.cancelled, called_off.news) == (Event.CANCEL, True, True)
    assert journal.open_alarms() == [called_off.alarm]
    assert record(journal, cancel(T + 2000)) == [], "delivered twice"


def test_a_press_after_a_cancel_rings_again_even_when_somebody_had_taken_it(journal: Journal) -> None:
    (raised,) = record(journal, press())
    journal.acknowledge(raised.alarm.alarm, "nurse", T + 500)
    record(journal, cancel(T + 1000))
    (again,) = record(journal, press(T + 2000))
    assert (again.to_state, again.alarm.cancelled) == (State.UNACKNOWLEDGED, False)
    assert record(journal, cancel(T + 1000)) == [], "the cancel delivered again is of the press before"


def test_press_and_cancel_of_the_same_millisecond_are_both_taken(journal: Journal) -> None:
    assert [t.event for t in record(journal, press(), cancel(T))] == [Event.RAISE, Event.CANCEL]


def test_numbers_that_json_does_not_know_do_not_spoil_the_journal(journal: Journal) -> None:
    (transition,) = record(journal, press(evidence=(("a", float("nan")), ("b", float("inf")), ("c", "x"))))
    assert journal.open_alarms() == [transition.alarm]
    assert journal.transitions(transition.alarm.alarm) == [transition]


# ------------------------------------------------------------------ what people do


def test_who_took_it_and_who_closed_it_how(journal: Journal) -> None:
    (raised,) = record(journal, press())
    name = raised.alarm.alarm
    taken = journal.acknowledge(name, "nurse", T + 1000)
    closed = journal.resolve(name, "doctor", Outcome.FALSE, "按错了", T + 2000)
    assert (taken.alarm.acknowledged_by, taken.alarm.acknowledged_ms) == ("nurse", T + 1000)
    assert (closed.alarm.resolved_by, closed.alarm.resolved_ms) == ("doctor", T + 2000)
    assert (closed.alarm.outcome, closed.alarm.note) == (Outcome.FALSE, "按错了")
    assert [t.by for t in journal.transitions(name)] == [None, "nurse", "doctor"]
    assert [t.sequence for t in journal.transitions(name)] == [1, 2, 3]
    assert journal.open_alarms() == []
    assert journal.history() == [closed.alarm]


def test_what_is_illegal_changes_nothing(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, press())
    name = raised.alarm.alarm
    journal.acknowledge(name, "nurse", T + 1000)
    before, letters = journal.alarm(name), Letters(engine).counts()
    with pytest.raises(IllegalEvent):
        journal.acknowledge(name, "other", T + 2000)
    with pytest.raises(UnknownAlarm):
        journal.acknowledge("0" * 20, "nurse", T)
    with pytest.raises(UnknownAlarm):
        journal.resolve("0" * 20, "nurse", Outcome.TRUE, "", T)
    with pytest.raises(ValueError, match="maybe"):
        journal.resolve(name, "nurse", "maybe", "", T)  # type: ignore[arg-type]
    assert journal.alarm(name) == before
    assert len(journal.transitions(name)) == 2
    assert Letters(engine).counts() == letters
    journal.resolve(name, "nurse", Outcome.TRUE, "", T + 3000)
    with pytest.raises(IllegalEvent):
        journal.resolve(name, "nurse", Outcome.TRUE, "", T + 4000)
    assert journal.last_sequence() == 3


def test_of_two_who_acknowledge_at_once_one_is_told_so(journal: Journal, engine: Engine) -> None:
    rounds = 20
    names = [record(journal, press(T + n, row=CORRIDOR), now_ms=T + n)[0].alarm.alarm for n in range(1)]
    for n in range(1, rounds):
        journal.resolve(names[-1], "nurse", Outcome.TEST, "", T)
        names.append(record(journal, press(T + n, row=CORRIDOR))[0].alarm.alarm)
        with ThreadPoolExecutor(2) as pool:
            tries = [pool.submit(journal.acknowledge, names[-1], by, T) for by in ("nurse", "doctor")]
            errors = [t.exception() for t in tries]
        assert sorted(type(e).__name__ for e in errors) == ["IllegalEvent", "NoneType"]
    sequences = [t.sequence for t in journal.transitions_after(0)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_recording_from_several_threads_keeps_one_alarm_a_key(journal: Journal) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: record(journal, press(T + n)), range(24)))
    (alarm,) = journal.open_alarms()
    assert alarm.repeats == 23


# ------------------------------------------------------------------ what a restart finds


def test_a_restart_finds_everything(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, press())
    record(journal, spo2(Change.BEGAN, T + 1))
    journal.acknowledge(raised.alarm.alarm, "nurse", T + 100)
    again = Journal(engine, (Calls(), Feed()))
    assert again.open_alarms() == journal.open_alarms()
    assert again.history() == journal.history()
    assert again.last_sequence() == 3
    assert again.resolve(raised.alarm.alarm, "nurse", Outcome.TRUE, "", T + 200).sequence == 4


def test_a_batch_is_journalled_whole_or_not_at_all(journal: Journal, engine: Engine) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    event.listen(engine, "commit", fail)
    with pytest.raises(OSError, match="disk full"):
        record(journal, press(), spo2(Change.BEGAN, T))
    event.remove(engine, "commit", fail)
    assert (journal.open_alarms(), journal.last_sequence(), Letters(engine).counts()) == ([], 0, {})
    assert len(record(journal, press(), spo2(Change.BEGAN, T))) == 2, "the broker delivers again, and it is taken"


def test_the_database_itself_refuses_a_second_open_alarm_of_a_key(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, press())
    with engine.connect() as connection:
        key = connection.execute(ALARM.select()).one().key
    second = alarm_row(replace(raised.alarm, alarm="second")) | {"key": key}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(ALARM), second)


def test_history_pages_through_alarms_of_the_same_millisecond(journal: Journal) -> None:
    for n in range(5):
        (raised,) = record(journal, press(T + n))
        journal.resolve(raised.alarm.alarm, "nurse", Outcome.TEST, "", T + 20)
    seen = journal.history(2)
    while page := journal.history(2, seen[-1].raised_ms, seen[-1].alarm):
        seen += page
    assert [a.onset_ms for a in seen] == [T + 4, T + 3, T + 2, T + 1, T]
    assert journal.history(before_ms=T) == []
    assert journal.history(site="elsewhere") == []
    assert len(journal.history(resident="resident-1", site="ward")) == 5


def test_a_reader_that_was_away_finds_what_it_missed(journal: Journal) -> None:
    record(journal, press(), spo2(Change.BEGAN, T + 1))
    assert [t.sequence for t in journal.transitions_after(1)] == [2]


def test_a_large_batch_is_one_transaction(journal: Journal) -> None:
    devices = [Device("ward", f"mat-{n}", DeviceType.BED_MAT) for n in range(2500)]
    silent = [Finding(n, Condition.DEVICE, "silent", Change.BEGAN, Priority.LOW, T, T) for n in range(2500)]
    assert len(journal.record(silent, devices, T, T)) == 2500
    assert journal.record(silent, devices, T, T) == []
    assert len(journal.open_alarms()) == 2500


# ------------------------------------------------------------------ letters


def test_each_channel_finds_its_letters_first_things_first(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    (raised,) = record(journal, press())
    name = raised.alarm.alarm
    record(journal, press(T + 1), now_ms=T + 11)
    (call,) = letters.due("calls", T + 20, 10)
    assert (call.key, call.body) == (f"{name}-1", b"raise")
    (first,) = letters.due("feed", T + 20, 10)
    assert (first.key, first.address) == (f"{name}-1", "a"), "of one alarm only the first is ever due"
    letters.sent([(first.number, T + 20)])
    (second,) = letters.due("feed", T + 20, 10)
    assert (second.key, second.address) == (f"{name}-1-1", "b")
    assert letters.due("feed", T + 20, 10, busy=[(name, "")]) == []


def test_a_letter_to_be_tried_again_waits_and_keeps_those_behind_it_waiting(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    record(journal, press(), press(T + 1))
    record(journal, spo2(Change.BEGAN, T + 2))
    first, other = letters.due("calls", T + 20, 10)
    letters.failed_for_now([(first.number, "answered 503", T + 5000)])
    assert letters.due("calls", T + 20, 10) == [other], "another alarm's letter does not wait"
    assert letters.next_due_ms("calls", T + 20) == T + 5000
    (again, _) = letters.due("calls", T + 5000, 10)
    assert (again.key, again.attempts) == (first.key, 1)


def test_a_letter_that_failed_for_good_is_seen_and_stands_in_nobodys_way(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    (raised, _) = record(journal, press(), press(T + 1))
    (first,) = letters.due("calls", T + 20, 10)
    letters.failed_for_good([first.number], "answered 400", T + 30)
    (failure,) = letters.failures()
    assert (failure.channel, failure.alarm, failure.sequence, failure.reason) == (
        "calls",
        raised.alarm.alarm,
        1,
        "answered 400",
    )
    (second,) = letters.due("calls", T + 40, 10)
    assert second.body == b"repeat"


@pytest.mark.parametrize("taking", ["acknowledge", "resolve"])
def test_taking_an_alarm_calls_off_what_still_waits_to_call(journal: Journal, engine: Engine, taking: str) -> None:
    letters = Letters(engine)
    (raised,) = record(journal, press())
    record(journal, press(row=CORRIDOR))
    (call, _) = letters.due("calls", T + 20, 10)
    if taking == "acknowledge":
        journal.acknowledge(raised.alarm.alarm, "nurse", T + 20)
    else:
        journal.resolve(raised.alarm.alarm, "nurse", Outcome.TRUE, "", T + 20)
    counts = letters.counts()
    assert counts["calls", Status.CANCELLED] == 1
    assert counts["calls", Status.PENDING] == 2, "the other alarm's call, and the news that this one is taken"
    assert counts["feed", Status.PENDING] == 6, "the feed misses nothing"
    letters.failed_for_now([(call.number, "answered 503", T + 30)])
    letters.failed_for_good([call.number], "answered 400", T + 30)
    assert letters.counts() == counts, "a call on its way that fails is not tried again"
    letters.sent([(call.number, T + 30)])
    assert letters.counts()["calls", Status.SENT] == 1, "one that arrived all the same is told as it is"


def test_only_the_latest_position_waits_and_what_is_no_position_waits_too(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)

    def strayed(change: Change, second: int) -> Finding:
        evidence = (("lat_deg", 36.0 + second),)
        return Finding(BRACELET, Condition.GEOFENCE, "left", change, Priority.HIGH, T, T + second, evidence)

    record(journal, press(), strayed(Change.BEGAN, 0))
    waiting = letters.counts()["calls", Status.PENDING]
    for second in range(1, 5):
        (followed,) = record(journal, strayed(Change.WITNESSED, second))
        assert followed.follows
    counts = letters.counts()
    assert counts["calls", Status.PENDING] == waiting + 1
    assert (counts["calls", Status.CANCELLED], counts["feed", Status.CANCELLED]) == (3, 6)


def test_letters_settled_long_ago_are_forgotten_and_no_others(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    (raised,) = record(journal, press())
    record(journal, press(row=CORRIDOR))
    sent, failed = letters.due("calls", T + 20, 10)
    letters.sent([(sent.number, T + 20)])
    letters.failed_for_good([failed.number], "answered 400", T + 30)
    assert letters.prune(T + 20, 100) == 0, "not before their time"
    assert letters.prune(T + 25, 1) == 1
    assert letters.prune(T + 25, 100) == 0, "that was all of it"
    assert letters.prune(T + 100, 100) == 1
    assert letters.counts() == {("feed", Status.PENDING): 4}, "what waits stays, however old"
    assert [t.event for t in journal.transitions(raised.alarm.alarm)] == [Event.RAISE]
    record(journal, press(T + 1))
    (call,) = letters.due("calls", T + 20, 10)
    assert call.number > max(sent.number, failed.number), "a number is never given twice"


def test_letters_of_a_channel_that_is_no_more_keep_no_others_from_being_forgotten(
    journal: Journal, engine: Engine
) -> None:
    letters = Letters(engine)
    record(journal, press())
    (call,) = letters.due("calls", T + 20, 1)
    (told,) = letters.due("feed", T + 20, 1)
    assert call.number < told.number
    letters.sent([(told.number, T + 20)])
    assert letters.prune(T + 25, 1) == 1
    assert letters.due("calls", T + 20, 1) == [call]


def test_a_test_press_is_still_one_when_it_is_read_again(journal: Journal) -> None:
    record(journal, press(drill=True))
    (repeat,) = record(journal, press(T + 1, drill=True))
    assert repeat.alarm.drill is True
    assert repeat.alarm.cancelled is False
    assert journal.transitions(repeat.alarm.alarm)[-1] == repeat


def test_high_priority_goes_first(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    record(journal, Finding(BRACELET, Condition.DEVICE, "silent", Change.BEGAN, Priority.LOW, T, T))
    record(journal, press())
    assert [letter.number for letter in letters.due("calls", T + 20, 10)] == [
        letter.number for letter in sorted(letters.due("calls", T + 20, 10), key=lambda one: one.number, reverse=True)
    ]
    assert len(letters.due("calls", T + 20, 10, most_urgent=True)) == 1


def test_two_channels_of_one_name_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="same name"):
        Journal(engine, (Feed(), Feed()))


# ------------------------------------------------------------------ what other evidence says of a fall


def witness(priority: Priority, found_ms: int = T + 30_000, **evidence: float | str) -> Finding:
    return Finding(
        BRACELET, Condition.FALL, "wrist_fall", Change.WITNESSED, priority, T, found_ms, tuple(evidence.items())
    )


def test_a_witness_raises_lowers_or_only_adds_and_never_twice(journal: Journal) -> None:
    assert record(journal, witness(Priority.HIGH)) == [], "there is no such alarm"
    record(journal, fall("wrist_suspected", Priority.MEDIUM, T))
    (worse,) = record(journal, witness(Priority.HIGH, still_s=30))
    assert (worse.event, worse.news, worse.alarm.priority) == (Event.WORSEN, True, Priority.HIGH)
    assert (worse.alarm.cause, worse.alarm.repeats) == ("wrist_suspected", 0)
    (told,) = record(journal, witness(Priority.HIGH, still_s=60))
    assert (told.event, told.news, dict(told.alarm.evidence)["still_s"]) == (Event.WITNESS, False, 60)
    assert record(journal, witness(Priority.HIGH, still_s=60)) == [], "delivered again"
    (eased,) = record(journal, witness(Priority.LOW, bed="in_bed"))
    assert (eased.event, eased.news, eased.to_state) == (Event.EASE, True, State.UNACKNOWLEDGED)
    assert dict(eased.alarm.evidence) == {"still_s": 60, "bed": "in_bed"}
    (again,) = record(journal, fall("wrist_fall", Priority.HIGH, T + 90_000))
    assert (again.event, again.alarm.priority) == (Event.WORSEN, Priority.HIGH)


def test_a_witness_of_an_earlier_fall_says_nothing_of_a_later_one(journal: Journal) -> None:
    record(journal, fall("wrist_fall", Priority.HIGH, T), fall("wrist_fall", Priority.HIGH, T + 90_000))
    assert record(journal, witness(Priority.LOW, found_ms=T + 20_000, bed="in_bed")) == []


def test_what_was_called_off_by_walking_says_so_and_rings_for_another_fall_alone(journal: Journal) -> None:
    record(journal, fall("wrist_suspected", Priority.MEDIUM, T))
    walked = (("cancelled_by", "walking"), ("walked_s", 10))
    (off,) = record(
        journal,
        Finding(BRACELET, Condition.FALL, "wrist_suspected", Change.CANCELLED, Priority.MEDIUM, T, T + 40_000, walked),
    )
    assert off.alarm.cancelled
    assert off.to_state is State.RETURNED
    assert dict(off.alarm.evidence)["cancelled_by"] == "walking"
    assert record(journal, fall("wrist_fall", Priority.HIGH, T)) == [], "more evidence of the same fall"
    (told,) = record(journal, witness(Priority.HIGH, T + 60_000, still_s=60))
    assert (told.event, told.alarm.priority, told.to_state) == (Event.WITNESS, Priority.MEDIUM, State.RETURNED)
    (again,) = record(journal, fall("wrist_fall", Priority.HIGH, T + 90_000))
    assert (again.to_state, again.alarm.cancelled) == (State.UNACKNOWLEDGED, False)
    assert "cancelled_by" not in dict(again.alarm.evidence)


# ------------------------------------------------------------------ where somebody went


def left(change: Change, at_ms: int, distance_m: float) -> Finding:
    where = (("distance_m", distance_m), ("fix_ms", at_ms))
    return Finding(BRACELET, Condition.GEOFENCE, "left_safe_zone", change, Priority.HIGH, T, at_ms, where)


def test_an_old_position_is_not_sent_once_there_is_a_newer_one(journal: Journal, engine: Engine) -> None:
    letters = Letters(engine)
    (raised,) = record(journal, left(Change.BEGAN, T, 30.0))
    told = [record(journal, left(Change.WITNESSED, T + i * 30_000, 30.0 + i))[0] for i in (1, 2, 3)]
    assert all(one.follows and not one.news for one in told)
    counts = {status: count for (channel, status), count in letters.counts().items() if channel == "calls"}
    assert counts == {Status.PENDING: 2, Status.CANCELLED: 2}, "the alarm itself and the latest position are left"
    (back,) = record(journal, left(Change.ENDED, T + 200_000, -40.0))
    assert back.to_state is State.RETURNED
    assert dict(back.alarm.evidence)["distance_m"] == -40.0
    assert [dict(one.alarm.evidence)["distance_m"] for one in journal.transitions(raised.alarm.alarm)] == [
        30.0, 31.0, 32.0, 33.0, -40.0,
    ]  # fmt: skip


def test_a_database_of_an_earlier_version_opens_with_all_that_is_in_it(engine: Engine) -> None:
    plan = Ward(engine, Plan(people=()))
    plan.record(press(), now_ms=T)
    plan.record(spo2(Change.BEGAN, T), now_ms=T)
    before, course = plan.journal.open_alarms(), plan.journal.transitions_after(0)
    added = ("returned_ms", "unknown_since_ms", "step", "due_ms", "held_ms", "shelved_by", "shelved_until_ms")
    with engine.begin() as connection:
        for index in ("alarm_due", "alarm_open_device", "outbox_calls", "outbox_errand", "outbox_parcel"):
            connection.execute(text(f"DROP INDEX {index}"))
        for column in (*added, "shelved_reason"):
            connection.execute(text(f"ALTER TABLE alarm DROP COLUMN {column}"))
        for column in ("step", "sent_ms", "delivered_ms", "read_ms", "errand", "parcel"):
            connection.execute(text(f"ALTER TABLE outbox DROP COLUMN {column}"))
        connection.execute(text("DROP TABLE drill"))
    later = Ward(engine)
    assert (later.journal.open_alarms(), later.journal.transitions_after(0)) == (before, course)
    begun, _ = later.journal.take_up(T + 1)
    assert {one.event for one in begun} == {Event.ESCALATE}
    assert later.called() == [("nurse", 0), ("nurse", 0)]
    with engine.connect() as connection:
        indexes = {index["name"] for index in inspect(connection).get_indexes("alarm")}
    assert {"alarm_due", "alarm_open_device"} <= indexes
