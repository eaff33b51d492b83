"""What a restart finds again: alarms, what happened to them, and the letters that tell of it, in SQL.

Invariants:

- one call is one transaction: alarms, their transitions and the letters in the outbox, all or none
- of one key at most one alarm is open (held by a unique index as well)
- a finding delivered twice changes nothing, also after its alarm was resolved
- sequence numbers grow by one in the order of the commits
- an illegal event raises and changes nothing

Synchronous, for one worker thread; several threads or processes are safe but take turns.

A press without a device time has the receive time as its onset, so that it has another one when the broker
delivers it again. While its alarm is open it counts as one more press; had somebody resolved the alarm
between the two deliveries, it would ring again: once too often rather than once too seldom.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from alerts.alarm import (
    Alarm,
    Outcome,
    Transition,
    acknowledged,
    changed_by_device,
    event_of,
    key_of,
    raised,
    resolved,
    sighting_of,
)
from alerts.findings import Change, Finding
from alerts.ledger import LedgerWriter
from alerts.letters import letter_of
from alerts.lifecycle import UNTAKEN, Event
from alerts.notify.contract import Letter, Subscriber
from alerts.schema import (
    ALARM,
    OPEN,
    OUTBOX,
    PENDING,
    READ_ONLY,
    SEQUENCE,
    TRANSITION,
    URGENCY,
    Status,
    alarm_of,
    alarm_row,
    metadata,
    transition_of,
    transition_row,
)
from alerts.statements import Statements
from alerts.tables import make_tables
from ingest.directory import Device

#: Letters are numbered within their transition, and the transition by its sequence number: in the order of both.
_LETTERS_A_TRANSITION: Final = 1 << 16

#: Letters put into the outbox, by channel, alarm and sequence number of the transition.
Posted = dict[tuple[str, str, int], list[Letter]]


class UnknownAlarm(LookupError):
    """There is no alarm of this name."""


@dataclass(slots=True)
class _Page:
    """What one transaction is about to write."""

    last: int
    detected_ms: int | None = None
    open_by_key: dict[str, Alarm] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)  # alarm to key
    occurrences: dict[str, dict[str, Any]] = field(default_factory=dict)
    touched: dict[str, Alarm] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    posted: Posted = field(default_factory=dict)

    def turn(self, before: Alarm | None, after: Alarm, event: Event, now_ms: int, by: str | None = None) -> Transition:
        transition = Transition(
            sequence=self.last + len(self.transitions) + 1,
            alarm=after,
            event=event,
            from_state=None if before is None else before.state,
            to_state=after.state,
            at_ms=now_ms,
            by=by,
        )
        self.touched[after.alarm] = after
        self.transitions.append(transition)
        return transition


class Journal:
    """Alarms on disk. `subscribers` say, within the transaction, what is to be sent of each transition.

    `on_posted` is told, after the commit and in its thread, which letters were put into the outbox. `clock_ms` says
    when something is journalled, for the ledger; without it that is the `now_ms` given.
    """

    def __init__(
        self,
        engine: Engine,
        subscribers: Sequence[Subscriber] = (),
        *,
        on_posted: Callable[[Posted], None] | None = None,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self._engine = engine
        self._statements = Statements(engine.dialect)
        self._ledger = LedgerWriter(engine.dialect)
        self._clock_ms = clock_ms
        self._on_posted = on_posted
        self._readers = engine.execution_options(**READ_ONLY)
        self._subscribers = tuple(subscribers)
        if len({s.name for s in self._subscribers}) != len(self._subscribers):
            raise ValueError("two channels have the same name")
        make_tables(engine, metadata)
        with self._readers.connect() as connection:
            started = connection.execute(select(SEQUENCE.c.last)).first() is not None
        if not started:
            try:
                with engine.begin() as connection:
                    connection.execute(insert(SEQUENCE).values(id=1, last=0))
            except IntegrityError:
                pass  # another process opened the same new database at the same moment

    # ------------------------------------------------------------------ devices speak

    def record(
        self,
        findings: Sequence[Finding],
        devices: Sequence[Device],
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
        ordered = sorted(findings, key=lambda finding: finding.found_ms)
        keys = [key_of(finding, devices[finding.row]) for finding in ordered]
        with self._page(len(findings)) as (connection, page):
            page.detected_ms = detected_ms
            rows = self._statements.open_of_keys.run(connection, list(dict.fromkeys(keys)))
            page.open_by_key = {row.key: alarm_of(row) for row in rows}
            began = [
                sighting_of(key, finding)
                for key, finding in zip(keys, ordered, strict=True)
                if finding.change is Change.BEGAN
            ]
            known = {row.occurrence for row in self._statements.known.run(connection, began)}
            # One by one: findings are few, and each may change the alarm the next one meets.
            for key, finding in zip(keys, ordered, strict=True):
                _take(page, known, key, finding, devices[finding.row], received_ms, now_ms)
            self._write(connection, page)
        return page.transitions

    # ------------------------------------------------------------------ people act

    def acknowledge(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person takes an alarm; UnknownAlarm, IllegalEvent (somebody was faster)."""
        with self._page() as (connection, page):
            before = _alarm(connection, alarm)
            transition = page.turn(before, acknowledged(before, by, now_ms), Event.ACKNOWLEDGE, now_ms, by)
            self._write(connection, page)
        return transition

    def resolve(self, alarm: str, by: str, outcome: Outcome, note: str, now_ms: int) -> Transition:
        """A person closes an alarm; UnknownAlarm, IllegalEvent (it is closed already)."""
        with self._page() as (connection, page):
            before = _alarm(connection, alarm)
            after = resolved(before, by, Outcome(outcome), note, now_ms)
            transition = page.turn(before, after, Event.RESOLVE, now_ms, by)
            self._write(connection, page)
        return transition

    # ------------------------------------------------------------------ reading

    def alarm(self, alarm: str) -> Alarm:
        """One alarm; UnknownAlarm."""
        with self._readers.connect() as connection:
            return _alarm(connection, alarm)

    def open_alarms(self) -> list[Alarm]:
        """Every alarm not resolved, oldest first."""
        query = select(ALARM).where(OPEN).order_by(ALARM.c.raised_ms, ALARM.c.alarm)
        with self._readers.connect() as connection:
            return [alarm_of(row) for row in connection.execute(query)]

    def history(
        self,
        limit: int = 100,
        before_ms: int | None = None,
        before_alarm: str | None = None,
        *,
        site: str | None = None,
        resident: str | None = None,
    ) -> list[Alarm]:
        """Alarms open and closed, latest first, raised before `before_ms`.

        For the next page give `raised_ms` and `alarm` of the last one of this page.
        """
        query = select(ALARM).order_by(ALARM.c.raised_ms.desc(), ALARM.c.alarm.desc()).limit(limit)
        if before_ms is not None and before_alarm is not None:
            query = query.where(tuple_(ALARM.c.raised_ms, ALARM.c.alarm) < tuple_(before_ms, before_alarm))
        elif before_ms is not None:
            query = query.where(ALARM.c.raised_ms < before_ms)
        if site is not None:
            query = query.where(ALARM.c.site == site)
        if resident is not None:
            query = query.where(ALARM.c.resident == resident)
        with self._readers.connect() as connection:
            return [alarm_of(row) for row in connection.execute(query)]

    def transitions(self, alarm: str) -> list[Transition]:
        """All that happened to one alarm, in order; empty for an unknown one."""
        query = select(TRANSITION).where(TRANSITION.c.alarm == alarm).order_by(TRANSITION.c.sequence)
        with self._readers.connect() as connection:
            return [transition_of(row) for row in connection.execute(query)]

    def transitions_after(self, sequence: int, limit: int = 1000) -> list[Transition]:
        """What happened after a sequence number, in order: for a reader that was away."""
        query = select(TRANSITION).where(TRANSITION.c.sequence > sequence).order_by(TRANSITION.c.sequence).limit(limit)
        with self._readers.connect() as connection:
            return [transition_of(row) for row in connection.execute(query)]

    def last_sequence(self) -> int:
        """The sequence number of the latest transition, 0 before the first."""
        with self._readers.connect() as connection:
            return int(connection.execute(select(SEQUENCE.c.last)).scalar_one())

    # ------------------------------------------------------------------ writing

    @contextmanager
    def _page(self, transitions: int = 1) -> Iterator[tuple[Connection, _Page]]:
        """A page on which so many transitions are expected."""
        statements = self._statements
        with self._engine.begin() as connection:
            # A write first: from here on no other writer comes between what is read and what is written.
            expected = int(statements.lock.run(connection, {"more": transitions}).scalar_one())
            page = _Page(expected - transitions)
            yield connection, page
            if len(page.transitions) != transitions:
                statements.correct.run(connection, {"latest": page.last + len(page.transitions)})
        if page.posted and self._on_posted is not None:
            self._on_posted(page.posted)

    def _write(self, connection: Connection, page: _Page) -> None:
        if not page.transitions:
            return
        statements = self._statements
        new = [alarm_row(page.touched[alarm]) | {"key": key} for alarm, key in page.new.items()]
        statements.new_alarm.run_each(connection, new)
        old = [alarm_row(after) | {"b_alarm": alarm} for alarm, after in page.touched.items() if alarm not in page.new]
        statements.change_alarm.run_each(connection, old)
        statements.new_occurrence.run_each(connection, list(page.occurrences.values()))
        statements.new_transition.run_each(connection, [transition_row(t) for t in page.transitions])
        self._call_off(connection, page.transitions)
        at_ms = page.transitions[0].at_ms
        journalled_ms = at_ms if self._clock_ms is None else self._clock_ms()
        detected_ms = at_ms if page.detected_ms is None else page.detected_ms
        self._ledger.note(connection, page.transitions, detected_ms, journalled_ms)
        letters = [row for transition in page.transitions for row in self._letters(transition)]
        statements.new_letter.run_each(connection, letters)
        for row in letters:
            key = (row["channel"], row["alarm"], row["sequence"])
            page.posted.setdefault(key, []).append(letter_of(row["number"], row))

    def _letters(self, transition: Transition) -> Iterator[dict[str, Any]]:
        numbers = itertools.count(transition.sequence * _LETTERS_A_TRANSITION)
        for subscriber in self._subscribers:
            for part, message in enumerate(subscriber.wants(transition)):
                yield {
                    "number": next(numbers),
                    "channel": subscriber.name,
                    "alarm": transition.alarm.alarm,
                    "sequence": transition.sequence,
                    "part": part,
                    "address": message.address,
                    "body": message.body,
                    "urgency": URGENCY[transition.alarm.priority],
                    "moot_once_taken": message.moot_once_taken,
                    "status": Status.PENDING,
                    "attempts": 0,
                    "created_ms": transition.at_ms,
                    "due_ms": transition.at_ms,
                    "reason": "",
                    "step": None,
                }

    def _call_off(self, connection: Connection, transitions: Sequence[Transition]) -> None:
        """Once a person has taken an alarm, what still waits to call for one is not sent; nor is an old position."""
        for transition in transitions:
            if transition.follows:
                # Asked of the few letters that wait: somebody may be followed for days.
                only_follows = (
                    select(TRANSITION.c.sequence)
                    .where(TRANSITION.c.sequence == OUTBOX.c.sequence, TRANSITION.c.event == Event.WITNESS)
                    .exists()
                )
                connection.execute(
                    update(OUTBOX)
                    .where(OUTBOX.c.alarm == transition.alarm.alarm, PENDING, only_follows)
                    .values(status=Status.CANCELLED, done_ms=transition.at_ms)
                )
            if transition.by is not None and transition.to_state not in UNTAKEN:
                connection.execute(
                    update(OUTBOX)
                    .where(OUTBOX.c.alarm == transition.alarm.alarm, PENDING)
                    .where(OUTBOX.c.moot_once_taken)
                    .values(status=Status.CANCELLED, done_ms=transition.at_ms)
                )


def _take(
    page: _Page, known: set[str], key: str, finding: Finding, device: Device, received_ms: int, now_ms: int
) -> None:
    """Let one finding change the page."""
    before = page.open_by_key.get(key)
    event = event_of(before, finding, device, received_ms)
    if event is None:
        return
    begins = finding.change is Change.BEGAN
    if begins:
        occurrence = sighting_of(key, finding)
        if occurrence in known:
            return
        known.add(occurrence)
    if before is None:
        after = raised(key, finding, device, received_ms, now_ms)
        page.new[after.alarm] = key
    else:
        after = changed_by_device(before, event, finding, device, now_ms)
    if begins:
        page.occurrences[occurrence] = {
            "occurrence": occurrence,
            "alarm": after.alarm,
            "onset_ms": finding.onset_ms,
            "recorded_ms": now_ms,
        }
    page.open_by_key[key] = after
    page.turn(before, after, event, now_ms)


def _alarm(connection: Connection, alarm: str) -> Alarm:
    row = connection.execute(select(ALARM).where(ALARM.c.alarm == alarm)).first()
    if row is None:
        raise UnknownAlarm(alarm)
    return alarm_of(row)
