"""What is durable before a message is acknowledged: a bounded queue of blocks in one SQLite file.

Invariants:

1. When `append` returns, its blocks survive kill -9 and a power cut (WAL, synchronous=FULL, one commit an append).
   When it raises, none of them is in the spool.
2. Blocks come out in the order in which they went in; an append is one row and comes out whole.
3. A row leaves by `drop_through` alone, or, counted, by the policy ``drop_oldest``. Positions are never given
   twice, so dropping through an old position again, or after a crash, removes nothing new.
4. A row is never trusted: its checksum is compared when read. A damaged row is handed over beside the others
   and stands in nobody's way.
5. The payload never exceeds `max_bytes` but in two cases. One append larger than that is taken into an empty
   spool: it could otherwise never be taken, and its messages would be delivered for ever. And presses and falls
   are always taken: they are few and small, and whoever waits for room acknowledges no further press.
6. The newest rows, up to `FRESH_BYTES`, are kept in memory as well, each from its commit on: a store that keeps up
   costs no reading back. They are a copy and no more; what is not among them is read from the file.

Dropping is not synchronised to disk: after a power cut rows may be there again, and writing them again changes nothing.
"""

import sqlite3
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ingest.blocks import UnreadableBlock, from_bytes, merged, to_bytes
from ingest.clock import wall_clock_ms
from ingest.contract import URGENT
from ingest.disk import on_disk
from ingest.stores.contract import Block

WhenFull = Literal["wait", "drop_oldest"]

#: A portion is decoded in memory: it ends here even when its readings are few and large.
PORTION_BYTES: Final = 16_000_000
#: From the file no more is decoded in one piece, whatever was asked for: about a millisecond.
PIECE_READINGS: Final = 1_000
#: How much of the file is kept in memory as well, counted as it is on disk; decoded it is two to four times as much.
FRESH_BYTES: Final = 4_000_000
_BUSY_S: Final = 5.0


