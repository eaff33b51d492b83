"""Rejected readings, kept for an integrator to read: a bounded table in one SQLite file, and counts for good.

When `add` returns, the rejected are on disk (WAL, synchronous=FULL, one commit). The oldest make room for the
newest; the count of every reason goes on. A payload is cut, its true length and SHA-256 are kept.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.disk import on_disk
from ingest.rejected import Rejected

#: Enough to see what is wrong, too little to fill a disk.
PAYLOAD_BYTES: Final = 4_096
_TEXT_CHARS: Final = 512
_SET_UP: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "CREATE TABLE IF NOT EXISTS quarantine (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " received_ms INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,"
    " payload BLOB NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS counts (reason TEXT PRIMARY KEY, readings INTEGER NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A rejected reading as kept; `payload` are the first bytes, `size_bytes` and `sha256` are of the whole."""

    number: int
    received_ms: int
    topic: str
    reason: str
    detail: str
    payload: bytes
    size_bytes: int
    sha256: str


class Quarantine:
    """The table in `path`; may be used from any thread, one call at a time."""

    def __init__(self, path: Path | str, *, max_rows: int = 10_000, payload_bytes: int = PAYLOAD_BYTES) -> None:
        self._path = Path(path)
        self._max_rows = max_rows
        self._payload_bytes = payload_bytes
        self._lock = threading.Lock()
        with on_disk(self._path):
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=5.0, check_same_thread=False)
            for statement in _SET_UP:
                self._connection.execute(statement)

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Keep and count rejected readings, all or none; DiskFull where the disk refuses."""
        if not rejected:
            return
        counts: dict[str, int] = {}
        for each in rejected:
            counts[each.reason.value] = counts.get(each.reason.value, 0) + 1
        # What would be pushed out by its own successors is counted, but not written first.
        kept = rejected[-self._max_rows :]
        with self._lock, on_disk(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT INTO quarantine (received_ms, topic, reason, detail, payload, size_bytes, sha256)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [self._row(each) for each in kept],
                )
                self._connection.execute(
                    "DELETE FROM quarantine WHERE number <= (SELECT max(number) FROM quarantine) - ?", (self._max_rows,)
                )
                self._connection.executemany(
                    "INSERT INTO counts VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET readings = readings + excluded.readings",
                    list(counts.items()),
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself has rolled back after some disk errors
                    self._connection.execute("ROLLBACK")
                raise

    def recent(self, limit: int) -> list[Quarantined]:
        """The newest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, received_ms, topic, reason, detail, payload, size_bytes, sha256"
                " FROM quarantine ORDER BY number DESC LIMIT ?",
                (max(0, limit),),
            ).fetchall()
        return [Quarantined(*row) for row in rows]

    def counts(self) -> Mapping[str, int]:
        """Readings rejected by reason since the file was made, those no longer kept included."""
        with self._lock:
            return dict(self._connection.execute("SELECT reason, readings FROM counts ORDER BY reason").fetchall())

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _row(self, rejected: Rejected) -> tuple[int, str, str, str, bytes, int, str]:
        payload = rejected.payload
        return (
            rejected.received_ms,
            _writable(rejected.topic),
            rejected.reason.value,
            _writable(rejected.detail),
            payload[: self._payload_bytes],
            len(payload),
            hashlib.sha256(payload).hexdigest(),
        )


def _writable(text: str) -> str:
    """Text cut to size; a lone surrogate, which SQLite cannot store, is shown escaped."""
    return text[:_TEXT_CHARS].encode("utf-8", "backslashreplace").decode()
