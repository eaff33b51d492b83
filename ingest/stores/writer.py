"""From the spool to the store: what waits on disk is written in batches, again and again until it is stored.

A portion is dropped from the spool only after the store took it and what it refused is in quarantine, so a crash
anywhere between costs a second writing and loses nothing.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ingest.clock import wall_clock_ms
from ingest.quarantine import Quarantine
from ingest.rejected import Reason, Rejected
from ingest.spool import Portion, Spool
from ingest.stores.contract import Refused, Store, StoreUnavailable
from ingest.stores.lines import topic_of_line

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How the writing goes; `drain` keeps it, anybody may read it."""

    stored_readings: int = 0
    refused_readings: int = 0
    attempts_failed: int = 0
    #: Since when the store takes nothing (Unix ms), and its own words; None while it works.
    unavailable_since_ms: int | None = None
    unavailable_reason: str | None = None
    #: When a portion was last stored, Unix ms.
    stored_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """How long the oldest reading of a write was under way, in seconds: since its receipt, and since it was durable.

    `durable_s` is None where an earlier version spooled it.
    """

    received_s: float
    durable_s: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How eagerly it is written: batch size, time for a batch to fill, and waiting between attempts (seconds).

    A server may ask for `longest_asked_s` at most: a slip of its operator must not end the storing.
    """

    batch_readings: int = 5_000
    linger_s: float = 0.2
    first_retry_s: float = 0.5
    longest_retry_s: float = 30.0
    longest_asked_s: float = 3600.0


async def drain(
    spool: Spool,
    store: Store,
    quarantine: Quarantine,
    wake: asyncio.Event,
    *,
    progress: Progress | None = None,
    pace: Pace | None = None,
    clock_ms: Callable[[], int] = wall_clock_ms,
    on_stored: Callable[[Lag], None] = lambda _: None,
    on_rejected: Callable[[Sequence[Rejected]], None] = lambda _: None,
) -> None:
    """Open the store and move the spool into it for ever, until cancelled.

    `wake` is set by whoever appends. A store that is away is tried again after twice the time, at most
    `longest_retry_s`, or when it says (Retry-After), with jitter so that a fleet of services does not come at once.
    `on_stored` is told after every batch how long the oldest reading in it was under way, `on_rejected` what
    of it is in quarantine.
    """
    writer = _Writer(spool, store, quarantine, progress or Progress(), pace or Pace(), clock_ms, on_stored, on_rejected)
    await writer.insist(store.open)
    while True:
        wake.clear()
        if not spool.depth:
            await wake.wait()
        # A request costs the same for one reading as for hundreds: let the batch fill unless it has.
        if spool.depth < writer.pace.batch_readings:
            await asyncio.sleep(writer.pace.linger_s)
        await writer.move()


@dataclass(frozen=True, slots=True)
class _Writer:
    spool: Spool
    store: Store
    quarantine: Quarantine
    progress: Progress
    pace: Pace
    clock_ms: Callable[[], int]
    on_stored: Callable[[Lag], None]
    on_rejected: Callable[[Sequence[Rejected]], None]

    async def move(self) -> None:
        """Move one batch."""
        portions = await self._next()
        if not portions:
            return
        blocks = [block for portion in portions for block in portion.blocks]
        refused: Sequence[Refused] = ()

        async def write() -> None:
            nonlocal refused
            refused = await self.store.write(blocks)

        await self.insist(write)
        rejected = self._rejected(refused, portions)
        if rejected:
            await self.insist(lambda: asyncio.to_thread(self.quarantine.add, rejected))
            self.on_rejected(rejected)
        self.progress.refused_readings += len(rejected)
        self.progress.stored_readings += sum(len(b.readings) for b in blocks) - len(refused)
        self.progress.stored_ms = self.clock_ms()
        if blocks:  # all rows may have been damaged
            received_ms = min(int(block.readings.received_ms.min()) for block in blocks)
            durable_ms, stored_ms = portions[0].durable_ms, self.progress.stored_ms
            durable_s = None if durable_ms is None else (stored_ms - durable_ms) / 1000
            self.on_stored(Lag((stored_ms - received_ms) / 1000, durable_s))
        position = portions[-1].position
        await self.insist(lambda: asyncio.to_thread(self.spool.drop_through, position))

    async def _next(self) -> list[Portion]:
        """The oldest rows, read piece by piece so that nobody waits for the whole."""
        portions: list[Portion] = []
        readings = after = 0
        while readings < self.pace.batch_readings:
            portion = await asyncio.to_thread(self.spool.peek, self.pace.batch_readings - readings, after=after)
            if portion is None:
                break
            portions.append(portion)
            readings += portion.readings
            after = portion.position
        return portions

    async def insist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Await `attempt()` until it succeeds; StoreUnavailable and OSError mean later, all else is an error."""
        wait_s = self.pace.first_retry_s
        while True:
            try:
                await attempt()
            except (StoreUnavailable, OSError) as error:
                asked_s = error.retry_after_s if isinstance(error, StoreUnavailable) else None
                self._failed(error)
            else:
                self._worked()
                return
            # Half fixed, half drawn: never at once, never all together.
            asked_s = min(asked_s or 0.0, self.pace.longest_asked_s)
            await asyncio.sleep(asked_s + wait_s * random.uniform(0.5, 1.0))
            wait_s = min(2 * wait_s, self.pace.longest_retry_s)

    def _failed(self, error: Exception) -> None:
        self.progress.attempts_failed += 1
        self.progress.unavailable_reason = str(error)
        if self.progress.unavailable_since_ms is None:
            self.progress.unavailable_since_ms = self.clock_ms()
            log.warning("the store is away, readings wait on disk: %s", error)

    def _worked(self) -> None:
        since_ms = self.progress.unavailable_since_ms
        if since_ms is not None:
            log.warning("the store is back after %.1f s", (self.clock_ms() - since_ms) / 1000)
        self.progress.unavailable_since_ms = self.progress.unavailable_reason = None

    def _rejected(self, refused: Sequence[Refused], portions: Sequence[Portion]) -> list[Rejected]:
        time_ms = self.clock_ms()
        why = Reason.REFUSED_BY_STORE
        return [
            *(Rejected(topic_of_line(r.line), r.line, why, r.reason, time_ms) for r in refused),
            *(
                Rejected("", damaged.data, why, f"spool row damaged: {damaged.reason}", time_ms)
                for portion in portions
                for damaged in portion.damaged
            ),
        ]
