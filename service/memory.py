"""What the detectors remember, on disk: a restart goes on where it stopped."""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec
import numpy as np

from alerts.bank import BadState, Bank
from alerts.detectors.fall import WristFall
from ingest.decode import Decoder
from ingest.directory import Device, Directory

log = logging.getLogger(__name__)
_EVERY_S: Final = 30.0
#: So many rows are copied at once, which takes a millisecond at most: a press may wait for it.
_PIECE_ROWS: Final = 500
#: Of a large fleet a copy takes longer than half a minute rather than write more than this.
_MOST_BYTES_PER_S: Final = 8_000_000
#: After so many bytes they are brought to the disk: one large lot at the end would keep the journal's commit waiting.
_SYNC_BYTES: Final = 8_000_000
#: The beginning of the file. What begins otherwise was written by an earlier version, and is not read.
_MARK: Final = b"shouhu memory 2\n"
_LENGTH_BYTES: Final = 8
#: What lasts seconds is worth nothing half a minute later, when a crash calls for it; it is kept at a stop alone.
_MOMENTARY: Final = frozenset({WristFall.name})


class _Piece(msgspec.Struct, frozen=True):
    """The state of some rows, with whose they were: row numbers change when the fleet does."""

    devices: list[tuple[str, str]]
    bank: bytes


class _Copy:
    """A copy of the memory on its way to the disk, in the place of the last one when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        self._unsynced = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._stream is not None:
            self._stream.close()
        self._path.unlink(missing_ok=True)

    def add(self, piece: bytes) -> None:
        """Write a piece behind those before."""
        if self._stream is None:
            self._stream = self._path.open("wb")
            self._stream.write(_MARK)
        self._stream.write(len(piece).to_bytes(_LENGTH_BYTES, "little"))
        self._stream.write(piece)
        self._unsynced += len(piece)
        if self._unsynced >= _SYNC_BYTES:
            self.sync()

    def sync(self) -> None:
        """Bring to the disk what was written."""
        assert self._stream is not None
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._unsynced = 0

    def become(self, file: Path) -> None:
        """It is whole: let it be `file` from now on."""
        self.sync()
        self._path.replace(file)


class Memory:
    """The bank's state in one file, replaced by a whole one or not at all.

    It is copied piece by piece while everything goes on, so that a press never waits for a large fleet. Each row is
    as it was at one moment, and never with findings that no journal has: after a crash the broker delivers their
    readings again, and detectors that remembered these would find nothing new in them.
    """

    def __init__(
        self, bank: Bank, decoder: Decoder, file: Path, *, every_s: float = _EVERY_S, piece_rows: int = _PIECE_ROWS
    ) -> None:
        self._bank = bank
        self._decoder = decoder
        self._file = file
        self._every_s = every_s
        self._piece_rows = piece_rows
        self._unjournalled = 0
        self._journalled = asyncio.Event()
        # A thread may still be at a copy when the last one is made.
        self._writing = threading.Lock()
        self._over = False

    def hold(self) -> None:
        """From now on the detectors know more than the journal."""
        self._unjournalled += 1
        self._journalled.clear()

    def release(self) -> None:
        """The journal has caught up with one `hold`."""
        self._unjournalled -= 1
        if not self._unjournalled:
            self._journalled.set()

    def recall(self) -> None:
        """Give the bank its state back; what cannot be used is told and left alone, and begins anew."""
        anew: set[str] = set()
        try:
            for piece in self._pieces():
                anew.update(self._restored(piece))
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, BadState) as error:
            log.warning("detectors begin without memory where %s cannot be used: %s", self._file, error)
        if anew - _MOMENTARY:
            log.warning("detectors that begin without memory: %s", ", ".join(sorted(anew - _MOMENTARY)))

    async def keep(self) -> None:
        """Remember every half minute until cancelled, so that a crash costs little more than that."""
        while True:
            try:
                whole = await self.remember(self._every_s)
                while not whole:
                    whole = await self.remember(0.0)
            except OSError as error:
                log.error("the detectors' memory cannot be written: %s", error)
                await asyncio.sleep(self._every_s)

    async def remember(self, within_s: float) -> bool:
        """Make one copy in so many seconds, or as many as its size takes; False where the fleet changed meanwhile."""
        directory: Directory | None = None
        count = max(self._bank.count, 1)
        size = 0
        with _Copy(self._file.with_suffix(".new")) as copy:
            for begin in range(0, count, self._piece_rows):
                await asyncio.sleep(max(within_s * min(1.0, self._piece_rows / count), size / _MOST_BYTES_PER_S))
                while self._unjournalled:
                    await self._journalled.wait()
                directory = directory or self._decoder.directory
                if directory is not self._decoder.directory:
                    return False  # what is known of a resident may have moved from what follows to what is written
                piece = self._piece(begin, without=_MOMENTARY)
                size = await asyncio.to_thread(self._add, copy, piece)
            await asyncio.to_thread(self._replace, copy)
        return True

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Recall at the beginning, remember at the end."""
        self.recall()
        try:
            yield
        finally:
            self._finish()

    def _finish(self) -> None:
        """Make the last copy, of everything and at once."""
        if self._unjournalled:
            log.warning("the detectors' memory stays as it was: findings wait for the journal")
            return
        with self._writing:
            self._over = True
        try:
            with _Copy(self._file.with_suffix(".last")) as copy:
                for begin in range(0, max(self._bank.count, 1), self._piece_rows):
                    copy.add(self._piece(begin)())
                copy.become(self._file)
        except OSError as error:
            log.error("the detectors' memory cannot be written: %s", error)

    # -------------------------------------------------------------- pieces

    def _piece(self, begin: int, without: Collection[str] = ()) -> Callable[[], bytes]:
        """Some rows as they are now; what is returned makes bytes of them, in any thread."""
        end = min(begin + self._piece_rows, self._bank.count)
        devices = self._decoder.directory.devices[begin:end]
        return partial(_encoded, devices, self._bank.snapshot(begin, end, without))

    def _add(self, copy: _Copy, piece: Callable[[], bytes]) -> int:
        data = piece()
        with self._writing:
            copy.add(data)
        return len(data)

    def _replace(self, copy: _Copy) -> None:
        with self._writing:
            if not self._over:
                copy.become(self._file)

    def _pieces(self) -> Iterator[bytes]:
        with self._file.open("rb") as stream:
            if stream.read(len(_MARK)) != _MARK:
                raise BadState("it is of another version")
            while head := stream.read(_LENGTH_BYTES):
                length = int.from_bytes(head, "little")
                if len(head) < _LENGTH_BYTES or length > os.fstat(stream.fileno()).st_size - stream.tell():
                    raise BadState("it is cut short")
                yield stream.read(length)

    def _restored(self, data: bytes) -> tuple[str, ...]:
        """Give the bank one piece back; returns the names of detectors for which there was none that fits."""
        piece = msgspec.msgpack.decode(data, type=_Piece)
        row_of = self._decoder.directory.rows
        rows = np.array([row_of.get(device, -1) for device in piece.devices], dtype=np.int64)
        return self._bank.restore(piece.bank, rows)


def _encoded(devices: Sequence[Device], bank: Callable[[], bytes]) -> bytes:
    return msgspec.msgpack.encode(_Piece([(device.site, device.device) for device in devices], bank()))
