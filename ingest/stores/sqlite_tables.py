"""The tables of the SQLite store: one a kind, one of hourly roll-ups for the kinds that are drawn over months.

`stale` names the hours (of a kind and series) whose roll-up is yet to be made; `upkeep` holds what the store knows
of itself, such as up to when raw readings were removed.
"""

import sqlite3
from typing import Final

from ingest.contract import Kind
from ingest.stores.schema import FIELDS, ROLLED_UP, SUMMARIES, Field, Form, is_number

HOUR_MS: Final = 3_600_000
_SQL_TYPE: Final = {Form.REAL: "REAL", Form.INTEGER: "INTEGER", Form.TEXT: "TEXT", Form.SAMPLES: "BLOB"}


def numbers_of(kind: Kind) -> tuple[Field, ...]:
    """The fields of a kind that can be drawn."""
    return tuple(field for field in FIELDS[kind] if is_number(field))


def _table(kind: Kind) -> str:
    columns = "".join(f", {f.name} {_SQL_TYPE[f.form]}" for f in FIELDS[kind])
    return (
        f"CREATE TABLE IF NOT EXISTS {kind} (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, seq INTEGER NOT NULL,"
        f" received_ms INTEGER NOT NULL, time_assumed INTEGER NOT NULL{columns},"
        " PRIMARY KEY (series, time_ms, seq)) WITHOUT ROWID"
    )


def _hourly_table(kind: Kind) -> str:
    columns = "".join(f", {f.name}_{what} REAL" for f in numbers_of(kind) for what in SUMMARIES)
    return (
        f"CREATE TABLE IF NOT EXISTS {kind}_hourly (series INTEGER NOT NULL, time_ms INTEGER NOT NULL{columns},"
        " PRIMARY KEY (series, time_ms)) WITHOUT ROWID"
    )


def _insert(kind: Kind) -> str:
    names = ["series", "time_ms", "seq", "received_ms", "time_assumed", *(f.name for f in FIELDS[kind])]
    gained = ", ".join(f"{f.name} = coalesce(excluded.{f.name}, {f.name})" for f in FIELDS[kind])
    return (
        f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT DO UPDATE SET received_ms = excluded.received_ms, {gained}"
    )


def _roll_up(kind: Kind) -> str:
    function = {"mean": "avg", "min": "min", "max": "max", "count": "count"}
    columns = ", ".join(f"{function[what]}({f.name})" for f in numbers_of(kind) for what in SUMMARIES)
    return (
        f"INSERT OR REPLACE INTO {kind}_hourly SELECT series, ?2, {columns} FROM {kind}"
        " WHERE series = ?1 AND time_ms >= ?2 AND time_ms < ?2 + ?3 GROUP BY series"
    )


TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS series (number INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL,"
    " resident TEXT NOT NULL, UNIQUE (site, device, resident))",
    "CREATE INDEX IF NOT EXISTS series_of_resident ON series (resident)",
    *(_table(kind) for kind in Kind),
    *(_hourly_table(kind) for kind in ROLLED_UP),
    "CREATE TABLE IF NOT EXISTS stale (kind TEXT NOT NULL, series INTEGER NOT NULL, hour_ms INTEGER NOT NULL,"
    " PRIMARY KEY (kind, series, hour_ms)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS upkeep (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
#: series, time_ms, seq, received_ms, time_assumed, then the kind's fields.
INSERT: Final = {kind: _insert(kind) for kind in Kind}
#: series, hour_ms, HOUR_MS.
ROLL_UP: Final = {kind: _roll_up(kind) for kind in ROLLED_UP}


def make_tables(connection: sqlite3.Connection) -> list[str]:
    """Make what is missing, in one transaction; the names of the tables made.

    A file from before there were roll-ups has all its hours marked, so that they are rolled up.
    """
    before = table_names(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in TABLES:
            connection.execute(statement)
        if "stale" not in before:
            for kind in ROLLED_UP:
                connection.execute(
                    f"INSERT OR IGNORE INTO stale SELECT DISTINCT ?, series, time_ms / ?2 * ?2 FROM {kind}",
                    (kind.value, HOUR_MS),
                )
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return sorted(table_names(connection) - before)


def table_names(connection: sqlite3.Connection) -> set[str]:
    """The tables there are."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
