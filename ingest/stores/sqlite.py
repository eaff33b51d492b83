"""Readings in one SQLite file: a table a kind, rows ordered by series and time, read back by resident and metric.

A series is (site, device, resident). A reading is known by series, device time and `seq`; written again it changes
nothing, and written with further fields it gains them, as in InfluxDB. All work runs in one thread of its own,
so the event loop never waits for the disk. Roll-ups and removal: sqlite_upkeep.py, questions: curve.py.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.clock import wall_clock_ms
from ingest.contract import Kind
from ingest.readings import Int, Motion
from ingest.stores import curve, raw_motion
from ingest.stores.contract import Block, Refused, StoreUnavailable, Tag
from ingest.stores.curve import Curve, metric_of
from ingest.stores.schema import FIELDS, ROLLED_UP, Field, filled
from ingest.stores.sqlite_tables import HOUR_MS, INSERT, make_tables
from ingest.stores.sqlite_upkeep import Keeping, hour_of, remove_excess, remove_old, roll_up, size_bytes, transaction

log = logging.getLogger(__name__)
#: A question for more points than this is one for a coarser answer.
POINTS: Final = 100_000

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Points:
    """A metric over time, oldest first: device time (n,) in Unix ms and value (n,) in the field's unit."""

    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]


class SqliteStore:
    """Keeps readings in `path`, as long and as many as `keeping` says; one writer, its own thread."""

    def __init__(
        self,
        path: Path | str,
        *,
        keep_samples: bool = True,
        keeping: Keeping | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._path = Path(path)
        self._keep_samples = keep_samples
        self._keeping = keeping or Keeping()
        self._now_ms = now_ms
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-store")
        self._connection: sqlite3.Connection | None = None
        self._made: list[str] = []
        self._series: dict[Tag, int] = {}
        #: Hours known to be marked as stale already, and the hour in which the upkeep was last done.
        self._stale: set[tuple[str, int, int]] = set()
        self._kept_hour_ms = -1
        self._is_overfull = False

    async def open(self) -> None:
        """Open the file and make its tables; StoreUnavailable where it cannot be written."""
        await self._run(self._open)

    async def init(self) -> list[str]:
        """Open the file, and roll up what is due; the names of the tables that had to be made."""
        await self._run(self._open)
        await self._run(self._upkeep)
        made, self._made = self._made, []
        return made

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
        kind, field = metric_of(metric)
        return await self._run(lambda: self._points(resident, kind, field, start_ms, end_ms))

    async def count(self, kind: Kind) -> int:
        """Readings stored of a kind."""
        return await self._run(lambda: int(self._open().execute(f"SELECT count(*) FROM {kind}").fetchone()[0]))

    async def curve(self, resident: str, metric: str, start_ms: int, end_ms: int, points: int) -> Curve:
        """A resident's `metric` over [start_ms, end_ms) in at most `points` stretches; UnknownMetric."""
        asked = metric_of(metric)

        def work() -> Curve:
            connection, now_ms = self._open(), self._now_ms()
            return curve.ask(
                connection, resident, asked, start_ms, end_ms, points, now_ms, lambda: roll_up(connection, now_ms)
            )

        return await self._run(work)

    async def motion(self, resident: str, start_ms: int, end_ms: int) -> list[tuple[Tag, Motion]]:
        """A resident's raw motion of [start_ms, end_ms), a device each; empty where samples are not kept."""
        return await self._run(lambda: raw_motion.ask(self._open(), resident, start_ms, end_ms))

    async def upkeep(self) -> int:
        """Roll up and remove what is due; returns the raw readings removed. Runs by itself every hour of writing."""
        return await self._run(self._upkeep)

    async def size_bytes(self) -> int:
        """What the file holds."""
        return await self._run(lambda: size_bytes(self._open()))

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
                self._made = make_tables(connection)
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
        try:
            with transaction(connection):
                for block in blocks:
                    self._write_block(connection, block)
        except BaseException:
            self._series.clear()  # numbers given in this transaction are void, and so are its marks
            self._stale.clear()
            raise
        now_ms = self._now_ms()
        if hour_of(now_ms) != self._kept_hour_ms:
            self._upkeep()
        elif self._keeping.max_bytes is not None and size_bytes(connection) > self._keeping.max_bytes:
            self._make_room(connection, now_ms)

    def _upkeep(self) -> int:
        connection, now_ms = self._open(), self._now_ms()
        self._stale.clear()
        roll_up(connection, now_ms)
        removed = remove_old(connection, self._keeping, now_ms)
        if self._keeping.max_bytes is not None and size_bytes(connection) > self._keeping.max_bytes:
            removed += self._make_room(connection, now_ms)
        self._kept_hour_ms = hour_of(now_ms)
        return removed

    def _make_room(self, connection: sqlite3.Connection, now_ms: int) -> int:
        if self._is_overfull and hour_of(now_ms) == self._kept_hour_ms:
            return 0  # said and tried this hour already: nothing was old enough
        self._stale.clear()
        roll_up(connection, now_ms)
        removed = remove_excess(connection, self._keeping, now_ms)
        self._is_overfull = size_bytes(connection) > (self._keeping.max_bytes or 0)
        if self._is_overfull:
            log.warning("%s: the last two hours alone exceed %s bytes", self._path, self._keeping.max_bytes)
        else:
            log.info("%s: full; the oldest %d readings were removed", self._path, removed)
        return removed

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
        connection.executemany(INSERT[readings.KIND], zip(*values, strict=True))
        if readings.KIND in ROLLED_UP:
            self._mark(connection, readings.KIND.value, numbers[readings.row], readings.time_ms)

    def _mark(self, connection: sqlite3.Connection, kind: str, series: Int, time_ms: Int) -> None:
        """Mark the hours of readings as to be rolled up (again)."""
        hours = set(zip(repeat(kind), series.tolist(), (time_ms // HOUR_MS * HOUR_MS).tolist()))
        hours -= self._stale
        connection.executemany("INSERT OR IGNORE INTO stale VALUES (?, ?, ?)", hours)
        self._stale |= hours

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
