"""What a restart finds again: alarms, what happened to them, and the letters that tell of it, in SQL.

Invariants:

- one call is one transaction: alarms, their transitions and the letters in the outbox, all or none
- of one key at most one alarm is open (held by a unique index as well)
- a finding delivered twice changes nothing, also after its alarm was resolved
- sequence numbers grow by one in the order of the commits
- an illegal event raises and changes nothing
- the step of calling that an event begins, with its letters to people and the time of the next one, is in its
  transaction: a crash neither loses a step nor takes one twice

Synchronous, for one worker thread; several threads or processes are safe but take turns.

A press without a device time has the receive time as its onset, so that it has another one when the broker
delivers it again. While its alarm is open it counts as one more press; had somebody resolved the alarm
between the two deliveries, it would ring again: once too often rather than once too seldom. So does what the broker
delivers again when meanwhile a drill began or ended at its site.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, and_, func, insert, select
from sqlalchemy.exc import IntegrityError

from alerts.alarm import Alarm, Outcome, Transition, acknowledged, brought, key_of, resolved, shelved, sighting_of
from alerts.calling.escalation import Caller
from alerts.findings import SILENT, Change, Condition, Finding, Origin, Priority, ServiceItself
from alerts.journal.archive import Archive, UnknownAlarm, alarm_named
from alerts.journal.drills import Drill, Drills
from alerts.journal.ledger import LedgerWriter
from alerts.journal.letters import letter_of
from alerts.journal.page import Page, nobody_reachable
from alerts.journal.posting import Posting, call_off, sequence_of
from alerts.journal.schema import (
    ALARM,
    CALLS,
    FAILED,
    OPEN,
    OUTBOX,
    SEQUENCE,
    TIMED,
    alarm_of,
    alarm_row,
    key_in,
    metadata,
    place_in,
    transition_row,
)
from alerts.journal.statements import Statements
from alerts.journal.tables import make_tables
from alerts.journal.timing import AlarmTimes, brought_by_time, calls_no_further, timed
from alerts.lifecycle import TAKEN, UNTAKEN, Event
from alerts.notify.contract import Letter, Subscriber

__all__ = ["Journal", "Posted", "ShelfTooLong", "UnknownAlarm"]

#: Letters put into the outbox, by channel, alarm and sequence number of the transition.
Posted = dict[tuple[str, str, int], list[Letter]]

#: Where all letters of a step fail for good the next one is begun at once, but for so many steps only: where nothing
#: can be sent at all, the plan goes round and round, and then with its own waits. No plan is as long.
_HASTENED_STEPS: Final = 8
#: Where more devices than this fall silent at once, all that is open is asked who told of it; else by the devices.
_ASKED_MOST: Final = 1000


#: Of alarms that call nobody so many are looked at in one go.
_LOOKED_AT: Final = 200


class ShelfTooLong(ValueError):
    """An alarm can be laid aside from now on until a time within what its priority allows."""

    def __init__(self, most_ms: int) -> None:
        super().__init__(f"can be laid aside for {most_ms / 60_000:,.0f} minutes at most, from now on")


class Journal(Archive):
    """Alarms on disk. `subscribers` say, within the transaction, what is to be sent of each transition.

    `on_posted` is told, after the commit and in its thread, which letters were put into the outbox. `clock_ms` says
    when something is journalled, for the ledger; without it that is the `now_ms` given. `caller` gives who decides, as
    of now, whom an alarm calls; without it nobody but the subscribers is told.
    """

    def __init__(
        self,
        engine: Engine,
        subscribers: Sequence[Subscriber] = (),
        *,
        on_posted: Callable[[Posted], None] | None = None,
        clock_ms: Callable[[], int] | None = None,
        caller: Callable[[], Caller] | None = None,
        times: AlarmTimes | None = None,
    ) -> None:
        super().__init__(engine)
        self._engine = engine
        self._statements = Statements(engine.dialect)
        self._ledger = LedgerWriter(engine.dialect)
        self._clock_ms = clock_ms
        self._on_posted = on_posted
        self._caller = caller
        self._times = times or AlarmTimes()
        self._posting = Posting(subscribers, self._times.technical_letters_ms)
        make_tables(engine, metadata)
        with self._readers.connect() as connection:
            started = connection.execute(select(SEQUENCE.c.last)).first() is not None
            self._statements.rehearse(connection)
        if not started:
            try:
                with engine.begin() as connection:
                    connection.execute(insert(SEQUENCE).values(id=1, last=0))
            except IntegrityError:
                pass  # another process opened the same new database at the same moment
        self._drills = Drills(engine)

    # ------------------------------------------------------------------ devices speak

    def record(
        self,
        findings: Sequence[Finding],
        devices: Sequence[Origin],
        received_ms: int,
        now_ms: int,
        detected_ms: int | None = None,
    ) -> list[Transition]:
        """Journal a batch of findings, whose rows index `devices`; returns what changed, in order.

        `detected_ms`: when they were found, where the journal could not be written at once.
        """
        if not findings:
            return []
        # Detectors may report all beginnings before all ends; within a key only the order in time is right.
        told: list[tuple[str, Finding, Origin]] = []
        for one in sorted(findings, key=lambda finding: finding.found_ms):
            device = devices[one.row]
            origin = ServiceItself(device.site) if one.of_site else device
            marked = self._drills.marked(one, origin.site, now_ms)
            told += [(key_of(finding, origin), finding, origin) for finding in marked]
        with self._page(now_ms, len(told)) as (connection, page):
            page.detected_ms = detected_ms
            self._load(connection, page, [key for key, _, _ in told])
            self._load_told_by(connection, page, [of for _, one, device in told for of in _lost(one, device, devices)])
            began = [sighting_of(key, finding) for key, finding, _ in told if finding.change is Change.BEGAN]
            known = {occurrence for (occurrence,) in self._statements.known.rows(connection, began)}
            # One by one: findings are few, and each may change the alarm the next one meets.
            for key, finding, origin in told:
                new = page.take(known, key, finding, origin, received_ms)
                if finding.change is Change.LOST or (new and finding.change is Change.BEGAN):
                    page.lose(_lost(finding, origin, devices), finding.onset_ms)
                elif finding.change in (Change.HEARD, Change.ENDED):
                    page.see(_lost(finding, origin, devices), finding.found_ms)
            self._write(connection, page)
        return page.transitions

    # ------------------------------------------------------------------ people act

    def acknowledge(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person takes an alarm; UnknownAlarm, IllegalEvent (somebody was faster)."""
        with self._page(now_ms) as (connection, page):
            before = alarm_named(connection, alarm)
            transition = page.turn(before, acknowledged(before, by, now_ms), Event.ACKNOWLEDGE, by)
            self._write(connection, page)
        return transition

    def shelve(self, alarm: str, by: str, until_ms: int, reason: str, now_ms: int) -> Transition:
        """A person lays an alarm aside until a time; UnknownAlarm, IllegalEvent, ShelfTooLong."""
        with self._page(now_ms) as (connection, page):
            before = alarm_named(connection, alarm)
            after = shelved(before, by, until_ms, reason, now_ms)
            most_ms = self._times.shelve_most_s.of_ms(before.priority)
            if not now_ms < until_ms <= now_ms + most_ms:
                raise ShelfTooLong(most_ms)
            transition = page.turn(before, after, Event.SHELVE, by)
            self._write(connection, page)
        return transition

    def unshelve(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person ends the shelf before its time: what still holds rings; UnknownAlarm, IllegalEvent."""
        with self._page(now_ms) as (connection, page):
            before = alarm_named(connection, alarm)
            transition = page.turn(before, brought(before, Event.UNSHELVE, now_ms), Event.UNSHELVE, by)
            self._write(connection, page)
        return transition

    def resolve(self, alarm: str, by: str, outcome: Outcome, note: str, now_ms: int) -> Transition:
        """A person closes an alarm; UnknownAlarm, IllegalEvent (it is closed already)."""
        with self._page(now_ms) as (connection, page):
            before = alarm_named(connection, alarm)
            after = resolved(before, by, Outcome(outcome), note, now_ms)
            transition = page.turn(before, after, Event.RESOLVE, by)
            self._write(connection, page)
        return transition

    # ------------------------------------------------------------------ drills

    def begin_drill(self, site: str, by: str, until_ms: int, now_ms: int) -> Drill:
        """From now on what is found at a site is a test, until a time; DrillTooLong."""
        return self._drills.begin(site, by, until_ms, now_ms)

    def end_drill(self, site: str, now_ms: int) -> bool:
        """What is found at a site is real again; False where no drill went on."""
        return self._drills.end(site, now_ms)

    def drills(self, now_ms: int) -> list[Drill]:
        """The drills that go on."""
        return self._drills.running(now_ms)

    # ------------------------------------------------------------------ time passes

    def next_due_ms(self) -> int | None:
        """When the next thing happens by itself; None: nothing does."""
        with self._readers.connect() as connection:
            due_ms: int | None = connection.execute(select(func.min(ALARM.c.due_ms)).where(TIMED)).scalar_one()
        return due_ms

    def pass_time(self, now_ms: int, most: int = 8) -> list[Transition]:
        """Let happen what is due: next steps of calling, reminders, ends of shelves; at most so many, urgent first.

        As many as `most` returned means that there may be more.
        """
        with self._page(now_ms, most) as (connection, page):
            due: list[str] = []
            for priority in Priority:  # from high to low
                values = {"of_priority": priority, "now_ms": now_ms, "most": most - len(due)}
                for row in self._statements.due.rows(connection, values) if len(due) < most else ():
                    page.put(key_in(row), alarm_of(row))
                    due.append(key_in(row))
            for key in due:
                before = page.open_by_key[key]
                event = brought_by_time(before.state)
                page.put(key, page.turn(before, brought(before, event, now_ms), event).alarm)
            self._write(connection, page)
        return page.transitions

    def take_up(self, now_ms: int, after: str = "", most: int = 8) -> tuple[list[Transition], str | None]:
        """Let open alarms to which nothing will happen by itself begin to call, where there is somebody to call now.

        They are from a time when nobody was there to be called, or from an earlier version. At most so many begin, of
        those from `after` on; returned with what happened is the `after` of the next round, None after the last.
        """
        query = select(ALARM).where(OPEN, ALARM.c.due_ms.is_(None), ALARM.c.held_ms.is_(None), ALARM.c.key > after)
        # Read apart first: of thousands that call nobody, none should stand before a press.
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(ALARM.c.key).limit(_LOOKED_AT)).all()
        page = self._blank(0, now_ms)
        wanted = [row.key for row in rows if _to_take_up(page, alarm_of(row))]
        looked_at = rows[-1].key if len(rows) == _LOOKED_AT else None
        if not wanted:
            return [], looked_at
        with self._page(now_ms, 0) as (connection, page):
            self._load(connection, page, wanted[:most])
            for key, before in list(page.open_by_key.items()):
                if before.due_ms is not None or before.held_ms is not None or not _to_take_up(page, before):
                    continue  # somebody did something about it since
                if before.state in TAKEN:
                    reminded = timed(None, Event.ACKNOWLEDGE, before, self._times, now_ms, None)
                    self._statements.change_alarm.run(connection, alarm_row(reminded) | {"b_alarm": before.alarm})
                else:
                    escalated = brought(before, Event.ESCALATE, now_ms)
                    page.put(key, page.turn(before, escalated, Event.ESCALATE).alarm)
            self._write(connection, page)
        return page.transitions, wanted[most - 1] if len(wanted) > most else looked_at

    def hasten(self, number: int, now_ms: int) -> list[Transition]:
        """A letter failed for good: where it was the last hope of the current step of an alarm, the next one begins."""
        sequence = sequence_of(number)
        of_step = and_(OUTBOX.c.sequence == sequence, CALLS)
        with self._readers.connect() as connection:
            letter = connection.execute(select(OUTBOX).where(OUTBOX.c.number == number, of_step, FAILED)).first()
        if letter is None:
            return []
        with self._page(now_ms, 0) as (connection, page):
            of_alarm = and_(OUTBOX.c.alarm == letter.alarm, CALLS)
            latest = connection.execute(select(func.max(OUTBOX.c.sequence)).where(of_alarm)).scalar_one()
            hopes = connection.execute(select(OUTBOX.c.number).where(of_alarm, of_step, ~FAILED).limit(1)).first()
            row = connection.execute(select(ALARM).where(ALARM.c.alarm == letter.alarm)).one()
            before = alarm_of(row)
            waits = before.state in UNTAKEN and before.due_ms is not None and before.step < _HASTENED_STEPS
            if waits and latest == sequence and hopes is None:
                page.put(row.key, before)
                page.put(row.key, page.turn(before, brought(before, Event.ESCALATE, now_ms), Event.ESCALATE).alarm)
                self._write(connection, page)
        return page.transitions

    # ------------------------------------------------------------------ writing

    @contextmanager
    def _page(self, now_ms: int, transitions: int = 1) -> Iterator[tuple[Connection, Page]]:
        """A page on which so many transitions are expected."""
        statements = self._statements
        with self._engine.begin() as connection:
            # A write first: from here on no other writer comes between what is read and what is written.
            ((expected,),) = statements.lock.rows(connection, {"more": transitions})
            page = self._blank(expected - transitions, now_ms)
            yield connection, page
            if len(page.transitions) != transitions:
                statements.correct.run(connection, {"latest": page.last + len(page.transitions)})
        if page.posted and self._on_posted is not None:
            self._on_posted(page.posted)

    def _blank(self, last: int, now_ms: int) -> Page:
        """A page on which nothing stands."""
        caller = None if self._caller is None else self._caller()
        return Page(last, now_ms, self._times, caller, self._posting.to_people)

    def _load(self, connection: Connection, page: Page, keys: Sequence[str]) -> None:
        """Put the open alarms of keys on the page, where they are not there yet."""
        missing = [key for key in dict.fromkeys(keys) if key not in page.open_by_key]
        for row in self._statements.open_of_keys.rows(connection, missing):
            page.put(key_in(row), alarm_of(row))

    def _load_told_by(self, connection: Connection, page: Page, origins: Sequence[Origin]) -> None:
        """The same for all open alarms of which these told last."""
        places = {(origin.site, origin.device) for origin in origins}
        if len(places) > _ASKED_MOST:
            told_by = self._statements.told_by.rows(connection, {})
            self._load(connection, page, [key for key, *place in told_by if tuple(place) in places])
            return
        for row in self._statements.open_of_devices.rows(connection, sorted({device for _, device in places})):
            if place_in(row) in places and key_in(row) not in page.open_by_key:
                page.put(key_in(row), alarm_of(row))

    def _write(self, connection: Connection, page: Page) -> None:
        if not page.transitions:
            return
        statements = self._statements
        self._tell_of_skipped(connection, page)
        new = [alarm_row(page.touched[alarm]) | {"key": key} for alarm, key in page.new.items()]
        statements.new_alarm.run_each(connection, new)
        old = [alarm_row(after) | {"b_alarm": alarm} for alarm, after in page.touched.items() if alarm not in page.new]
        statements.change_alarm.run_each(connection, old)
        statements.new_occurrence.run_each(connection, list(page.occurrences.values()))
        statements.new_transition.run_each(connection, [transition_row(t) for t in page.transitions])
        call_off(connection, page.transitions)
        journalled_ms = page.now_ms if self._clock_ms is None else self._clock_ms()
        detected_ms = page.now_ms if page.detected_ms is None else page.detected_ms
        self._ledger.note(connection, page.transitions, detected_ms, journalled_ms)
        letters = [row for t in page.transitions for row in self._posting.letters(t, page.calls.get(t.sequence))]
        self._posting.hold(connection, letters)
        statements.new_letter.run_each(connection, letters)
        for row in letters:
            key = (row["channel"], row["alarm"], row["sequence"])
            page.posted.setdefault(key, []).append(letter_of(row["number"], row))

    def _tell_of_skipped(self, connection: Connection, page: Page) -> None:
        """A step of calling that had nobody to call is itself an alarm of the site, in the same transaction."""
        told = {(alarm.site, alarm.drill): nobody_reachable(alarm, one, page.now_ms) for alarm, one in page.skipped}
        for (site, _), finding in told.items():
            key = key_of(finding, ServiceItself(site))
            self._load(connection, page, [key])
            # Another transaction of the same millisecond may have told of it.
            known = self._statements.known.rows(connection, [sighting_of(key, finding)])
            page.take({occurrence for (occurrence,) in known}, key, finding, ServiceItself(site), page.now_ms)


def _to_take_up(page: Page, alarm: Alarm) -> bool:
    """Whether something should happen to an open alarm by itself to which nothing will."""
    return alarm.state in TAKEN or (alarm.state in UNTAKEN and not calls_no_further(alarm) and page.would_call(alarm))


def _lost(finding: Finding, origin: Origin, devices: Sequence[Origin]) -> list[Origin]:
    """The devices that a finding says are silent, or heard again."""
    if finding.change in (Change.LOST, Change.HEARD):
        return [devices[row] for row in finding.rows or (finding.row,)]
    return [origin] if finding.condition is Condition.DEVICE and finding.cause == SILENT else []
