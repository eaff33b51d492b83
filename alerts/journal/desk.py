"""The journal for asyncio: the same verbs, and whoever waits for a transition is told once it is on the disk."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.pool import StaticPool

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import Caller
from alerts.findings import Finding, Origin
from alerts.journal.drills import Drill
from alerts.journal.errands import Errand, Errands, Parcel
from alerts.journal.journal import Journal, Posted
from alerts.journal.letters import CallMade, Failure, Letters
from alerts.journal.schema import Status, checkpoint
from alerts.journal.timing import AlarmTimes
from alerts.notify.contract import Letter, Subscriber
from alerts.notify.hub import Hub

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)

#: Letters kept in hand for a channel; more than that it finds in the database.
_POSTED_MOST: Final = 64
#: How long letters that arrived wait for others, to be struck off with them in one commit; and how many times longer
#: while findings are being journalled, which must not wait for that commit.
_GATHER_S: Final = 0.02
_GATHER_MOST: Final = 10
#: A letter that was sent, failed or was called off is kept for a week, to look into what a channel did. In each round
#: so many of the oldest are looked at: 864,000 a day, more than are ever sent.
_KEEP_LETTERS_MS: Final = 7 * 86_400_000
_UPKEEP_S: Final = 10.0
#: How many alarms may be told in one commit that time has passed: one that is due at the same time as a thousand
#: others must not keep the next press waiting.
_AT_ONCE: Final = 8
_LOOK_S: Final = 30.0
_AGAIN_S: Final = 1.0
_PRUNE_MOST: Final = 100


class Desk:
    """Journal and outbox behind one writing and one reading thread; an async context manager.

    After each commit, in the order of the commits: `on_transition` and the hub are told, and the channels' `wake`
    events are set. This happens also when the caller was cancelled while the thread was writing.
    """

    def __init__(
        self,
        engine: Engine,
        subscribers: Sequence[Subscriber] = (),
        *,
        on_transition: Callable[[Transition], None] | None = None,
        clock_ms: Callable[[], int] | None = None,
        caller: Callable[[], Caller] | None = None,
        times: AlarmTimes | None = None,
    ) -> None:
        self._engine = engine
        self._journal = Journal(
            engine, subscribers, on_posted=self._note_posted, clock_ms=clock_ms, caller=caller, times=times
        )
        self._letters = Letters(engine)
        self._errands = Errands(engine, times)
        self._on_transition = on_transition
        self._wakes = {subscriber.name: asyncio.Event() for subscriber in subscribers}
        self._errand_wakes = {name: asyncio.Event() for name in self._wakes}
        #: By channel what was posted since it was last asked for; None where that was too much to keep.
        self._posted: dict[str, list[tuple[Letter, ...]] | None] = {name: [] for name in self._wakes}
        self._just_posted: Posted = {}  # used in the writing thread alone
        self._awaited_ms: int | None = None  # the next time at which something happens by itself
        self._due_sooner = asyncio.Event()
        self._caller = caller
        self._commits = 0  # asked for and not done
        self._arrived: list[tuple[int, int]] = []  # letters, and when
        self._came_back: list[tuple[int, str, int]] = []  # letters, why, and when they are due again
        self._gathering: asyncio.Task[None] | None = None  # takes more letters
        self._settling: set[asyncio.Task[None]] = set()  # all that are not done
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal-write")
        # Reading apart, so that a long history never stands before a press; a database in memory has one connection.
        in_memory = isinstance(engine.pool, StaticPool)
        self._reader = self._writer if in_memory else ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self.hub = Hub()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hub.close()
        if self._settling:
            await asyncio.wait(self._settling)  # what was sent is not sent again
        # Off the loop, which a thread that has just committed may still want to tell.
        for executor in (self._writer, self._reader):
            await asyncio.to_thread(executor.shutdown)

    # ------------------------------------------------------------------ writing

    async def record(
        self,
        findings: Sequence[Finding],
        devices: Sequence[Origin],
        received_ms: int,
        now_ms: int,
        detected_ms: int | None = None,
    ) -> list[Transition]:
        """Journal a batch of findings; see `Journal.record`."""
        if not findings:
            return []
        record = partial(self._journal.record, findings, devices, received_ms, now_ms, detected_ms)
        return await self._commit(record, lambda t: t)

    async def acknowledge(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person takes an alarm; UnknownAlarm, IllegalEvent."""
        return await self._commit(lambda: self._journal.acknowledge(alarm, by, now_ms), lambda t: (t,))

    async def shelve(self, alarm: str, by: str, until_ms: int, reason: str, now_ms: int) -> Transition:
        """A person lays an alarm aside until a time; UnknownAlarm, IllegalEvent, ShelfTooLong."""
        return await self._commit(lambda: self._journal.shelve(alarm, by, until_ms, reason, now_ms), lambda t: (t,))

    async def unshelve(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person ends the shelf before its time; UnknownAlarm, IllegalEvent."""
        return await self._commit(lambda: self._journal.unshelve(alarm, by, now_ms), lambda t: (t,))

    async def resolve(self, alarm: str, by: str, outcome: Outcome, note: str, now_ms: int) -> Transition:
        """A person closes an alarm; UnknownAlarm, IllegalEvent."""
        return await self._commit(lambda: self._journal.resolve(alarm, by, outcome, note, now_ms), lambda t: (t,))

    # ------------------------------------------------------------------ drills

    async def begin_drill(self, site: str, by: str, until_ms: int, now_ms: int) -> Drill:
        """From now on what is found at a site is a test, until a time; DrillTooLong."""
        return await self._write(lambda: self._journal.begin_drill(site, by, until_ms, now_ms))

    async def end_drill(self, site: str, now_ms: int) -> bool:
        """What is found at a site is real again; False where no drill went on."""
        return await self._write(lambda: self._journal.end_drill(site, now_ms))

    async def drills(self, now_ms: int) -> list[Drill]:
        """The drills that go on."""
        return await self._write(lambda: self._journal.drills(now_ms))

    # ------------------------------------------------------------------ time passes

    async def pass_time(self, now_ms: int, most: int = _AT_ONCE) -> list[Transition]:
        """Let happen what is due, at most so many; see `Journal.pass_time`."""
        return await self._commit(lambda: self._journal.pass_time(now_ms, most), lambda t: t)

    async def take_up(self, now_ms: int) -> list[Transition]:
        """Let alarms begin to call of which nobody could be told so far; see `Journal.take_up`."""
        begun: list[Transition] = []
        after: str | None = ""
        while after is not None:
            look = partial(self._journal.take_up, now_ms, after, _AT_ONCE)
            some, after = await self._commit(look, lambda found: found[0])
            begun += some
        return begun

    async def keep_time(self, clock_ms: Callable[[], int]) -> None:
        """Until cancelled: let happen what is due when it is due; where that is much, a little at a time.

        A press that comes meanwhile waits for one round at most.
        """
        taken_up: object = None
        while True:
            self._due_sooner.clear()
            try:
                caller = self._caller() if self._caller is not None else self
                if caller is not taken_up:  # the first time, and whenever others may be called than before
                    await self.take_up(clock_ms())
                    taken_up = caller
                self._awaited_ms = None  # so that what is journalled while it is asked for is noticed
                self._awaited_ms = await self._read(self._journal.next_due_ms)
                wait_s = self._until_s(clock_ms())
                if wait_s <= 0:
                    await self.pass_time(clock_ms())
                    continue
            except (OperationalError, InterfaceError) as error:
                _log.error("times of the alarms: database not available: %s", type(error).__name__)
                wait_s = _AGAIN_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._due_sooner.wait()

    def _until_s(self, now_ms: int) -> float:
        """How long nothing is due; the time of day is looked at again before long, as somebody may set it."""
        return _LOOK_S if self._awaited_ms is None else min(_LOOK_S, (self._awaited_ms - now_ms) / 1000)

    # ------------------------------------------------------------------ reading

    async def alarm(self, alarm: str) -> Alarm:
        """One alarm; UnknownAlarm."""
        return await self._read(lambda: self._journal.alarm(alarm))

    async def open_alarms(self) -> list[Alarm]:
        """Every alarm not resolved, oldest first."""
        return await self._read(self._journal.open_alarms)

    async def history(
        self,
        limit: int = 100,
        before_ms: int | None = None,
        before_alarm: str | None = None,
        *,
        site: str | None = None,
        resident: str | None = None,
        drill: bool | None = None,
    ) -> list[Alarm]:
        """Alarms open and closed, latest first; see `Archive.history`."""
        look = partial(self._journal.history, site=site, resident=resident, drill=drill)
        return await self._read(lambda: look(limit, before_ms, before_alarm))

    async def transitions(self, alarm: str) -> list[Transition]:
        """All that happened to one alarm, in order."""
        return await self._read(lambda: self._journal.transitions(alarm))

    async def transitions_after(self, sequence: int, limit: int = 1000) -> list[Transition]:
        """What happened after a sequence number, in order."""
        return await self._read(lambda: self._journal.transitions_after(sequence, limit))

    # ------------------------------------------------------------------ the outbox

    def wake(self, channel: str) -> asyncio.Event:
        """Set when the channel may have something new to send."""
        return self._wakes[channel]

    def errand_wake(self, channel: str) -> asyncio.Event:
        """Set when there may be something new to tell of a site's devices by the channel."""
        return self._errand_wakes[channel]

    def posted(self, channel: str) -> list[tuple[Letter, ...]] | None:
        """Letters journalled since the last call, those of one transition together; None where there were too many.

        Those of errands are not among them. They stand in the database as well, where `due` finds them.
        """
        posted, self._posted[channel] = self._posted[channel], []
        return posted

    async def due(
        self,
        channel: str,
        now_ms: int,
        limit: int,
        *,
        busy: Collection[tuple[str, str]] = (),
        most_urgent: bool = False,
    ) -> list[Letter]:
        """Letters to send now; see `Letters.due`."""
        return await self._read(lambda: self._letters.due(channel, now_ms, limit, busy=busy, most_urgent=most_urgent))

    async def next_due_ms(self, channel: str, now_ms: int) -> int | None:
        """When after `now_ms` the next letter becomes due."""
        return await self._read(lambda: self._letters.next_due_ms(channel, now_ms))

    async def errands_due(
        self, channel: str, now_ms: int, limit: int, *, busy: Collection[Errand] = ()
    ) -> list[Errand]:
        """Errands of which a message is to leave now; see `Errands.due`."""
        return await self._read(lambda: self._errands.due(channel, now_ms, limit, busy=busy))

    async def next_errand_ms(self, channel: str, now_ms: int) -> int | None:
        """When after `now_ms` the next message of an errand may leave."""
        return await self._read(lambda: self._errands.next_due_ms(channel, now_ms))

    async def parcel(self, channel: str, errand: Errand, now_ms: int) -> Parcel | None:
        """What leaves of an errand as one message, written down before it does; see `Errands.parcel`."""
        return await self._write(lambda: self._errands.parcel(channel, errand, now_ms))

    async def sent(self, numbers: Sequence[int], now_ms: int) -> None:
        """Letters of one message have arrived; returns once they are struck off, with others of about the same time."""
        self._arrived += [(number, now_ms) for number in numbers]
        await self._written_with_others()

    async def failed_for_now(self, numbers: Sequence[int], reason: str, due_ms: int) -> None:
        """Letters of one message are to be tried again; returns once that is written, with others that came back."""
        self._came_back += [(number, reason, due_ms) for number in numbers]
        await self._written_with_others()

    async def failed_for_good(self, numbers: Sequence[int], reason: str, now_ms: int) -> None:
        """Letters will not be tried again; where nobody else was called by then, the next ones are."""
        await self._write(lambda: self._letters.failed_for_good(numbers, reason, now_ms))
        await self._hasten(numbers, now_ms)

    async def receive(self, channel: str, key: str, said: Status, at_ms: int, now_ms: int) -> Status | None:
        """What the other side says of a message, and what it is then; see `Letters.receive`."""
        found = await self._write(lambda: self._letters.receive(channel, key, said, at_ms))
        if found is None:
            return None
        numbers, status = found
        if status is Status.FAILED:
            await self._hasten(numbers, now_ms)
        return status

    async def _hasten(self, numbers: Sequence[int], now_ms: int) -> None:
        for number in numbers:  # each in a commit of its own, so that a press stands behind one of them at most
            await self._commit(partial(self._journal.hasten, number, now_ms), lambda t: t)

    async def calls(self, alarm: str) -> list[CallMade]:
        """Whom an alarm has called and what became of it, latest first; see `Letters.calls`."""
        return await self._read(lambda: self._letters.calls(alarm))

    async def letter_counts(self) -> Mapping[tuple[str, Status], int]:
        """How many letters there are by channel and what became of them."""
        return await self._read(self._letters.counts)

    async def letter_failures(self, limit: int = 100) -> list[Failure]:
        """The letters that failed for good, latest first."""
        return await self._read(lambda: self._letters.failures(limit))

    async def upkeep(self, clock_ms: Callable[[], int]) -> None:
        """Until cancelled: forget letters of last week, and move what was committed to its place in the database."""
        while True:
            await asyncio.sleep(_UPKEEP_S)
            try:
                await self._write(partial(self._letters.prune, clock_ms() - _KEEP_LETTERS_MS, _PRUNE_MOST))
                await self._read(lambda: checkpoint(self._engine))
            except (OperationalError, InterfaceError, sqlite3.Error) as error:
                _log.error("upkeep of the journal: database not available: %s", type(error).__name__)

    # ------------------------------------------------------------------ threads

    async def _written_with_others(self) -> None:
        # A commit a letter would stand before the next press: of a receiver that is away there may be many.
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._settle(), name="letters to settle")
            self._settling.add(self._gathering)
            self._gathering.add_done_callback(self._settling.discard)
        await asyncio.shield(self._gathering)

    async def _settle(self) -> None:
        for _ in range(_GATHER_MOST):
            await asyncio.sleep(_GATHER_S)
            if not self._commits:
                break
        arrived, self._arrived = self._arrived, []
        came_back, self._came_back = self._came_back, []
        self._gathering = None
        if arrived:
            await self._write(lambda: self._letters.sent(arrived))
        if came_back:
            await self._write(lambda: self._letters.failed_for_now(came_back))

    async def _read(self, ask: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, ask)

    async def _write(self, do: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, do)

    async def _commit(self, do: Callable[[], _T], transitions_of: Callable[[_T], Iterable[Transition]]) -> _T:
        loop = asyncio.get_running_loop()

        def commit() -> _T:
            self._just_posted = {}
            result = do()
            # From the thread: a caller who gives up waiting does not keep the others from being told.
            loop.call_soon_threadsafe(self._tell, tuple(transitions_of(result)), self._just_posted)
            return result

        self._commits += 1
        try:
            return await loop.run_in_executor(self._writer, commit)
        finally:
            self._commits -= 1

    def _note_posted(self, posted: Posted) -> None:
        self._just_posted = posted

    def _tell(self, transitions: Sequence[Transition], posted: Posted) -> None:
        if not transitions:
            return
        for (channel, _, _), letters in posted.items():
            alone = tuple([letter for letter in letters if letter.errand is None])
            if len(alone) < len(letters):
                self._errand_wakes[channel].set()
            waiting = self._posted[channel]
            if alone and waiting is not None:
                if len(waiting) < _POSTED_MOST:
                    waiting.append(alone)
                else:
                    self._posted[channel] = None
        for wake in self._wakes.values():
            wake.set()
        for transition in transitions:
            due_ms = transition.alarm.due_ms
            if due_ms is not None and (self._awaited_ms is None or due_ms < self._awaited_ms):
                self._due_sooner.set()
            self.hub.publish(transition)
            if self._on_transition is not None:
                self._on_transition(transition)