class SpoolFull(Exception):
    """The spool holds all it may; stop acknowledging and offer the same blocks again later."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that cannot be read: its bytes and why."""

    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Portion:
    """The oldest rows: drop through `position` when `blocks` are stored and `damaged` are in quarantine.

    Small blocks of a kind are put together, whatever rows they came from. `durable_ms`: since when the oldest row is
    on the disk, Unix ms; None where an earlier version wrote it.
    """

    position: int
    readings: int
    blocks: tuple[Block, ...]
    damaged: tuple[Damaged, ...]
    durable_ms: int | None


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A committed row that is in memory still."""

    position: int
    readings: int
    size: int
    blocks: tuple[Block, ...]
    durable_ms: int


class Spool:
    """The queue in `path`; may be used from any thread, one call at a time."""

    def __init__(
        self,
        path: Path | str,
        *,
        max_bytes: int = 2_000_000_000,
        when_full: WhenFull = "wait",
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        with on_disk(self._path):
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            # AUTOINCREMENT: a position is not given again when the newest row was dropped.
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS spool (position INTEGER PRIMARY KEY AUTOINCREMENT,"
                " readings INTEGER NOT NULL, bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL,"
                " durable_ms INTEGER)"
            )
            columns = {name for _, name, *_ in self._connection.execute("PRAGMA table_info(spool)")}
            if "durable_ms" not in columns:  # made by an earlier version
                self._connection.execute("ALTER TABLE spool ADD COLUMN durable_ms INTEGER")
            self._rows, self._depth, self._size_bytes = self._totals("1")
        self._dropped_readings = 0
        # The end of the queue, without gaps; what stands before it is on disk alone.
        self._fresh: deque[_Fresh] = deque()
        self._fresh_bytes = 0
        self._gone_through = 0

    @property
    def depth(self) -> int:
        """Readings waiting."""
        return self._depth

    @property
    def size_bytes(self) -> int:
        """Bytes of payload waiting."""
        return self._size_bytes

    @property
    def dropped_readings(self) -> int:
        """Readings given up by ``drop_oldest`` since this was opened."""
        return self._dropped_readings

    def append(self, blocks: Sequence[Block]) -> None:
        """Make blocks durable, all or none; SpoolFull under the policy ``wait``, DiskFull where the disk refuses."""
        readings = sum(len(block.readings) for block in blocks)
        if not readings:
            return
        urgent = all(block.readings.KIND in URGENT for block in blocks)
        data = to_bytes(blocks)
        size = len(data)
        gone_through = 0
        with self._lock:
            with on_disk(self._path), self._transaction():
                if self._size_bytes + size > self._max_bytes and self._rows and not urgent:
                    if self._when_full == "wait":
                        raise SpoolFull(
                            f"{self._path}: {self._size_bytes} of {self._max_bytes} bytes wait for the store"
                        )
                    gone_through = self._drop_oldest(self._size_bytes + size - self._max_bytes)
                durable_ms = self._clock_ms()
                position = self._connection.execute(
                    "INSERT INTO spool (readings, bytes, checksum, data, durable_ms) VALUES (?, ?, ?, ?, ?)",
                    (readings, size, zlib.crc32(data), data, durable_ms),
                ).lastrowid
                self._rows += 1
                self._depth += readings
                self._size_bytes += size
            assert position is not None
            self._forget(gone_through)
            self._remember(_Fresh(position, readings, size, tuple(blocks), durable_ms))

    def peek(self, limit_readings: int, *, after: int = 0) -> Portion | None:
        """The oldest rows after a position until `limit_readings` are reached, at least one; None if there is none.

        Rows that have to be read from the file end at `PIECE_READINGS`: decoding them holds other threads up.
        """
        with self._lock, on_disk(self._path):
            # Positions have no gaps, so what follows the last one seen or gone is the first copy, or on disk.
            if self._fresh and max(after, self._gone_through) + 1 >= self._fresh[0].position:
                return self._peek_fresh(limit_readings, after)
            rows = self._read(min(limit_readings, PIECE_READINGS), after)
        if not rows:
            return None
        blocks: list[Block] = []
        damaged: list[Damaged] = []
        for _, _, checksum, data, _ in rows:
            try:
                if zlib.crc32(data) != checksum:
                    raise UnreadableBlock("checksum differs")
                blocks += from_bytes(data)
            except UnreadableBlock as error:
                damaged.append(Damaged(bytes(data), str(error)))
        readings = sum(row[1] for row in rows)
        return Portion(rows[-1][0], readings, tuple(merged(blocks)), tuple(damaged), rows[0][4])

    def drop_through(self, position: int) -> None:
        """Forget the rows up to and including a position; again, or with an older one, changes nothing."""
        with self._lock, on_disk(self._path):
            # Losing this commit in a power cut costs a second writing of the same readings, no more.
            self._connection.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._transaction():
                    self._remove(position)
            finally:
                self._connection.execute("PRAGMA synchronous=FULL")
            self._forget(position)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    # -------------------------------------------------------------- within the lock

    def _totals(self, where: str, *values: int) -> tuple[int, int, int]:
        statement = f"SELECT count(*), coalesce(sum(readings), 0), coalesce(sum(bytes), 0) FROM spool WHERE {where}"
        rows, readings, size = self._connection.execute(statement, values).fetchone()
        return int(rows), int(readings), int(size)

    def _remember(self, fresh: _Fresh) -> None:
        """Keep a copy of the newest row, if need be instead of the oldest."""
        self._fresh.append(fresh)
        self._fresh_bytes += fresh.size
        while self._fresh_bytes > FRESH_BYTES:
            self._fresh_bytes -= self._fresh.popleft().size

    def _forget(self, position: int) -> None:
        """Let go of copies of rows that are gone for good."""
        self._gone_through = max(self._gone_through, position)
        while self._fresh and self._fresh[0].position <= position:
            self._fresh_bytes -= self._fresh.popleft().size

    def _peek_fresh(self, limit_readings: int, after: int) -> Portion | None:
        taken: list[_Fresh] = []
        readings = size = 0
        for row in self._fresh:
            if row.position <= after:
                continue
            taken.append(row)
            readings += row.readings
            size += row.size
            if readings >= limit_readings or size >= PORTION_BYTES:
                break
        if not taken:
            return None
        blocks = merged(block for row in taken for block in row.blocks)
        return Portion(taken[-1].position, readings, tuple(blocks), (), taken[0].durable_ms)

    def _read(self, limit_readings: int, after: int) -> list[tuple[int, int, int, bytes, int | None]]:
        """Rows from the file: position, readings, checksum, data, since when they are there."""
        rows: list[tuple[int, int, int, bytes, int | None]] = []
        readings = size = 0
        # Rows are read one by one, as each says how much it holds and the next may be too much.
        cursor = self._connection.execute(
            "SELECT position, readings, checksum, data, durable_ms FROM spool WHERE position > ? ORDER BY position",
            (after,),
        )
        for row in cursor:
            rows.append(row)
            readings += row[1]
            size += len(row[3])
            if readings >= limit_readings or size >= PORTION_BYTES:
                break
        cursor.close()
        return rows

    def _remove(self, position: int) -> int:
        rows, readings, size = self._totals("position <= ?", position)
        self._connection.execute("DELETE FROM spool WHERE position <= ?", (position,))
        self._rows -= rows
        self._depth -= readings
        self._size_bytes -= size
        return readings

    def _drop_oldest(self, size: int) -> int:
        """Make room for `size` bytes, or empty the spool; returns the last position dropped."""
        cursor = self._connection.execute("SELECT position, bytes FROM spool ORDER BY position")
        last = 0
        for position, held in cursor:
            last = position
            size -= held
            if size <= 0:
                break
        cursor.close()
        self._dropped_readings += self._remove(last)
        return last

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, in the file and in the counts."""
        counts = (self._rows, self._depth, self._size_bytes, self._dropped_readings)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._rows, self._depth, self._size_bytes, self._dropped_readings = counts
            if self._connection.in_transaction:  # SQLite itself has rolled back after some disk errors
                self._connection.execute("ROLLBACK")
            raise
