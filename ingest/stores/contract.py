"""What every store is: takes blocks of readings, whole, as often as they are handed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ingest.readings import AnyReadings


class Tag(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose readings a row holds, as stored: identifiers only, '' for a device without a resident.

    One is made for every device of every batch, so it is of the kind that is made and written to disk fastest.
    """

    site: str
    device: str
    resident: str


@dataclass(frozen=True, slots=True)
class Block:
    """Readings of one kind with the tags of their rows: `readings.row` indexes `tags`, not the directory."""

    readings: AnyReadings
    tags: tuple[Tag, ...]


class StoreUnavailable(Exception):
    """The store cannot take anything now; the same blocks are to be offered again after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading the store will never take: its line (or its like) and the store's own reason."""

    line: bytes
    reason: str


class Store(Protocol):
    """Writing is idempotent: the same block twice leaves one copy."""

    async def open(self) -> None:
        """Make ready what the store needs; StoreUnavailable where it cannot be reached."""
        ...

    async def write(self, blocks: Sequence[Block]) -> Sequence[Refused]:
        """Store all blocks durably; returns what was refused for good; StoreUnavailable where nothing is certain."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
