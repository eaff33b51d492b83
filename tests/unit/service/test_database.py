"""When a commit is on the disk: always, but for what may be done twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from alerts.journal.schema import UNFLUSHED
from service.database import make_engine

_NORMAL, _FULL = 1, 2  # PRAGMA synchronous


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/new/shouhu.db")
    yield made
    made.dispose()


def flushes(engine: Engine) -> int:
    """How the commit of a transaction is brought to the disk."""
    with engine.begin() as connection:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


def test_a_commit_is_flushed_but_where_it_may_be_undone(engine: Engine) -> None:
    unflushed = engine.execution_options(**UNFLUSHED)
    assert [flushes(one) for one in (engine, unflushed, unflushed, engine)] == [_FULL, _NORMAL, _NORMAL, _FULL]


def test_a_failure_without_flush_leaves_the_next_commit_flushed(engine: Engine) -> None:
    with engine.execution_options(**UNFLUSHED).connect() as connection:
        connection.begin()
        with pytest.raises(OperationalError):
            connection.exec_driver_sql("SELECT nothing_of_this_kind")
    assert flushes(engine) == _FULL


def test_a_lock_that_is_not_given_leaves_the_next_commit_flushed(engine: Engine, tmp_path: Path) -> None:
    unflushed = engine.execution_options(**UNFLUSHED)
    with engine.connect() as waiting:
        waiting.exec_driver_sql("PRAGMA busy_timeout = 0")
    other = make_engine(f"sqlite:///{tmp_path}/new/shouhu.db")
    with other.begin(), pytest.raises(OperationalError, match="locked"):
        flushes(unflushed)
    other.dispose()
    assert flushes(engine) == _FULL


def test_a_database_in_memory_has_nothing_to_flush() -> None:
    engine = make_engine("sqlite://")
    assert [flushes(one) for one in (engine.execution_options(**UNFLUSHED), engine)] == [_FULL, _FULL]
    engine.dispose()
