"""The desk: what is on the disk is told, in order, also when the caller gave up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import Call, Recipient
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.schema import Status
from alerts.lifecycle import Event, IllegalEvent
from alerts.notify.contract import Message
from alerts.notify.webhook import Webhook
from ingest.directory import Device, DeviceType
from service.database import make_engine

T = 1_700_000_000_000
DEVICES = (Device("ward", "button-1", DeviceType.BUTTON, "resident-1"),)
HOOK = Webhook("hook", "http://127.0.0.1/")


def press(onset_ms: int = T) -> Finding:
    return Finding(0, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, onset_ms, onset_ms)


@asynccontextmanager
async def opened(url: str, told: list[Transition]) -> AsyncIterator[Desk]:
    engine = make_engine(url)
    async with Desk(engine, [HOOK], on_transition=told.append) as desk:
        yield desk
    engine.dispose()


@pytest.mark.parametrize("place", ["sqlite://", "sqlite:///{}/shouhu.db"])
async def test_everyone_is_told_of_every_transition_in_order(tmp_path: Path, place: str) -> None:
    told: list[Transition] = []
    async with opened(place.format(tmp_path), told) as desk:
        with desk.hub.listen() as listener:
            (raised,) = await desk.record([press()], DEVICES, T, T)
            assert told == [raised], "told before the caller goes on"
            assert desk.wake("hook").is_set()
            name = raised.alarm.alarm
            taken = await desk.acknowledge(name, "nurse", T + 1)
            closed = await desk.resolve(name, "nurse", Outcome.TRUE, "", T + 2)
            desk.hub.close()
            assert [t async for t in listener] == [raised, taken, closed] == told
        assert await desk.transitions(name) == told
        assert await desk.transitions_after(1) == told[1:]
        assert await desk.alarm(name) == closed.alarm
        assert await desk.history() == [closed.alarm]
        assert await desk.open_alarms() == []


async def test_what_is_illegal_is_told_to_nobody(tmp_path: Path) -> None:
    told: list[Transition] = []
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", told) as desk:
        (raised,) = await desk.record([press()], DEVICES, T, T)
        both = [desk.acknowledge(raised.alarm.alarm, by, T) for by in ("nurse", "doctor")]
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [type(result) for result in results] == [Transition, IllegalEvent]
        assert [t.event for t in told] == [Event.RAISE, Event.ACKNOWLEDGE]
        assert await desk.record([press()], DEVICES, T, T) == [], "delivered twice"
        assert await desk.record([], DEVICES, T, T) == []
        assert len(told) == 2


async def test_a_caller_who_gives_up_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    told: list[Transition] = []
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", told) as desk:
        with desk.hub.listen() as listener:
            impatient = asyncio.create_task(desk.record([press()], DEVICES, T, T))
            await asyncio.sleep(0)
            impatient.cancel()
            assert (await anext(listener)).event is Event.RAISE
        assert len(await desk.open_alarms()) == 1


async def test_letters_that_arrive_together_are_struck_off_together(tmp_path: Path) -> None:
    told: list[Transition] = []
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", told) as desk:
        for onset_ms in (T, T + 1, T + 2):
            await desk.record([press(onset_ms)], DEVICES, T, T)
        assert len(told) == 3
        posted = [letter for letters in desk.posted("hook") or () for letter in letters]
        assert len(posted) == 1, "a repeat of what still rings is no news"
        await asyncio.gather(
            *[desk.sent([letter.number], T) for letter in posted], desk.sent([posted[0].number], T + 1)
        )
        assert await desk.letter_counts() == {("hook", Status.SENT): 1}


async def test_letters_that_come_back_together_are_put_off_together(tmp_path: Path) -> None:
    commits: list[str] = []
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", []) as desk:
        for onset_ms in range(T, T + 5):
            (raised,) = await desk.record([press(onset_ms)], DEVICES, T, T)
            await desk.resolve(raised.alarm.alarm, "nurse", Outcome.TRUE, "", T)
        posted = [letter for letters in desk.posted("hook") or () for letter in letters]
        assert len(posted) >= 5
        event.listen(desk._letters._engine, "commit", lambda _: commits.append("commit"))
        later = [desk.failed_for_now([letter.number], "answered 503", T + 5000) for letter in posted[:-1]]
        await asyncio.gather(*later, desk.sent([posted[-1].number], T))
        assert len(commits) == 2, "one for those that arrived, one for those to be tried again"
        assert await desk.due("hook", T + 4999, 100) == []
        assert {letter.attempts for letter in await desk.due("hook", T + 5000, 100)} == {1}


async def test_a_letter_that_arrived_is_struck_off_though_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", []) as desk:
        await desk.record([press()], DEVICES, T, T)
        ((letter,),) = desk.posted("hook") or ()
        waiting = asyncio.create_task(desk.sent([letter.number], T))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", []) as desk:
        assert await desk.letter_counts() == {("hook", Status.SENT): 1}


async def test_upkeep_forgets_letters_of_last_week_and_empties_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.journal.desk._UPKEEP_S", 0.0)
    async with opened(f"sqlite:///{tmp_path}/shouhu.db", []) as desk:
        await desk.record([press()], DEVICES, T, T)
        ((letter,),) = desk.posted("hook") or ()
        await desk.sent([letter.number], T)
        database = tmp_path / "shouhu.db"
        assert database.stat().st_size <= 4096, "all of it is in the log"
        upkeep = asyncio.create_task(desk.upkeep(lambda: T + 7 * 86_400_000 + 1))
        async with asyncio.timeout(120):
            while await desk.letter_counts() or database.stat().st_size <= 4096:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        assert len(await desk.open_alarms()) == 1


# ------------------------------------------------------------------ time passes


class Clock:
    """A time of day that a test sets."""

    def __init__(self) -> None:
        self.now_ms = T

    def __call__(self) -> int:
        return self.now_ms


class EveryTenth:
    """Calls nobody in particular, and is due again after ten milliseconds of the test's own clock."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        self.asked.append(step)
        return Call(step, (Recipient("nurse", "nothing"),), now_ms + 10)


