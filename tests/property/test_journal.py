"""Whatever devices, people and crashes do in whatever order, the journal stays true."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import Call, Recipient, Skipped
from alerts.findings import LATCHING, Change, Condition, Finding, Priority
from alerts.journal.journal import Journal, ShelfTooLong
from alerts.journal.schema import ALARM, OUTBOX, Status
from alerts.journal.timing import calls_no_further
from alerts.lifecycle import GONE, ON_SHELF, TAKEN, UNTAKEN, Event, IllegalEvent, State, step
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType
from service.database import make_engine

DEVICES = tuple(Device("ward", f"device-{n}", DeviceType.BRACELET, f"resident-{n // 2}") for n in range(3))
WHAT = (
    (Condition.SOS, "press", Priority.HIGH),
    (Condition.VITALS, "spo2_low", Priority.HIGH),
    (Condition.DEVICE, "silent", Priority.LOW),
)


MINUTE = 60_000
#: What a device says of a condition, mostly that it begins and ends; that it is silent or heard is said of it.
TOLD = [*[Change.BEGAN] * 3, *[Change.ENDED] * 3, Change.CANCELLED, Change.WITNESSED]


class Pusher:
    name = "push"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return (Message("", b"{}"),)

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, b"{}")


class Plan:
    """Calls one of three, of whom the second is never there."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        number = step + (step % 3 == 1)
        skipped = () if number == step else (Skipped(step, "nobody_on_duty"),)
        return Call(number, (Recipient(f"person-{number % 3}", "push"),), now_ms + MINUTE, skipped)


class JournalLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="shouhu-journal-")
        self.now_ms = 1_700_000_000_000
        self.spoken: list[Finding] = []
        self.open_journal()

    def open_journal(self) -> None:
        self.engine = make_engine(f"sqlite:///{Path(self.folder.name)}/journal.db")
        self.journal = Journal(self.engine, (Pusher(),), caller=Plan)

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def record(self, *findings: Finding) -> list[Transition]:
        return self.journal.record(findings, DEVICES, self.now_ms, self.now_ms)

    @rule(row=st.integers(0, 2), what=st.sampled_from(WHAT), change=st.sampled_from(TOLD), ms=st.integers(0, 3))
    def a_device_speaks(self, row: int, what: tuple[Condition, str, Priority], change: Change, ms: int) -> None:
        self.now_ms += ms
        condition, cause, priority = what
        finding = Finding(row, condition, cause, change, priority, self.now_ms, self.now_ms)
        known = [f.onset_ms for f in self.spoken if f.change is change and same_subject(f, finding)]
        transitions = self.record(finding)
        self.spoken.append(finding)
        if change is Change.BEGAN and self.now_ms not in known:
            transition = transitions[0]
            assert transition.to_state not in GONE, "what began is present"
            assert transition.alarm in self.journal.open_alarms(), "and nobody has lost it"
            assert transition.alarm.unknown_since_ms is None

    @rule(row=st.integers(0, 2), change=st.sampled_from([Change.LOST, Change.HEARD]))
    def a_device_is_lost_or_heard(self, row: int, change: Change) -> None:
        before = {alarm.alarm: alarm for alarm in self.journal.open_alarms()}
        said = Finding(row, Condition.DEVICE, "link_down", change, Priority.LOW, self.now_ms, self.now_ms)
        transitions = self.record(said)
        assert {one.event for one in transitions} <= {Event.LOSE, Event.SEE}
        assert all(one.to_state is before[one.alarm.alarm].state for one in transitions), "silence moves nothing"
        assert all(one.alarm.due_ms == before[one.alarm.alarm].due_ms for one in transitions), "nor any time"

    @rule(minutes=st.sampled_from([0, 1, 15, 60, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE
        while transitions := self.journal.pass_time(self.now_ms, most=2):
            assert all(one.by is None for one in transitions)
        next_ms = self.journal.next_due_ms()
        assert next_ms is None or next_ms > self.now_ms

    @precondition(lambda self: self.spoken)
    @rule(data=st.data())
    def the_broker_delivers_beginnings_again(self, data: st.DataObject) -> None:
        again = data.draw(st.lists(st.sampled_from(self.spoken), max_size=5))
        before = self.journal.last_sequence()
        assert self.record(*(finding for finding in again if finding.change is Change.BEGAN)) == []
        assert self.journal.last_sequence() == before

    @precondition(lambda self: self.spoken)
    @rule()
    def all_since_the_last_beginning_is_delivered_again(self) -> None:
        self.record(*self.spoken[-8:])
        opened = self.journal.open_alarms()
        assert self.record(*self.spoken[-8:]) == [], "a third time there is nothing new at all"
        assert self.journal.open_alarms() == opened

    @rule(data=st.data(), by=st.sampled_from(["nurse", "doctor"]))
    def a_person_takes_one(self, data: st.DataObject, by: str) -> None:
        self.act(data, lambda alarm: self.journal.acknowledge(alarm, by, self.now_ms), {"unacknowledged", "returned"})

    @rule(data=st.data(), minutes=st.integers(1, 60))
    def a_person_lays_one_aside(self, data: st.DataObject, minutes: int) -> None:
        until_ms = self.now_ms + minutes * MINUTE
        legal = set(State) - {State.RESOLVED}
        self.act(
            data, lambda alarm: self.journal.shelve(alarm, "nurse", until_ms, "", self.now_ms), legal, latching=False
        )

    @precondition(lambda self: any(alarm.state in ON_SHELF for alarm in self.journal.open_alarms()))
    @rule(data=st.data())
    def a_person_takes_one_up_again(self, data: st.DataObject) -> None:
        self.act(data, lambda alarm: self.journal.unshelve(alarm, "nurse", self.now_ms), set(ON_SHELF))

    @rule(data=st.data())
    def nobody_lays_one_aside_for_ever(self, data: st.DataObject) -> None:
        shelvable = [one for one in self.journal.open_alarms() if one.condition not in LATCHING]
        if shelvable:
            alarm = data.draw(st.sampled_from(shelvable))
            with pytest.raises(ShelfTooLong):
                self.journal.shelve(alarm.alarm, "nurse", self.now_ms + 8 * 24 * 60 * MINUTE, "", self.now_ms)
            assert self.journal.alarm(alarm.alarm) == alarm

    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def a_person_closes_one(self, data: st.DataObject, outcome: Outcome) -> None:
        legal = set(State) - {State.RESOLVED}
        self.act(data, lambda alarm: self.journal.resolve(alarm, "nurse", outcome, "", self.now_ms), legal)

    def act(self, data: st.DataObject, do: object, legal: set[str], *, latching: bool = True) -> None:
        alarms = self.journal.history()
        if not alarms:
            return
        alarm = data.draw(st.sampled_from(alarms))
        assert callable(do)
        if alarm.state in legal and (latching or alarm.condition not in LATCHING):
            assert do(alarm.alarm).alarm == self.journal.alarm(alarm.alarm)
        else:
            with pytest.raises(IllegalEvent):
                do(alarm.alarm)
            assert self.journal.alarm(alarm.alarm) == alarm

    @rule()
    def the_service_dies_and_starts(self) -> None:
        before = self.journal.history(1000), self.journal.transitions_after(0)
        self.engine.dispose()
        self.open_journal()
        assert (self.journal.history(1000), self.journal.transitions_after(0)) == before

    @invariant()
    def at_most_one_alarm_of_a_key_is_open(self) -> None:
        with self.engine.connect() as connection:
            keys = connection.execute(select(ALARM.c.key).where(ALARM.c.state != "resolved")).scalars().all()
        assert max(Counter(keys).values(), default=1) == 1

    @invariant()
    def the_transitions_replay_to_the_alarms(self) -> None:
        transitions = self.journal.transitions_after(0)
        assert [t.sequence for t in transitions] == list(range(1, len(transitions) + 1))
        replayed: dict[str, Alarm] = {}
        for transition in transitions:
            alarm = transition.alarm
            before = replayed.get(alarm.alarm)
            assert transition.from_state == (before.state if before else None)
            latching = alarm.condition in LATCHING
            assert step(transition.from_state, transition.event, latching=latching) is transition.to_state
            assert alarm.state is transition.to_state
            replayed[alarm.alarm] = alarm
        assert replayed == {alarm.alarm: alarm for alarm in self.journal.history(1000)}

    @invariant()
    def every_transition_has_its_letter(self) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(select(OUTBOX.c.sequence, OUTBOX.c.status).where(OUTBOX.c.step.is_(None))).all()
        assert sorted(row.sequence for row in rows) == [t.sequence for t in self.journal.transitions_after(0)]
        assert {row.status for row in rows} <= {Status.PENDING}

    @invariant()
    def each_step_is_called_once_and_nobody_after_somebody_took_it(self) -> None:
        with self.engine.connect() as connection:
            calls = connection.execute(select(OUTBOX).where(OUTBOX.c.step.is_not(None))).all()
        begun = {t.sequence: t for t in self.journal.transitions_after(0) if t.rings or t.event is Event.ESCALATE}
        assert sorted(row.sequence for row in calls) == sorted(begun)
        assert all(row.step == begun[row.sequence].alarm.step - 1 for row in calls)
        waiting = {row.alarm for row in calls if row.status == Status.PENDING}
        by_people = {alarm.alarm for alarm in self.journal.history(1000) if alarm.state not in UNTAKEN}
        assert not waiting & by_people

    @invariant()
    def something_is_due_of_every_open_alarm_but_of_what_is_gone_and_not_urgent(self) -> None:
        for alarm in self.journal.history(1000):
            if alarm.state in UNTAKEN and not calls_no_further(alarm):
                assert alarm.due_ms is not None
                assert alarm.step > 0
            elif alarm.state in TAKEN:
                assert alarm.due_ms is not None
                assert alarm.acknowledged_by is not None
            elif alarm.state in ON_SHELF:
                assert alarm.due_ms == alarm.shelved_until_ms
            else:
                assert alarm.due_ms is None
            assert (alarm.shelved_until_ms is not None) == (alarm.state in ON_SHELF)
            if alarm.state in UNTAKEN:
                assert alarm.acknowledged_by is None


def same_subject(one: Finding, other: Finding) -> bool:
    """Whether two findings are of one alarm key, told a second time from the rule in words."""
    if (one.condition, one.cause) != (other.condition, other.cause):
        return False
    if one.condition is Condition.DEVICE:
        return one.row == other.row
    return DEVICES[one.row].resident == DEVICES[other.row].resident


TestJournalLife = JournalLife.TestCase
TestJournalLife.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
