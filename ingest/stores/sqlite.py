"""Readings in one SQLite file: a table a kind, rows ordered by series and time, read back by resident and metric.

A series is (site, device, resident). A reading is known by series, device time and `seq`; written again it changes
nothing, and written with further fields it gains them, as in InfluxDB. All work runs in one thread of its own,
so the event loop never waits for the disk.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.contract import Kind
from ingest.stores.contract import Block, Refused, StoreUnavailable, Tag
from ingest.stores.schema import FIELDS, Field, Form, filled

_SQL_TYPE: Final = {Form.REAL: "REAL", Form.INTEGER: "INTEGER", Form.TEXT: "TEXT", Form.SAMPLES: "BLOB"}
_DAY_MS: Final = 86_400_000
_PRUNE_EVERY_MS: Final = 3_600_000
#: A question for more points than this is one for a coarser answer.
POINTS: Final = 100_000

_Answer = TypeVar("_Answer")


class UnknownMetric(LookupError):
    """A metric that is no numeric field of any kind."""


@dataclass(frozen=True, slots=True)
class Points:
    """A metric over time, oldest first: device time (n,) in Unix ms and value (n,) in the field's unit."""

    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]


class SqliteStore:
    """Keeps readings for `keep_days` (None: for ever) in `path`; one writer, its own thread."""

    def __init__(
        self,
        path: Path | str,
        *,
        keep_samples: bool = True,
        keep_days: float | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._path = Path(path)
        self._keep_samples = keep_samples
        self._keep_ms = None if keep_days is None else round(keep_days * _DAY_MS)
        self._now_ms = now_ms
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-store")
        self._connection: sqlite3.Connection | None = None
        self._series: dict[Tag, int] = {}
        self._pruned_ms = 0

    async def open(self) -> None:
        """Open the file and make its tables; StoreUnavailable where it cannot be written."""
        await self._run(self._open)

    async def write(self, blocks: Sequence[Block]) -> Sequence[Refused]:
        """Store all blocks in one transaction; nothing is ever refused. StoreUnavailable while the disk refuses."""
        await self._run(lambda: self._write(blocks))
        return ()

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._run(self._close)
        self._thread.shutdown()

    async def series(self, resident: str, metric: str, start_ms: int, end_ms: int) -> Points:
        """A resident's `metric`, as ``vitals.heart_rate_bpm``, over [start_ms, end_ms); at most POINTS, the oldest.

        UnknownMetric where there is no such number. All the resident's devices of that kind are taken together.
        """
        kind, field = _metric(metric)
        return await self._run(lambda: self._points(resident, kind, field, start_ms, end_ms))

    async def count(self, kind: Kind) -> int:
        """Readings stored of a kind."""
        return await self._run(lambda: int(self._open().execute(f"SELECT count(*) FROM {kind}").fetchone()[0]))

    async def prune(self) -> int:
        """Remove what is older than is kept; returns the rows removed. Runs by itself every hour of writing."""
        return await self._run(self._prune)

    # -------------------------------------------------------------- in the thread

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=5.0)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                for statement in _TABLES:
                    connection.execute(statement)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._series.clear()

    def _write(self, blocks: Sequence[Block]) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for block in blocks:
                self._write_block(connection, block)
            connection.execute("COMMIT")
        except BaseException:
            self._series.clear()  # numbers given in this transaction are void
            connection.rollback()
            raise
        if self._keep_ms is not None and self._now_ms() - self._pruned_ms >= _PRUNE_EVERY_MS:
            self._prune()

    def _write_block(self, connection: sqlite3.Connection, block: Block) -> None:
        readings = block.readings
        numbers = np.array([self._number(connection, tag) for tag in block.tags], dtype=np.int64)
        columns = {f.field.name: f for f in filled(readings, keep_samples=self._keep_samples)}
        values: list[list[object]] = [numbers[readings.row].tolist(), readings.time_ms.tolist(), readings.seq.tolist()]
        for name in ("received_ms", "time_assumed", *(f.name for f in FIELDS[readings.KIND])):
            column = columns.get(name)
            if column is None:  # samples that are not kept
                values.append([None] * len(readings))
                continue
            objects = column.values.astype(np.object_)
            if name != "time_assumed":
                objects[~column.known] = None
            values.append(objects.tolist())
        connection.executemany(_INSERT[readings.KIND], zip(*values, strict=True))

    def _number(self, connection: sqlite3.Connection, tag: Tag) -> int:
        number = self._series.get(tag)
        if number is None:
            names = (tag.site, tag.device, tag.resident)
            connection.execute("INSERT OR IGNORE INTO series (site, device, resident) VALUES (?, ?, ?)", names)
            found = connection.execute(
                "SELECT number FROM series WHERE site = ? AND device = ? AND resident = ?", names
            ).fetchone()
            number = self._series[tag] = int(found[0])
        return number

    def _points(self, resident: str, kind: Kind, field: Field, start_ms: int, end_ms: int) -> Points:
        rows = (
            self._open()
            .execute(
                f"SELECT time_ms, {field.name} FROM {kind} WHERE series IN (SELECT number FROM series"
                f" WHERE resident = ?) AND time_ms >= ? AND time_ms < ? AND {field.name} IS NOT NULL"
                " ORDER BY time_ms, seq LIMIT ?",
                (resident, start_ms, end_ms, POINTS),
            )
            .fetchall()
        )
        pairs = np.array(rows, dtype=np.float64).reshape(-1, 2)  # Unix ms are exact in float64
        return Points(pairs[:, 0].astype(np.int64), pairs[:, 1])

    def _prune(self) -> int:
        if self._keep_ms is None:
            return 0
        connection = self._open()
        self._pruned_ms = self._now_ms()
        oldest_ms = self._pruned_ms - self._keep_ms
        removed = 0
        # Each series' old rows stand together at its beginning: one short transaction a table, no scan.
        for kind in Kind:
            removed += connection.execute(
                f"DELETE FROM {kind} WHERE series IN (SELECT number FROM series) AND time_ms < ?", (oldest_ms,)
            ).rowcount
        return removed


def _metric(metric: str) -> tuple[Kind, Field]:
    kind, _, name = metric.partition(".")
    if kind in Kind._value2member_map_:
        for field in FIELDS[Kind(kind)]:
            if field.name == name and field.form in (Form.REAL, Form.INTEGER):
                return Kind(kind), field
    raise UnknownMetric(metric)


def _table(kind: Kind) -> str:
    columns = "".join(f", {f.name} {_SQL_TYPE[f.form]}" for f in FIELDS[kind])
    return (
        f"CREATE TABLE IF NOT EXISTS {kind} (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, seq INTEGER NOT NULL,"
        f" received_ms INTEGER NOT NULL, time_assumed INTEGER NOT NULL{columns},"
        " PRIMARY KEY (series, time_ms, seq)) WITHOUT ROWID"
    )


def _insert(kind: Kind) -> str:
    names = ["series", "time_ms", "seq", "received_ms", "time_assumed", *(f.name for f in FIELDS[kind])]
    gained = ", ".join(f"{f.name} = coalesce(excluded.{f.name}, {f.name})" for f in FIELDS[kind])
    return (
        f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT DO UPDATE SET received_ms = excluded.received_ms, {gained}"
    )


_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS series (number INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL,"
    " resident TEXT NOT NULL, UNIQUE (site, device, resident))",
    "CREATE INDEX IF NOT EXISTS series_of_resident ON series (resident)",
    *(_table(kind) for kind in Kind),
)
_INSERT: Final = {kind: _insert(kind) for kind in Kind}