@asynccontextmanager
async def keeping_time(desk: Desk, clock: Clock) -> AsyncIterator[None]:
    keeper = asyncio.create_task(desk.keep_time(clock))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_what_is_due_happens_though_it_became_known_while_nothing_was_awaited(tmp_path: Path) -> None:
    told: list[Transition] = []
    clock, caller = Clock(), EveryTenth()
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    async with Desk(engine, on_transition=told.append, caller=lambda: caller) as desk, keeping_time(desk, clock):
        await asyncio.sleep(0)
        await desk.record([press()], DEVICES, T, T)
        await desk.resolve((await desk.open_alarms())[-1].alarm, "nurse", Outcome.TEST, "", T)
        clock.now_ms = T + 10
        await desk.record([press(T + 1)], DEVICES, T, T)  # due at once, by that clock
        await until(lambda: any(one.event is Event.ESCALATE for one in told))
        assert caller.asked[0] == 0
        clock.now_ms += 10
        await desk.record([press(T + 2)], DEVICES, T, T)
    engine.dispose()


async def test_a_press_among_a_thousand_alarms_that_are_due_waits_for_one_round_alone(tmp_path: Path) -> None:
    told: list[Transition] = []
    clock, caller = Clock(), EveryTenth()
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    low = [
        Finding(0, Condition.DEVICE, "battery_low", Change.BEGAN, Priority.LOW, T, T, subject=str(n))
        for n in range(1000)
    ]
    async with Desk(engine, on_transition=told.append, caller=lambda: caller) as desk:
        await desk.record(low, DEVICES, T, T)
        told.clear()
        clock.now_ms = T + 60_000
        async with keeping_time(desk, clock):
            await until(lambda: bool(told))
            before = len(told)
            await desk.record([press(T + 60_000)], DEVICES, T + 60_000, T + 60_000)
            pressed = next(n for n, one in enumerate(told) if one.event is Event.RAISE and n >= before - 1)
            assert pressed - before <= 2 * (8 + 1), "at most the round that was being written and the one that waited"
            await until(lambda: sum(one.event is Event.ESCALATE for one in told) >= 1000)
    engine.dispose()


async def test_a_new_roster_lets_those_begin_to_call_who_called_nobody(tmp_path: Path) -> None:
    class Nobody(EveryTenth):
        def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
            super().call(alarm, step, now_ms)
            return Call(step, (), None)

    told: list[Transition] = []
    callers: list[EveryTenth] = [Nobody()]
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    async with Desk(engine, on_transition=told.append, caller=lambda: callers[-1]) as desk:
        await desk.record([press()], DEVICES, T, T)
        async with keeping_time(desk, Clock()):
            await until(lambda: len(callers[0].asked) == 2)  # when it was raised, and when the service began
            callers.append(EveryTenth())

            def looks() -> bool:
                desk._due_sooner.set()  # in place of the half minute after which it looks by itself
                return any(one.event is Event.ESCALATE for one in told)

            await until(looks)
    engine.dispose()


async def test_when_the_one_who_was_called_cannot_be_told_the_next_is_called_at_once(tmp_path: Path) -> None:
    class Telephone(Webhook):
        def wants(self, transition: Transition) -> tuple[Message, ...]:
            return ()

        def calls(self, transition: Transition, recipient: Recipient) -> Message:
            return Message(recipient.caregiver, b"{}")

    class Plan:
        def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
            return Call(step, (Recipient(f"person-{step}", "telephone"),), now_ms + 60_000)

    told: list[Transition] = []
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    telephone = Telephone("telephone", "http://127.0.0.1/")
    async with Desk(engine, [telephone], on_transition=told.append, caller=Plan) as desk:
        await desk.record([press()], DEVICES, T, T)
        ((letter,),) = desk.posted("telephone") or ()
        assert letter.address == "person-0"
        await desk.failed_for_good([letter.number], "answered 400", T + 5)
        ((letter,),) = desk.posted("telephone") or ()
        assert (letter.address, letter.created_ms) == ("person-1", T + 5)
        assert [one.event for one in told] == [Event.RAISE, Event.ESCALATE]
    engine.dispose()
