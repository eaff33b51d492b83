"""Where a batch becomes durable before it is acknowledged: readings in the spool, the rejected in quarantine."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ingest.blocks import blocks_of
from ingest.decode import Decoded
from ingest.directory import Directory
from ingest.quarantine import Quarantine
from ingest.rejected import Rejected
from ingest.spool import Spool, SpoolFull
from ingest.stores.contract import Block

log = logging.getLogger(__name__)
_RETRY_S: Final = 1.0


class Inbox:
    """Spool and quarantine for asyncio, behind one thread.

    `keep` returns when everything is on the disk. While the spool is full or the disk refuses, it waits and tries
    again: nothing is acknowledged meanwhile, so the broker keeps what comes.
    """

    def __init__(self, spool: Spool, quarantine: Quarantine, arrival: asyncio.Event) -> None:
        self._spool = spool
        self._quarantine = quarantine
        self._arrival = arrival
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")

    async def keep(self, decoded: Decoded, directory: Directory) -> None:
        """Make a batch durable."""
        blocks = blocks_of(decoded.readings, directory)
        if not blocks and not decoded.rejected:
            return
        loop = asyncio.get_running_loop()
        rejected = decoded.rejected
        while True:
            try:
                await loop.run_in_executor(self._thread, self._write, blocks, rejected)
            except (SpoolFull, OSError) as error:
                log.error("acknowledgements wait, the broker keeps what comes: %s", error)
                await asyncio.sleep(_RETRY_S)
            else:
                self._arrival.set()
                return

    def _write(self, blocks: list[Block], rejected: tuple[Rejected, ...]) -> None:
        if blocks:
            self._spool.append(blocks)
        if rejected:
            self._quarantine.add(rejected)

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()
