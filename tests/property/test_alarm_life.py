"""Alarms, the roster and the letters together, in whatever order: and a crash at any statement changes nothing."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import Plan, Recipient, steps_of
from alerts.calling.people import Caregiver, ResidentCard, Site
from alerts.calling.roster import Book, Roster
from alerts.calling.rota import Shift
from alerts.findings import LATCHING, Change, Condition, Finding, Priority, ServiceItself
from alerts.journal import statements
from alerts.journal.drills import MOST_MS
from alerts.journal.errands import Errands
from alerts.journal.journal import Journal
from alerts.journal.letters import Letters
from alerts.journal.schema import ALARM, OUTBOX, SEQUENCE, Status, metadata
from alerts.lifecycle import ON_SHELF, TAKEN, UNTAKEN, Event, State
from alerts.notify.contract import Letter, Message
from ingest.directory import Device, DeviceType
from service.database import make_engine
from tests.property.alarm_truths import (
    has_its_next_time,
    no_letter_of_an_errand_waits_too_long,
    no_step_is_taken_twice,
    the_journal_replays,
    whoever_rings_calls_or_tells,
)

_T = TypeVar("_T")
MINUTE: Final = 60_000
#: Two at one site and one at another; few, so that what is said of them meets.
DEVICES: Final = (
    Device("ward", "bracelet-lin", DeviceType.BRACELET, "lin"),
    Device("ward", "button-hall", DeviceType.BUTTON),
    Device("home", "bracelet-wu", DeviceType.BRACELET, "wu"),
)
WHAT: Final = (
    (Condition.SOS, "press"),
    (Condition.FALL, "wrist_fall"),
    (Condition.VITALS, "spo2_low"),
    (Condition.VITALS, "heart_rate_high"),
    (Condition.GEOFENCE, "left_safe_zone"),
    (Condition.DEVICE, "silent"),
    (Condition.DEVICE, "battery_low"),
)
#: As often as they matter.
CHANGES: Final = (*Change, *[Change.BEGAN] * 5, *[Change.ENDED] * 3)
PRIORITIES: Final = (*Priority, Priority.HIGH)
#: Mostly not; else at which statement the process dies.
DIES_AT: Final = st.sampled_from([*[None] * 20, *range(15)])
SITES: Final = (Site("ward", "Ward"), Site("home", "Home", "home"))
RESIDENTS: Final = (
    ResidentCard("lin", "林秀英", "ward"),
    ResidentCard("wu", "吴桂兰", "home"),
)


def carer(name: str, role: Any, *channels: str, **more: Any) -> Caregiver:
    return Caregiver(name, name, role, contacts=tuple((channel, name) for channel in channels), **more)


STAFF: Final = (
    carer("day", "nurse", "sms", "push", site="ward"),
    carer("night", "nurse", "push", site="ward"),
    carer("head", "head_nurse", "sms", site="ward"),
    carer("daughter", "family", "sms", residents=("lin", "wu")),
    carer("centre", "centre", "push"),
)
SHIFTS: Final = (Shift("day", ("day",), 8 * 60, 20 * 60), Shift("night", ("night",), 20 * 60, 8 * 60))
IN_ORDER: Final = Plan("hers", steps_of("nurse | family + centre in order wait 30 60 90"), resident="lin")
#: Somebody always; nobody in the day; in order; nobody who has a channel but one; nobody at all.
BOOKS: Final = (
    Book(SITES, RESIDENTS, STAFF, shifts=SHIFTS),
    Book(SITES, RESIDENTS, STAFF, shifts=SHIFTS[1:]),
    Book(SITES, RESIDENTS, STAFF, shifts=SHIFTS, plans=(IN_ORDER,)),
    Book(SITES, RESIDENTS, (*(replace(one, contacts=()) for one in STAFF[:-1]), STAFF[-1])),
    Book(SITES, RESIDENTS, tuple(replace(one, contacts=()) for one in STAFF)),
)
ROSTERS: Final = tuple(map(Roster, BOOKS))


class Channel:
    """A way to call people, whose feed wants all news besides; what calls there is moot once taken."""

    def __init__(self, name: str) -> None:
        self.name = name

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return (Message("", b"{}", moot_once_taken=transition.to_state in UNTAKEN),) if transition.news else ()

    def calls(self, transition: Transition, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, json.dumps({"alarm": transition.alarm.alarm}).encode())


class Crash(Exception):
    """The process dies here."""


class Fuse:
    """Counts statements and commits until the process dies at one; None: it does not."""

    left: int | None = None

    def burn(self, *_: object) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash


class AlarmLife(RuleBasedStateMachine):
    """What the journal did is compared with what the table of states and the words of the issue say."""

    #: Of a database that is made empty for each example; else an SQLite file of its own.
    url = ""
    fuse: Fuse

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="shouhu-alarms-")
        if self.url:
            engine = make_engine(self.url)
            metadata.drop_all(engine)
            engine.dispose()
        else:
            self.url = f"sqlite:///{self.folder.name}/journal.db"
        self.now_ms = 1_772_424_000_000  # 12:00 in Shanghai
        self.roster = ROSTERS[0]
        #: What was said, and whether in a drill.
        self.spoken: list[tuple[tuple[Finding, ...], bool]] = []
        #: By key, the letters that left as one message the first time.
        self.parcels: dict[tuple[str, str], frozenset[int]] = {}
        self.an_errand_is_due = False
        self.open()

    def open(self) -> None:
        """Start on whatever is in the database."""
        self.engine = make_engine(self.url)
        event.listen(self.engine, "before_cursor_execute", self.fuse.burn)
        event.listen(self.engine, "commit", self.fuse.burn)
        self.journal = Journal(self.engine, (Channel("sms"), Channel("push")), caller=lambda: self.roster)
        self.letters = Letters(self.engine)
        self.errands = Errands(self.engine)

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }

    def do(self, something: Callable[[], _T], dies_at: int | None) -> _T:
        """Do it; where the process is to die at a statement, nothing has happened, and it is done after a start."""
        if dies_at is not None:
            before = self.everything()
            self.fuse.left = dies_at
            try:
                done = something()
            except Crash:
                self.fuse.left = None
                assert self.everything() == before, "as if never begun"
                self.engine.dispose()
                self.open()
            else:
                self.fuse.left = None
                return done
        return something()

    # ------------------------------------------------------------------ devices

    @initialize(drill=st.booleans())
    def a_ward_at_noon(self, drill: bool) -> None:
        """Something has begun already, so that there is something to do."""
        said = [(0, what, priority) for what, priority in zip(WHAT[1:5], (*Priority, Priority.HIGH), strict=True)]
        said += [(1, WHAT[0], Priority.HIGH), (2, WHAT[2], Priority.HIGH)]
        said += [(0, what, Priority.LOW) for what in WHAT[5:]]
        findings = tuple(
            Finding(row, condition, cause, Change.BEGAN, priority, self.now_ms, self.now_ms, drill=drill)
            for row, (condition, cause), priority in said
        )
        assert len(self.tell(findings, None)) >= len(findings)
        self.spoken.append((findings, False))

    @rule(
        said=st.lists(
            st.tuples(
                st.integers(0, len(DEVICES) - 1),
                st.sampled_from(WHAT),
                st.sampled_from(CHANGES),
                st.sampled_from(PRIORITIES),
                st.sampled_from([0, 0, -1, -90_000]),
                st.sampled_from([False, False, False, True]),
            ),
            min_size=1,
            max_size=3,
        ),
        later_ms=st.sampled_from([0, 1, 10_000, 120_000]),
        dies_at=DIES_AT,
    )
    def devices_speak(self, said: Sequence[tuple[Any, ...]], later_ms: int, dies_at: int | None) -> None:
        self.now_ms += later_ms
        findings = tuple(
            Finding(row, condition, cause, change, priority, self.now_ms + late_ms, self.now_ms + late_ms, drill=drill)
            for row, (condition, cause), change, priority, late_ms, drill in said
        )
        self.tell(findings, dies_at)
        self.spoken.append((findings, self.in_drill()))

    @rule(
        data=st.data(),
        change=st.sampled_from([Change.BEGAN, Change.ENDED, Change.ENDED, Change.CANCELLED, Change.WITNESSED]),
        priority=st.sampled_from(Priority),
        later_ms=st.sampled_from([1, 10_000, 120_000]),
        dies_at=DIES_AT,
    )
    def more_is_known_of_one(
        self, data: st.DataObject, change: Change, priority: Priority, later_ms: int, dies_at: int | None
    ) -> None:
        told = [one for one in self.journal.open_alarms() if one.device != ServiceItself("ward").device]
        if not told:
            return
        self.now_ms += later_ms
        alarm = data.draw(st.sampled_from(told))
        (row,) = [number for number, one in enumerate(DEVICES) if (one.site, one.device) == (alarm.site, alarm.device)]
        findings = (
            Finding(row, alarm.condition, alarm.cause, change, priority, self.now_ms, self.now_ms, drill=alarm.drill),
        )
        self.tell(findings, dies_at)
        self.spoken.append((findings, self.in_drill()))

    @precondition(lambda self: self.spoken)
    @rule(data=st.data(), dies_at=DIES_AT)
    def the_broker_delivers_again(self, data: st.DataObject, dies_at: int | None) -> None:
        again, in_drill = data.draw(st.sampled_from(self.spoken))
        rang = [one for one in self.tell(again, dies_at) if one.event in (Event.RAISE, Event.RECUR)]
        # A drill that began or ended in between makes it something else.
        assert in_drill is not self.in_drill() or not rang

    def in_drill(self) -> bool:
        return bool(self.journal.drills(self.now_ms))

    def tell(self, findings: tuple[Finding, ...], dies_at: int | None) -> list[Transition]:
        return self.do(lambda: self.journal.record(findings, DEVICES, self.now_ms, self.now_ms), dies_at)

    # ------------------------------------------------------------------ people

    def one_open(self, data: st.DataObject, states: Sequence[State] | frozenset[State]) -> Alarm | None:
        found = [alarm for alarm in self.journal.open_alarms() if alarm.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(data=st.data(), dies_at=DIES_AT)
    def somebody_takes_one(self, data: st.DataObject, dies_at: int | None) -> None:
        if alarm := self.one_open(data, UNTAKEN):
            self.do(lambda: self.journal.acknowledge(alarm.alarm, "head", self.now_ms), dies_at)

    @rule(data=st.data(), minutes=st.integers(1, 100), dies_at=DIES_AT)
    def somebody_lays_one_aside(self, data: st.DataObject, minutes: int, dies_at: int | None) -> None:
        alarm = self.one_open(data, UNTAKEN | TAKEN | ON_SHELF)
        if alarm and alarm.condition not in LATCHING:
            until_ms = self.now_ms + minutes * MINUTE
            self.do(lambda: self.journal.shelve(alarm.alarm, "head", until_ms, "", self.now_ms), dies_at)

    @rule(data=st.data(), dies_at=DIES_AT)
    def somebody_takes_one_up_again(self, data: st.DataObject, dies_at: int | None) -> None:
        if alarm := self.one_open(data, ON_SHELF):
            self.do(lambda: self.journal.unshelve(alarm.alarm, "head", self.now_ms), dies_at)

    @rule(data=st.data(), dies_at=DIES_AT)
    def somebody_closes_one(self, data: st.DataObject, dies_at: int | None) -> None:
        if alarm := self.one_open(data, UNTAKEN | TAKEN | ON_SHELF):
            self.do(lambda: self.journal.resolve(alarm.alarm, "head", Outcome.TRUE, "", self.now_ms), dies_at)

    @rule(minutes=st.integers(1, MOST_MS // MINUTE), begins=st.booleans(), dies_at=DIES_AT)
    def a_drill(self, minutes: int, begins: bool, dies_at: int | None) -> None:
        if begins:
            until_ms = self.now_ms + minutes * MINUTE
            self.do(lambda: self.journal.begin_drill("ward", "head", until_ms, self.now_ms), dies_at)
        else:
            self.do(lambda: self.journal.end_drill("ward", self.now_ms), dies_at)

    # ------------------------------------------------------------------ time, the registry, letters

    @rule(seconds=st.sampled_from([0, 30, 60, 300, 900, 3_600, 12 * 3_600]), dies_at=DIES_AT)
    def time_passes(self, seconds: int, dies_at: int | None) -> None:
        self.now_ms += seconds * 1000
        due = [alarm for alarm in self.journal.open_alarms() if (alarm.due_ms or self.now_ms + 1) <= self.now_ms]
        happened = self.do(lambda: self.journal.pass_time(self.now_ms, most=3), dies_at)
        # What the steps then begun have nobody to call for may itself become due at once, once a site.
        for _ in range(len(due) + len(SITES) * 2 + 1):
            some = self.journal.pass_time(self.now_ms, most=3)
            happened += some
            if not some:
                break
        next_ms = self.journal.next_due_ms()
        assert next_ms is None or next_ms > self.now_ms, "all that is due has happened, and is not due again"
        assert {alarm.alarm for alarm in due} <= {one.alarm.alarm for one in happened}, "nothing is passed over"

    @rule(roster=st.sampled_from(ROSTERS), dies_at=DIES_AT)
    def the_registry_changes(self, roster: Roster, dies_at: int | None) -> None:
        self.roster = roster
        after: str | None = ""
        while after is not None:
            _, after = self.do(lambda after=after: self.journal.take_up(self.now_ms, after, 3), dies_at)

    @precondition(lambda self: self.due_letters())
    @rule(
        data=st.data(),
        becomes=st.sampled_from(["sent", "later", "failed", "delivered", "read"]),
        dies_at=DIES_AT,
    )
    def a_letter_leaves(self, data: st.DataObject, becomes: str, dies_at: int | None) -> None:
        channel, letter = data.draw(st.sampled_from(self.due_letters()))
        now_ms, number = self.now_ms, letter.number
        match becomes:
            case "sent":
                self.do(lambda: self.letters.sent([(number, now_ms)]), dies_at)
            case "later":
                self.do(lambda: self.letters.failed_for_now([(number, "busy", now_ms + 5_000)]), dies_at)
            case "failed":
                self.do(lambda: self.letters.failed_for_good([number], "no such number", now_ms), dies_at)
                if self.do(lambda: self.journal.hasten(number, now_ms), dies_at):
                    self.was_the_last_hope(letter)
            case _:
                self.do(lambda: self.letters.receive(channel, letter.key, Status(becomes), now_ms), dies_at)

    @precondition(lambda self: self.an_errand_is_due)
    @rule(data=st.data(), becomes=st.sampled_from(["sent", "later", "failed", "read", "never told"]), dies_at=DIES_AT)
    def an_errand_leaves(self, data: st.DataObject, becomes: str, dies_at: int | None) -> None:
        now_ms = self.now_ms
        channel, errand = data.draw(st.sampled_from(self.due_errands()))
        parcel = self.do(lambda: self.errands.parcel(channel, errand, now_ms), dies_at)
        if parcel is None:
            return  # all of it was over
        numbers = [letter.number for letter in parcel.letters]
        states = {alarm.alarm: alarm.state for alarm in self.journal.open_alarms()}
        assert all(states.get(letter.alarm) in UNTAKEN for letter in parcel.letters), "called, and somebody had it"
        first = self.parcels.setdefault((channel, parcel.message.key), frozenset(numbers))
        assert first >= set(numbers), "a repetition tells of nothing that the first did not"
        others = [told for key, told in self.parcels.items() if key != (channel, parcel.message.key)]
        assert all(told.isdisjoint(numbers) for told in others), "no alarm is told of in two messages by one letter"
        match becomes:
            case "sent":
                self.do(lambda: self.letters.sent([(number, now_ms) for number in numbers]), dies_at)
            case "later":
                back = [(number, "busy", now_ms + 5_000) for number in numbers]
                self.do(lambda: self.letters.failed_for_now(back), dies_at)
                assert (channel, errand) not in self.due_errands(), "whatever else waits is not sent before it"
            case "failed":
                self.do(lambda: self.letters.failed_for_good(numbers, "no such number", now_ms), dies_at)
                for letter in parcel.letters:
                    if self.do(lambda number=letter.number: self.journal.hasten(number, now_ms), dies_at):
                        self.was_the_last_hope(letter)
            case "read":
                told = self.do(lambda: self.letters.receive(channel, parcel.message.key, Status.READ, now_ms), dies_at)
                assert told == (numbers, Status.READ)
            case _:
                return  # the process died before it could write down what became of it
        with self.engine.connect() as connection:
            query = select(OUTBOX.c.status).where(OUTBOX.c.number.in_(numbers)).distinct()
            assert len(connection.execute(query).all()) == 1, "all of one message came to the same"

    def due_errands(self) -> list[tuple[str, Any]]:
        return [(name, one) for name in ("sms", "push") for one in self.errands.due(name, self.now_ms, 100)]

    def was_the_last_hope(self, letter: Letter) -> None:
        """Nobody else is being called by that step, and no later one was begun before."""
        with self.engine.connect() as connection:
            query = select(OUTBOX).where(OUTBOX.c.alarm == letter.alarm, OUTBOX.c.step.is_not(None))
            calls = connection.execute(query.order_by(OUTBOX.c.sequence)).all()
        of = next(row.sequence for row in calls if row.number == letter.number)
        assert {row.status for row in calls if row.sequence == of} == {Status.FAILED}
        assert len({row.sequence for row in calls if row.sequence > of}) <= 1

    def due_letters(self) -> list[tuple[str, Letter]]:
        return [(name, letter) for name in ("sms", "push") for letter in self.letters.due(name, self.now_ms, 100)]

    # ------------------------------------------------------------------ what is always so

    @invariant()
    def all_is_true(self) -> None:
        """All that the checks below look at is read once."""
        transitions = self.journal.transitions_after(0, 10_000)
        alarms = {alarm.alarm: alarm for alarm in self.journal.history(10_000)}
        with self.engine.connect() as connection:
            letters = connection.execute(select(OUTBOX).order_by(OUTBOX.c.number)).all()
            last = connection.execute(select(SEQUENCE.c.last)).scalar_one()
            keys = connection.execute(select(ALARM.c.key).where(ALARM.c.state != State.RESOLVED)).scalars().all()
        assert [one.sequence for one in transitions] == list(range(1, last + 1))
        assert len(keys) == len(set(keys)), "of one key one alarm is open"
        the_journal_replays(transitions, alarms)
        for alarm in alarms.values():
            has_its_next_time(alarm, self.roster)
        due = {letter.number for _, letter in self.due_letters()}
        for row in letters:
            moot = row.moot_once_taken and alarms[row.alarm].state not in UNTAKEN
            assert not (moot and (row.number in due or row.status == Status.PENDING)), "called, and somebody had it"
        no_step_is_taken_twice(transitions, [row for row in letters if row.step is not None])
        whoever_rings_calls_or_tells(transitions, alarms, letters)
        no_letter_of_an_errand_waits_too_long(transitions, letters)
        self.an_errand_is_due = bool(self.due_errands())
        if not self.an_errand_is_due:
            waiting = [row for row in letters if row.errand and row.status == Status.PENDING]
            sent_again = {(row.channel, row.errand, row.address) for row in waiting if row.parcel is not None}
            for row in waiting:
                behind = row.parcel is None and (row.channel, row.errand, row.address) in sent_again
                assert behind or row.due_ms > self.now_ms, "nobody would send it"


LIFE: Final = settings(
    max_examples=35,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture
def burning(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    """A fuse that also burns at statements which the journal has the driver execute."""
    made, execute = Fuse(), statements.execute

    def burn_first(*arguments: Any, **more: Any) -> Any:
        made.burn()
        return execute(*arguments, **more)

    monkeypatch.setattr(statements, "execute", burn_first)
    return made


def test_whatever_happens_in_whatever_order_on_sqlite(burning: Fuse) -> None:
    class OnSqlite(AlarmLife):
        fuse = burning

    run_state_machine_as_test(OnSqlite, settings=LIFE)


def test_whatever_happens_in_whatever_order_on_postgresql(postgresql: Any, burning: Fuse) -> None:
    class OnPostgreSQL(AlarmLife):
        url = postgresql.url
        fuse = burning

    run_state_machine_as_test(OnPostgreSQL, settings=settings(LIFE, max_examples=5))
