"""When the disk does not take what must be durable."""

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
