"""What the detectors remember, on disk: a restart goes on where it stopped."""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from alerts.bank import BadState, Bank
from ingest.decode import Decoder
from ingest.directory import Device

log = logging.getLogger(__name__)
_EVERY_S: Final = 30.0


class _Remembered(msgspec.Struct, frozen=True):
    """A bank's state with whose rows they were: row numbers change when the fleet does."""

    devices: list[tuple[str, str]]
    bank: bytes


class Memory:
    """The bank's state in one file, written whole or not at all.

    Never with findings that no journal has: after a crash the broker delivers their readings again, and detectors
    that remembered these would find nothing new in them.
    """

    def __init__(self, bank: Bank, decoder: Decoder, file: Path) -> None:
        self._bank = bank
        self._decoder = decoder
        self._file = file
        self._unjournalled = 0
        self._taken = 0  # snapshots so far
        self._written = 0  # the latest of them on the disk
        self._writing = threading.Lock()

    def hold(self) -> None:
        """From now on the detectors know more than the journal."""
        self._unjournalled += 1

    def release(self) -> None:
        """The journal has caught up with one `hold`."""
        self._unjournalled -= 1

    def recall(self) -> None:
        """Give the bank its state back; a file that cannot be used is told and left alone, and all begins anew."""
        try:
            remembered = msgspec.msgpack.decode(self._file.read_bytes(), type=_Remembered)
            row_of = self._decoder.directory.rows
            rows = np.array([row_of.get(device, -1) for device in remembered.devices], dtype=np.int64)
            anew = self._bank.restore(remembered.bank, rows)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, BadState) as error:
            log.warning("the detectors begin without memory, %s cannot be used: %s", self._file, error)
            return
        if anew:
            log.warning("detectors that begin without memory: %s", ", ".join(anew))

    def snapshot(self) -> Callable[[], None] | None:
        """The state as it is now; what is returned writes it to the disk, in any thread. None: not now."""
        if self._unjournalled:
            log.warning("the detectors' memory stays as it was: findings wait for the journal")
            return None
        self._taken += 1
        return partial(self._write, self._taken, self._decoder.directory.devices, self._bank.snapshot())

    def _write(self, number: int, devices: Sequence[Device], encoded: Callable[[], bytes]) -> None:
        data = msgspec.msgpack.encode(_Remembered([(device.site, device.device) for device in devices], encoded()))
        new = self._file.with_suffix(".new")
        with self._writing:
            if number < self._written:
                return  # a later one was faster
            try:
                with new.open("wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                new.replace(self._file)
            except OSError as error:
                log.error("the detectors' memory cannot be written: %s", error)
            else:
                self._written = number

    async def keep(self) -> None:
        """Remember every half minute until cancelled, so that a crash costs no more than that."""
        while True:
            await asyncio.sleep(_EVERY_S)
            write = self.snapshot()
            if write is not None:
                # Of a large fleet it is a hundred megabytes: no press waits while they are written.
                await asyncio.to_thread(write)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Recall at the beginning, remember at the end."""
        self.recall()
        try:
            yield
        finally:
            write = self.snapshot()
            if write is not None:
                write()
