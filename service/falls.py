"""After a fall is journalled: its clip, and what else is known of the person; beside the way of a message."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from alerts.alarm import Alarm, Transition
from alerts.falls.clip_store import ClipStore
from alerts.falls.clips import PATIENCE_MS, Clip, Clips
from alerts.falls.confirmation import Confirmation
from alerts.falls.recent_motion import RecentMotion
from alerts.falls.samples import Packets, Samples, UnreadableSamples
from alerts.findings import Condition, Finding
from alerts.lifecycle import BEGINNINGS, Event
from ingest.clock import wall_clock_ms
from ingest.contract import URGENT
from ingest.directory import Directory
from ingest.readings import AnyReadings, Int, Motion

log = logging.getLogger(__name__)
_TICK_S: Final = 1.0
_RETRY_S: Final = 5.0
#: Each takes some milliseconds. When a whole house falls at once (an earthquake, a fault of ours) presses come first:
#: the others' clips begin with what comes then.
_LOOK_UPS_A_SECOND: Final = 20
#: Clips that wait for the database; beyond that the longest waiting is given up, and said so.
_WAITING_MOST: Final = 2_000


class FallWatch:
    """Keeps the last seconds of motion, follows falls, and writes clips beside the event loop.

    `directory` gives the fleet as it is now, and `shift_ms` by how much the clock of each row is put right (rows,):
    findings have that time, so what is held against them has to have it too.
    """

    def __init__(
        self,
        store: ClipStore,
        directory: Callable[[], Directory],
        shift_ms: Callable[[], Int],
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._store = store
        self._directory = directory
        self._shift_ms = shift_ms
        self._clock_ms = clock_ms
        self._recent = RecentMotion()
        self._clips = Clips(self._put)
        self._confirmation = Confirmation()
        self._waiting: dict[tuple[str, int], Clip] = {}
        self._arrived = asyncio.Event()
        self._looked_up = 0
        self._looked_up_s = 0

    def update(
        self,
        readings: Sequence[AnyReadings],
        findings: Iterable[Finding],
        transitions: Iterable[Transition],
        now_ms: int,
    ) -> list[Finding]:
        """Take in a batch, what detectors found in it, and what that was journalled as; what follows from it."""
        packets: Packets | None = None
        readings = [self._timed(batch) for batch in readings]
        for batch in readings:  # at most one a kind
            if isinstance(batch, Motion) and len(batch):
                packets = self._recent.add(batch, now_ms)
        self._confirmation.witness(findings)
        found: list[Finding] = []
        for transition in transitions:
            alarm = transition.alarm
            if alarm.condition is Condition.FALL and transition.event in BEGINNINGS:
                found += self._begin(alarm, now_ms)
        if packets is not None:
            self._clips.take(packets, now_ms)
        return found + self._confirmation.update(readings, packets)

    def note(self, transition: Transition) -> None:
        """Something happened to an alarm, whoever did it: what is closed or called off is followed no more."""
        if transition.event in (Event.CANCEL, Event.RESOLVE):
            self._confirmation.drop(transition.alarm.alarm)
        if transition.event is Event.RESOLVE:
            self._clips.forget(transition.alarm.alarm)

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        self._clips.tick(now_ms)
        self._confirmation.tick(now_ms)

    def resume(self, open_alarms: Sequence[Alarm], now_ms: int) -> None:
        """Go on, after a restart, where it was: clips that were growing, and falls of the last minutes."""
        directory = self._directory()
        for alarm in open_alarms:
            if alarm.condition is not Condition.FALL:
                continue
            for clip in self._kept(alarm):
                self._clips.know(clip, directory.rows.get((clip.site, clip.device)), now_ms)
            row = directory.rows.get((alarm.site, alarm.device))
            # Killed before its clip was written: the broker delivers again what had not been acknowledged.
            if row is not None and now_ms - alarm.raised_ms < PATIENCE_MS:
                self._clips.begin(_clip_of(alarm, Samples.none()), row, now_ms)
        self._confirmation.resume(open_alarms, directory.devices, now_ms)

    async def keep(self) -> None:
        """Let time pass, and write clips, until cancelled.

        While the database is away clips wait, and what is new of them replaces them.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._arrived.wait()
            self._arrived.clear()
            self.tick(self._clock_ms())
            await self.write_waiting()

    async def write_waiting(self) -> None:
        """Write what waits now."""
        while self._waiting:
            name, clip = next(iter(self._waiting.items()))
            try:
                await asyncio.to_thread(self._store.keep, clip)
            except SQLAlchemyError as error:
                log.error("%d clips wait for the database: %s", len(self._waiting), type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            if self._waiting.get(name) is clip:
                del self._waiting[name]

    def close(self) -> None:
        """Write what there is of every clip, as far as the database takes it."""
        self._clips.hand_over_all()
        for written, clip in enumerate(self._waiting.values()):
            try:
                self._store.keep(clip)
            except SQLAlchemyError as error:  # asked once: each refusal may take seconds, and the service is to end
                log.error("%d clips are not whole: %s", len(self._waiting) - written, type(error).__name__)
                return

    def _kept(self, alarm: Alarm) -> list[Clip]:
        try:
            return self._store.of_alarm(alarm.alarm)
        except UnreadableSamples as error:
            log.error("the clips of alarm %s cannot be read: %s", alarm.alarm, error)
            return []

    def _timed(self, batch: AnyReadings) -> AnyReadings:
        if batch.KIND in URGENT:
            return batch
        shift_ms = self._shift_ms()[batch.row]
        return replace(batch, time_ms=batch.time_ms + shift_ms) if shift_ms.any() else batch

    def _begin(self, alarm: Alarm, now_ms: int) -> list[Finding]:
        directory = self._directory()
        row = directory.rows.get((alarm.site, alarm.device))
        if row is None:
            return []
        samples = self._last_seconds(row, now_ms)
        self._clips.begin(_clip_of(alarm, samples), row, now_ms)
        return self._confirmation.follow(alarm, row, directory.devices, samples, now_ms)

    def _last_seconds(self, row: int, now_ms: int) -> Samples:
        """What is known of a bracelet's motion so far; nothing where too many are asked for at once."""
        second = now_ms // 1000
        self._looked_up = self._looked_up + 1 if second == self._looked_up_s else 1
        self._looked_up_s = second
        return self._recent.of(row) if self._looked_up <= _LOOK_UPS_A_SECOND else Samples.none()

    def _put(self, clip: Clip) -> None:
        if len(self._waiting) >= _WAITING_MOST:
            lost = next(iter(self._waiting))
            del self._waiting[lost]
            log.error("the clip of alarm %s is given up: too many wait for the database", lost[0])
        self._waiting[clip.alarm, clip.number] = clip
        self._arrived.set()


def _clip_of(alarm: Alarm, samples: Samples) -> Clip:
    return Clip(alarm.alarm, 0, alarm.site, alarm.device, alarm.resident, alarm.latest_onset_ms, samples)
