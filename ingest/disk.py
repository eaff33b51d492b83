"""When the disk does not take what must be durable, and room kept for what matters most."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DiskFull(OSError):
    """The disk does not take it; stop acknowledging and offer the same again later."""


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """SQLite's trouble with the disk as DiskFull, naming the file; a damaged file is not that and stays what it is."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise DiskFull(f"{path}: {error}") from error


class Reserve:
    """Room on a disk, held by a file: given up when the disk is full, so that alarms can still be written.

    It is taken back only once there is a quarter more room than it needs, so that it is not given and taken in turns.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._held = False

    def hold(self) -> None:
        """Have the room, or take it; DiskFull where there is not enough."""
        if self._held:
            return
        if not self._path.exists() or self._path.stat().st_size < self._size_bytes:
            free_bytes = shutil.disk_usage(self._path.parent).free
            if free_bytes < self._size_bytes * 5 // 4:
                raise DiskFull(f"{self._path.parent}: {free_bytes} bytes free are left to alarms")
            file = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(file, 0, self._size_bytes)
            finally:
                os.close(file)
        self._held = True

    def give(self) -> None:
        """Give the room up."""
        self._held = False
        self._path.unlink(missing_ok=True)
