"""When what happened to an alarm, as the journal and the outbox note it: SQLite and a real PostgreSQL."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from alerts.alarm import Outcome, Transition
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from alerts.journal.ledger import Entry, Ledger, UnknownLedger
from alerts.journal.letters import Letters
from alerts.journal.schema import metadata
from alerts.lifecycle import UNTAKEN
from alerts.notify.contract import Message
from ingest.directory import Device, DeviceType
from service.database import make_engine

T = 1_700_000_000_000
BUTTON, HALL = 0, 1
DEVICES = (
    Device("ward", "button-1", DeviceType.BUTTON, "resident-1"),
    Device("ward", "button-hall", DeviceType.BUTTON),
)


class Calls:
    """Calls for somebody while nobody has taken the alarm."""

    name = "calls"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return (Message("", b"come", moot_once_taken=True),) if transition.to_state in UNTAKEN else ()


class Points:
    """Keeps a record of everything and calls nobody."""

    name = "points"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        return (Message("", b"a point"),)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(made)
    yield made
    made.dispose()


@pytest.fixture
def journal(engine: Engine) -> Journal:
    return Journal(engine, (Points(), Calls()), clock_ms=lambda: T + 8)


def press(onset_ms: int = T, row: int = BUTTON, change: Change = Change.BEGAN, **more: Any) -> Finding:
    return Finding(row, Condition.SOS, "press", change, Priority.HIGH, onset_ms, onset_ms, **more)


def record(journal: Journal, findings: Sequence[Finding], now_ms: int = T + 6) -> list[Transition]:
    return journal.record(findings, DEVICES, received_ms=T + 3, now_ms=now_ms, detected_ms=T + 5)


def send(engine: Engine, channel: str, at_ms: int) -> None:
    """All letters of a channel that are due, in the order in which they may leave."""
    letters = Letters(engine)
    while due := letters.due(channel, at_ms, 100):
        letters.sent([(letter.number, at_ms) for letter in due])


def test_every_step_has_its_time(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, [press()])
    name, ledger = raised.alarm.alarm, Ledger(engine)
    begun = Entry(name, "ward", Condition.SOS, False, T, T + 3, T + 5, T + 8, None, None, None, None)
    assert ledger.of_alarm(name) == begun
    send(engine, "points", T + 9)
    assert ledger.of_alarm(name) == begun, "a record that calls nobody is no letter sent"
    send(engine, "calls", T + 30)
    journal.acknowledge(name, "nurse", T + 20_000)
    journal.resolve(name, "nurse", Outcome.TRUE, "", T + 300_000)
    times = ledger.of_alarm(name)
    assert (times.sent_ms, times.acknowledged_ms, times.resolved_ms) == (T + 30, T + 20_000, T + 300_000)


def test_what_happens_again_leaves_the_first_time(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, [press()])
    name = raised.alarm.alarm
    send(engine, "calls", T + 30)
    journal.acknowledge(name, "nurse", T + 20_000)
    (again,) = journal.record([press(T + 300_000)], DEVICES, T + 300_003, T + 300_005)
    assert again.to_state in UNTAKEN
    send(engine, "calls", T + 300_030)
    journal.acknowledge(name, "nurse", T + 320_000)
    times = Ledger(engine).of_alarm(name)
    assert (times.onset_ms, times.sent_ms, times.acknowledged_ms) == (T, T + 30, T + 20_000)


def test_closing_an_alarm_that_nobody_had_taken_is_taking_it(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, [press()])
    journal.resolve(raised.alarm.alarm, "nurse", Outcome.FALSE, "", T + 40_000)
    times = Ledger(engine).of_alarm(raised.alarm.alarm)
    assert (times.acknowledged_ms, times.resolved_ms) == (T + 40_000, T + 40_000)


def test_a_device_that_calls_its_alarm_off_has_taken_nothing(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, [press()])
    record(journal, [press(change=Change.CANCELLED)])
    assert Ledger(engine).of_alarm(raised.alarm.alarm).acknowledged_ms is None


def test_alarms_of_one_batch_have_an_entry_each_and_a_drill_says_so(journal: Journal, engine: Engine) -> None:
    raised = record(journal, [press(), press(row=HALL, drill=True), press(T + 1)])
    first, drill, repeat = [transition.alarm.alarm for transition in raised]
    assert first == repeat
    ledger = Ledger(engine)
    assert [ledger.of_alarm(name).drill for name in (first, drill)] == [False, True]


def test_letters_forgotten_leave_their_times(journal: Journal, engine: Engine) -> None:
    (raised,) = record(journal, [press()])
    for channel in ("calls", "points"):
        send(engine, channel, T + 30)
    assert Letters(engine).prune(T + 1000, 100) == 2
    assert Ledger(engine).of_alarm(raised.alarm.alarm).sent_ms == T + 30


def test_an_alarm_nobody_knows(journal: Journal, engine: Engine) -> None:
    with pytest.raises(UnknownLedger):
        Ledger(engine).of_alarm("nobody")
