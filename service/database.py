"""The database of registry and journal: SQLite by default, PostgreSQL by URL."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import StaticPool

from alerts.journal.statements import execute

#: How long a writer waits for another process (such as an import of the fleet) to finish writing.
_BUSY_MS: Final = 10_000
#: Pages of 4 KB in the write-ahead log from which on a commit moves them into the database itself.
_WAL_PAGES: Final = 10_000
#: Executions with this option only read, so on SQLite they never wait for a writer.
READ_ONLY: Final = {"shouhu_read_only": True}


def make_engine(url: str | URL) -> Engine:
    """An engine on `url`; on SQLite a commit is on disk when it returns (WAL, synchronous=FULL).

    A commit of an engine with the option `shouhu_unflushed` is on disk with the next one of another: the end of the
    process does not undo it, a power cut may. The folder of an SQLite file is made. Nothing is connected yet; what
    cannot be reached raises at first use.
    """
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        return create_engine(address, pool_pre_ping=True)
    in_memory = address.database in (None, "", ":memory:")
    if in_memory:
        # One connection for all threads: each connection to :memory: would be a database of its own.
        engine = create_engine(address, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(engine, "begin", _spare_flush)
        event.listen(engine, "checkin", _flush_again)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # Python's sqlite3 would begin transactions by itself, late; `_begin` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    # The journal's upkeep does it, beside the commits; a commit does it only where that has not come to it for long.
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _spare_flush(connection: Connection) -> None:
    if connection.get_execution_options().get("shouhu_unflushed", False):
        execute(connection, "PRAGMA synchronous = NORMAL")
        connection.info["unflushed"] = True


def _flush_again(connection: Any, record: Any) -> None:
    # Not when the next transaction begins, which may be a press.
    if record.info.pop("unflushed", False) and connection is not None:
        connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later can fail at once with "database is locked"; taking the
    # write lock at the beginning waits for it instead.
    read_only = connection.get_execution_options().get("shouhu_read_only", False)
    execute(connection, "BEGIN" if read_only else "BEGIN IMMEDIATE")
