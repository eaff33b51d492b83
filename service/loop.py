"""The page to read first: the whole way of a message.

    broker → listener → decode → readings ─┬→ bank → findings → desk (journal, outbox) → notify
                                           └→ inbox (spool, quarantine) → store
             listener ← acknowledge ← (findings journalled, and readings spooled or quarantined)

The unit of work is a batch: whatever one read of the socket held. Detection comes before storage, so a database
that is down never delays a fall, and the acknowledgement comes last, so a message is the broker's until it is
durable here. After a crash the broker delivers again; everything downstream is idempotent.

Two lanes run side by side: `sos` and `fall` have a session of their own, so no backlog stands before a press.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.bank import Bank
from alerts.desk import Desk
from alerts.findings import Finding
from ingest.contract import Lane
from ingest.decode import Decoder
from ingest.listener import Session
from service.inbox import Inbox
from service.metrics import Metrics

log = logging.getLogger(__name__)
_TICK_S: Final = 1.0
_RETRY_S: Final = 1.0


def now_ms() -> int:
    """The time of day in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Watch:
    """What watches: the parts a message passes, in the order it passes them."""

    decoder: Decoder
    bank: Bank
    desk: Desk
    inbox: Inbox
    metrics: Metrics
    clock_ms: Callable[[], int] = now_ms

    async def follow(self, lane: Lane, session: Session) -> None:
        """Watch over one lane for ever."""
        async for batch in session.batches():
            decoded = self.decoder.decode(batch.topics, batch.payloads, batch.received_ms, lane)
            findings = self.bank.update(decoded.readings, batch.received_ms)
            await self.alarm(findings, batch.received_ms)
            await self.inbox.keep(decoded, self.decoder.directory)
            session.acknowledge(batch)
            self.metrics.batch(lane, batch, decoded, self.clock_ms())

    async def notice_silence(self) -> None:
        """Let time pass for the detectors: what is silent, overdue or not back sends no message of its own."""
        while True:
            await asyncio.sleep(_TICK_S)
            time_ms = self.clock_ms()
            await self.alarm(self.bank.tick(time_ms), time_ms)

    async def alarm(self, findings: Sequence[Finding], received_ms: int) -> None:
        """Journal findings, however long the database takes: the detectors have forgotten them already."""
        while findings:
            try:
                devices = self.decoder.directory.devices
                await self.desk.record(findings, devices, received_ms, self.clock_ms())
                return
            except (OperationalError, InterfaceError) as error:
                self.metrics.journal_failed()
                log.error("%d findings wait for the journal: %s", len(findings), type(error).__name__)
                await asyncio.sleep(_RETRY_S)
