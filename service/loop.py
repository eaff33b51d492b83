"""The page to read first: the whole way of a message.

    broker → listener → decode → readings ─┬→ bank → findings → desk (journal, outbox) → notify
                                           └→ inbox (spool, quarantine) → store
             listener ← acknowledge ← (findings journalled, and readings spooled or quarantined)

The unit of work is a batch: whatever one read of the socket held. Detection comes before storage, so a database
that is down never delays a fall, and the acknowledgement comes last, so a message is the broker's until it is
durable here. After a crash the broker delivers again; everything downstream is idempotent.

What else is known of a fall (`falls`) comes once it is journalled, as further findings. `sos` and `fall` have a lane of
their own, which looks at the next batch while those before it wait to become durable.
While an alarm is journalled, telemetry gives way to it (`right_of_way`).
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.alarm import Transition
from alerts.bank import Bank
from alerts.findings import Finding
from alerts.journal.desk import Desk
from ingest.clock import wall_clock_ms
from ingest.contract import URGENT_LANE, Lane
from ingest.decode import Decoded, Decoder
from ingest.listener import Batch, Session
from ingest.readings import AnyReadings
from service.falls import FallWatch
from service.inbox import Inbox
from service.memory import Memory
from service.metrics import Metrics
from service.right_of_way import RightOfWay

Unkept = asyncio.Queue[tuple[Batch, Decoded]]
log = logging.getLogger(__name__)
_PAUSE_S: Final = 1.0
_UNKEPT_BATCHES: Final = 2_000  # the receive window lets no more of QoS 1 come


@dataclass(frozen=True, slots=True)
class Watch:
    """What watches: the parts a message passes, in the order it passes them."""

    decoder: Decoder
    with_rates: Callable[[Decoded], Decoded]  # of raw bed signals
    bank: Bank
    desk: Desk
    falls: FallWatch
    inbox: Inbox
    memory: Memory
    metrics: Metrics
    clock_ms: Callable[[], int] = wall_clock_ms
    right_of_way: RightOfWay = field(default_factory=RightOfWay)

    def __post_init__(self) -> None:
        """From here on a fault of ours is told, and ends nobody's watching."""
        self.bank.on_fault = self.fault

    async def follow(self, lane: Lane, session: Session) -> None:
        """Watch over one lane for ever."""
        unkept: Unkept = asyncio.Queue(_UNKEPT_BATCHES)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keep(lane, session, unkept), name=f"{lane.name} keeping")
            async for batch in session.batches():
                if lane is not URGENT_LANE:
                    await self.right_of_way.given()
                decoded = self.rated(self.decoder.decode(batch.topics, batch.payloads, batch.received_ms, lane))
                findings = self.bank.update(decoded.readings, batch.received_ms)
                await self.tell(decoded.readings, findings, batch.received_ms)
                await unkept.put((batch, decoded))
                if lane is not URGENT_LANE:
                    await unkept.join()  # what arrives meanwhile makes the next batch a full one

    async def keep(self, lane: Lane, session: Session, unkept: Unkept) -> None:
        """Make batches durable and acknowledge them, in the order in which they came."""
        while True:
            batch, decoded = await unkept.get()
            await self.inbox.keep(decoded, self.decoder.directory)
            session.acknowledge(batch)
            self.metrics.batch(lane, batch, decoded, self.clock_ms())
            unkept.task_done()

    async def notice_silence(self) -> None:
        """Let time pass for the detectors: what is silent, overdue or not back sends no message of its own."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            await self.pass_time()

    async def pass_time(self) -> None:
        """Let the detectors notice what time it is."""
        time_ms = self.clock_ms()
        await self.tell((), self.bank.tick(time_ms), time_ms)

    async def tell(self, readings: Sequence[AnyReadings], findings: Sequence[Finding], received_ms: int) -> None:
        """Journal what was found, and what then becomes known of falls."""
        begun = await self.alarm(findings, received_ms)
        try:
            witnessed = self.falls.update(readings, findings, begun, received_ms)
        except Exception as error:  # the alarm is journalled: it stays as urgent as it was raised
            self.fault("falls", error)
        else:
            await self.alarm(witnessed, received_ms)

    def rated(self, decoded: Decoded) -> Decoded:
        """With the rates of raw bed signals."""
        try:
            return self.with_rates(decoded)
        except Exception as error:
            self.fault("bed_signal", error)
            return decoded

    def fault(self, part: str, error: Exception) -> None:
        """Tell of a fault of ours. Only where it happened is logged: what it says may hold what was measured."""
        self.metrics.fault(part)
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s: fault in our own code: %s\n%s", part, type(error).__name__, where)

    async def alarm(self, findings: Sequence[Finding], received_ms: int) -> list[Transition]:
        """Journal findings, however long the database takes: the detectors have forgotten them already."""
        begun: list[Transition] = []
        detected_ms = self.clock_ms()
        self.memory.hold()
        while findings:
            devices = self.decoder.directory.devices
            try:
                with self.right_of_way.taken():
                    begun = await self.desk.record(findings, devices, received_ms, self.clock_ms(), detected_ms)
                break
            except (OperationalError, InterfaceError) as error:
                self.metrics.journal_failed()
                log.error("%d findings wait for the journal: %s", len(findings), type(error).__name__)
                await self.inbox.make_room()
                await asyncio.sleep(_PAUSE_S)
        self.memory.release()
        return begun
