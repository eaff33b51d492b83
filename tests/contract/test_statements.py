"""Statements that go to the driver directly: what SQLAlchemy would raise, they raise too."""

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from alerts.journal.schema import OCCURRENCE, metadata
from alerts.journal.statements import Statement, execute

ROW = {"occurrence": "one", "alarm": "A", "onset_ms": 1, "recorded_ms": 2}


@pytest.fixture
def new_row(engine: Engine) -> Statement:
    metadata.create_all(engine)
    return Statement(insert(OCCURRENCE), engine.dialect, list(ROW))


def rows(engine: Engine) -> list[tuple[str, str]]:
    look = Statement(select(OCCURRENCE.c.occurrence, OCCURRENCE.c.alarm), engine.dialect)
    with engine.begin() as connection:
        return sorted(tuple(row) for row in look.rows(connection, {}))


def test_a_statement_runs_for_each_row_it_is_given(engine: Engine, new_row: Statement) -> None:
    with engine.begin() as connection:
        new_row.run_each(connection, [])
        new_row.run_each(connection, [ROW])
        new_row.run_each(connection, [ROW | {"occurrence": "two"}, ROW | {"occurrence": "three"}])
    assert rows(engine) == [("one", "A"), ("three", "A"), ("two", "A")]


@pytest.mark.parametrize("twice", [[ROW], [ROW | {"occurrence": "two"}, ROW]])
def test_what_the_database_refuses_leaves_nothing_of_its_transaction(
    engine: Engine, new_row: Statement, twice: list[dict[str, object]]
) -> None:
    with engine.begin() as connection:
        new_row.run(connection, ROW)
    with engine.connect() as connection, connection.begin() as transaction:
        new_row.run(connection, ROW | {"occurrence": "before"})
        with pytest.raises(IntegrityError) as refused:
            new_row.run_each(connection, twice)
        transaction.rollback()
    assert rows(engine) == [("one", "A")]
    assert "'A'" not in str(refused.value), "what was written is not told"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_ended_is_told_and_replaced(engine: Engine, new_row: Statement) -> None:
    with pytest.raises(DBAPIError) as ended, engine.begin() as connection:
        execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert ended.value.connection_invalidated
    with engine.begin() as connection:
        new_row.run(connection, ROW)
    assert rows(engine) == [("one", "A")]
