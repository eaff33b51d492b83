"""What the SQLite store does beside writing: hourly roll-ups, and forgetting by age and by size.

Raw readings are removed by whole hours and only after these were rolled up, so an hour's roll-up is of all its
readings. Every function works on a connection in autocommit and makes its own short transactions.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ingest.contract import Kind
from ingest.stores.schema import ROLLED_UP
from ingest.stores.sqlite_tables import HOUR_MS, ROLL_UP

DAY_MS: Final = 86_400_000
#: Removed down to this share of the limit, so that it is not at the limit again with the next reading.
_ROOM: Final = 0.9
#: The newest hours are never removed for their size: what was just acknowledged must be found.
_SPARED_MS: Final = 2 * HOUR_MS
#: Hours rolled up in one transaction: about a tenth of a second.
_HOURS_AT_ONCE: Final = 1_000
_REMOVED_BEFORE: Final = "removed_before_ms"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept: raw readings and roll-ups in days, and the size of all in bytes; None for no limit."""

    days: float | None = None
    rollup_days: float | None = None
    max_bytes: int | None = None


def hour_of(time_ms: int) -> int:
    """The beginning of the hour, Unix ms."""
    return time_ms // HOUR_MS * HOUR_MS


def roll_up(connection: sqlite3.Connection, now_ms: int) -> int:
    """Roll up every hour that is over and has readings it had not yet; the number of them.

    What arrives late for an hour whose other readings are gone leaves its roll-up as it is.
    """
    gone_ms = removed_before(connection)
    count = 0
    while True:
        stale = connection.execute(
            "SELECT kind, series, hour_ms FROM stale WHERE hour_ms < ? LIMIT ?", (hour_of(now_ms), _HOURS_AT_ONCE)
        ).fetchall()
        if not stale:
            return count
        with transaction(connection):
            for kind in ROLLED_UP:
                hours = [(series, hour_ms, HOUR_MS) for k, series, hour_ms in stale if k == kind and hour_ms >= gone_ms]
                connection.executemany(ROLL_UP[kind], hours)
                count += len(hours)
            connection.executemany("DELETE FROM stale WHERE kind = ? AND series = ? AND hour_ms = ?", stale)


def remove_old(connection: sqlite3.Connection, keeping: Keeping, now_ms: int) -> int:
    """Remove what is older than is kept; the number of raw readings removed."""
    removed = 0
    if keeping.days is not None:
        removed = _remove_before(connection, hour_of(now_ms - round(keeping.days * DAY_MS)))
    if keeping.rollup_days is not None:
        oldest_ms = hour_of(now_ms - round(keeping.rollup_days * DAY_MS))
        for kind in ROLLED_UP:
            _delete(connection, f"{kind}_hourly", oldest_ms)
    return removed


def remove_excess(connection: sqlite3.Connection, keeping: Keeping, now_ms: int) -> int:
    """Remove the oldest raw readings until the file holds nine tenths of what it may; the number removed.

    The file itself does not shrink: its free pages are filled again.
    """
    if keeping.max_bytes is None:
        return 0
    removed = 0
    last_ms = hour_of(now_ms) - _SPARED_MS
    cut_ms = _oldest(connection)
    while size_bytes(connection) > _ROOM * keeping.max_bytes and cut_ms is not None and cut_ms < last_ms:
        # A twentieth of the time there is, at least an hour: few steps, and little more than necessary.
        cut_ms = min(hour_of(cut_ms + max(HOUR_MS, (last_ms - cut_ms) // 20)), last_ms)
        removed += _remove_before(connection, cut_ms)
    return removed


def size_bytes(connection: sqlite3.Connection) -> int:
    """What the file holds, without its free pages; read from its header."""
    pages, free, page_bytes = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_bytes


def removed_before(connection: sqlite3.Connection) -> int:
    """Raw readings older than this (Unix ms) are gone; 0 where none were removed."""
    row = connection.execute("SELECT value FROM upkeep WHERE name = ?", (_REMOVED_BEFORE,)).fetchone()
    return 0 if row is None else int(row[0])


def _oldest(connection: sqlite3.Connection) -> int | None:
    # The first row of each series is one seek, so this reads no more than a page for each.
    found = [
        connection.execute(
            f"SELECT min((SELECT time_ms FROM {kind} WHERE series = number ORDER BY time_ms LIMIT 1)) FROM series"
        ).fetchone()[0]
        for kind in Kind
    ]
    return min((time_ms for time_ms in found if time_ms is not None), default=None)


def _remove_before(connection: sqlite3.Connection, time_ms: int) -> int:
    with transaction(connection):
        connection.execute(
            "INSERT INTO upkeep VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
            (_REMOVED_BEFORE, time_ms),
        )
    return sum(_delete(connection, kind, time_ms) for kind in Kind)


def _delete(connection: sqlite3.Connection, table: str, time_ms: int) -> int:
    # Each series' old rows stand together at its beginning: one short transaction a table, no scan.
    statement = f"DELETE FROM {table} WHERE series IN (SELECT number FROM series) AND time_ms < ?"
    return connection.execute(statement, (time_ms,)).rowcount


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
