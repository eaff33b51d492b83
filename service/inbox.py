"""Where a batch becomes durable before it is acknowledged: readings in the spool, the rejected in quarantine."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ingest.blocks import blocks_of
from ingest.decode import Decoded
from ingest.directory import Directory
from ingest.disk import Reserve
from ingest.quarantine import Quarantine
from ingest.spool import Spool, SpoolFull

log = logging.getLogger(__name__)
_RETRY_S: Final = 1.0


class Inbox:
    """Spool and quarantine for asyncio, behind one thread.

    `keep` returns when everything is on the disk. While the spool is full or the disk refuses, it waits and tries
    again: nothing is acknowledged meanwhile, so the broker keeps what comes, and the `reserve` is left to alarms.
    """

    def __init__(self, spool: Spool, quarantine: Quarantine, arrival: asyncio.Event, reserve: Reserve) -> None:
        self._spool = spool
        self._quarantine = quarantine
        self._arrival = arrival
        self._reserve = reserve
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")

    async def keep(self, decoded: Decoded, directory: Directory) -> None:
        """Make a batch durable."""
        blocks = blocks_of(decoded.readings, directory)
        # One after the other: when the quarantine has to wait, the readings are not spooled again.
        if blocks:
            await self._insist(lambda: self._spool.append(blocks))
            self._arrival.set()
        if decoded.rejected:
            await self._insist(lambda: self._quarantine.add(decoded.rejected))

    async def _insist(self, write: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._thread, self._write, write)
                return
            except (SpoolFull, OSError) as error:
                log.error("acknowledgements wait, the broker keeps what comes: %s", error)
                await asyncio.sleep(_RETRY_S)

    def _write(self, write: Callable[[], None]) -> None:
        self._reserve.hold()
        try:
            write()
        except OSError:
            self._reserve.give()
            raise

    async def make_room(self) -> None:
        """The journal cannot be written: if it is for want of room, here is some."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._reserve.give)

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()
