"""What is asked of the journal again and again is found by an index, however long the past is (SQLite)."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from alerts.journal.delays import DelayReader
from alerts.journal.figures import LoadReader
from alerts.journal.journal import Journal
from alerts.journal.ledger import Ledger
from service.database import make_engine

NOW_MS = 1_700_000_000_000
#: Indexes that hold the open alarms alone, or those with a time: these may be gone through from end to end.
SMALL = ("alarm_open_", "alarm_due")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    Journal(engine)
    yield engine
    engine.dispose()


def plans(engine: Engine, ask: Callable[[], Any]) -> list[str]:
    """What SQLite does at each step of every question that `ask` asks."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        return [
            str(row[3])
            for statement, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def tables(engine: Engine) -> set[str]:
    """The tables that grow."""
    with engine.connect() as connection:
        known = set(connection.execute(text("SELECT name FROM sqlite_schema WHERE type = 'table'")).scalars())
    return known - {"alarm_sequence", "drill"}  # one row, and one a site


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: Journal(engine).open_alarms(),
        lambda engine: Journal(engine).next_due_ms(),
        lambda engine: Journal(engine).transitions("x"),
        lambda engine: LoadReader(engine).load(NOW_MS, 1),
        lambda engine: LoadReader(engine).load(NOW_MS, 24, site="ward"),
        lambda engine: DelayReader(engine).report(NOW_MS - 1, NOW_MS),
        lambda engine: Ledger(engine).of_alarm("x"),
        lambda engine: Journal(engine).history(resident="R-1"),
    ],
    ids=["open alarms", "next due", "course", "load", "load of a site", "report", "ledger", "past of a resident"],
)
def test_nothing_goes_through_a_whole_table(engine: Engine, ask: Callable[[Engine], Any]) -> None:
    def asking() -> None:
        with contextlib.suppress(LookupError):  # asked all the same
            ask(engine)

    steps = plans(engine, asking)
    assert steps
    for step in steps:
        if step.startswith("SCAN") and step.split()[1] in tables(engine):
            assert any(f"INDEX {name}" in step for name in SMALL), step


def test_open_alarms_come_in_the_order_of_an_index(engine: Engine) -> None:
    assert plans(engine, Journal(engine).open_alarms) == ["SCAN alarm USING INDEX alarm_open_raised"]


def test_the_past_of_a_resident_is_found_and_not_looked_for(engine: Engine) -> None:
    history = Journal(engine).history
    (step,) = plans(engine, lambda: history(resident="R-1"))
    assert "INDEX alarm_resident (resident=?)" in step
