"""Channels that reach nobody and contacts that are not proven, over a real desk and a real gateway on loopback."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import Engine

from alerts.alarm import Alarm
from alerts.calling.escalation import Recipient
from alerts.calling.people import Caregiver, Site
from alerts.calling.proof_times import UNPROVEN_MS, ProofTimes
from alerts.calling.proofs import ProofResult, Proofs
from alerts.calling.roster import Book, Roster
from alerts.journal.desk import Desk
from alerts.notify.contract import FailedForGood, FailedForNow, Sent
from alerts.notify.gateway import Gateway
from service.channel_watch import ChannelWatch
from service.database import make_engine
from service.proof_watch import ProofWatch

WITHIN_S = 60
#: A Wednesday, 12:00 in China.
NOON_MS = 1_767_153_600_000
DAY_MS = 86_400_000


class Service:
    """Somebody's gateway that answers as told, and remembers whom it was to reach by which key."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str]] = []
        self.status = {"nurse-1": 200, "nurse-2": 200}

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["test"] is True
        self.came.append((body["caregiver"], body["key"]))
        return web.Response(status=self.status[body["caregiver"]])


class Home:
    """A ward with two nurses and a gateway, at a time of the test's own."""

    def __init__(self, engine: Engine, desk: Desk, url: str) -> None:
        self.now_ms = NOON_MS
        self.desk = desk
        self.proofs = Proofs(engine)
        self.roster = _roster("nurse-1", "nurse-2")
        self.channel = Gateway("phone", url, lambda: self.roster)
        self.channel_watch = ChannelWatch(desk, lambda: self.roster, lambda: self.now_ms)
        self.watch = self.watched()

    def watched(self) -> ProofWatch:
        """The watch as after a start."""
        return ProofWatch(
            self.desk,
            self.proofs,
            [self.channel],
            lambda: self.roster,
            self.channel_watch,
            ProofTimes(weekday=2, hour=10),
            lambda: self.now_ms,
        )

    async def alarms(self) -> list[tuple[str, str, str, str]]:
        """Open technical alarms as (cause, site, about whom, state)."""
        return [(alarm.cause, alarm.site, _about(alarm), alarm.state) for alarm in await self.desk.open_alarms()]


def _about(alarm: Alarm) -> str:
    evidence = dict(alarm.evidence)
    return "/".join(str(evidence[name]) for name in ("caregiver", "channel") if name in evidence)


def _roster(*nurses: str) -> Roster:
    caregivers = [Caregiver(name, "李护士", "nurse", "ward", contacts=(("phone", f"555-{name}"),)) for name in nurses]
    return Roster(Book(sites=(Site("ward", "静安护理院"), Site("other", "Other")), caregivers=caregivers))


@asynccontextmanager
async def gateway(service: Service) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/call", service.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/call"
    finally:
        await runner.cleanup()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def home(tmp_path: Path, service: Service) -> AsyncIterator[Home]:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    async with gateway(service) as url, Desk(engine) as desk:
        made = Home(engine, desk, url)
        async with made.channel:
            yield made
    engine.dispose()


async def test_everybody_is_sent_one_test_a_week(home: Home, service: Service) -> None:
    for hour in range(7 * 24 - 2):  # from noon to the next Wednesday's morning, restarted every few hours
        home.now_ms = NOON_MS + hour * 3_600_000
        if hour % 5 == 0:
            home.watch = home.watched()
        await home.watch.look()
    assert sorted(who for who, _ in service.came) == ["nurse-1", "nurse-2"]
    home.now_ms = NOON_MS + 7 * DAY_MS
    await home.watch.look()
    assert len(service.came) == len({key for _, key in service.came}) == 4
    assert await home.alarms() == []
    assert {proof.last_result for proof in await asyncio.to_thread(home.proofs.all)} == {ProofResult.SENT}


async def test_a_contact_that_fails_is_an_alarm_until_it_is_proven(home: Home, service: Service) -> None:
    service.status["nurse-2"] = 410
    await home.watch.look()
    failed = ("contact_unproven", "ward", "nurse-2/phone")
    assert await home.alarms() == [(*failed, "unacknowledged")]
    await home.watch.look()
    home.watch = home.watched()
    await home.watch.look()
    assert await home.alarms() == [(*failed, "unacknowledged")], "told once, also after a restart"
    service.status["nurse-2"] = 200
    home.now_ms += 7 * DAY_MS
    await home.watch.look()
    assert await home.alarms() == [(*failed, "returned")]


async def test_what_fails_for_now_is_told_after_three_tries(home: Home, service: Service) -> None:
    service.status["nurse-2"] = 503
    for _ in range(2):
        await home.watch.look()
        home.now_ms += 600_000
        home.channel_watch.note("phone", Sent(), home.now_ms)  # others get through: it is not the whole channel
    assert await home.alarms() == []
    await home.watch.look()
    assert [alarm[2] for alarm in await home.alarms()] == ["nurse-2/phone"]
    assert len({key for who, key in service.came if who == "nurse-2"}) == 1, "the same message, tried again"


async def test_a_contact_nobody_could_prove_for_eight_days_is_an_alarm(home: Home, service: Service) -> None:
    """The service was down, or the answer was lost: nothing failed, and nothing is known."""
    contact = Recipient("nurse-1", "phone")
    await asyncio.to_thread(home.proofs.begin, contact, NOON_MS, NOON_MS)
    home.now_ms = NOON_MS + UNPROVEN_MS + 3_600_000 * 15  # by night, when nothing is sent
    await home.watch.look()
    assert [alarm[2] for alarm in await home.alarms()] == ["nurse-1/phone"]
    assert service.came == []


async def test_whoever_leaves_takes_the_alarm_along(home: Home, service: Service) -> None:
    service.status["nurse-2"] = 410
    await home.watch.look()
    home.roster = _roster("nurse-1")
    await home.watch.look()
    assert [alarm[3] for alarm in await home.alarms()] == ["returned"]
    assert [proof.caregiver for proof in await asyncio.to_thread(home.proofs.all)] == ["nurse-1"]


# ------------------------------------------------------------------ whole channels


async def until(home: Home, wanted: Sequence[tuple[str, str, str, str]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await home.alarms() != wanted:  # noqa: ASYNC110 - asks a database, which sets no event
            await asyncio.sleep(0.01)


async def test_a_channel_that_fails_is_one_alarm_at_its_sites_and_hides_its_contacts(
    home: Home, service: Service
) -> None:
    task = asyncio.create_task(home.channel_watch.run())
    for _ in range(3):
        home.channel_watch.note("phone", FailedForGood("answered 403"), home.now_ms)
    failed = ("channel_failed", "ward", "phone")
    await until(home, [(*failed, "unacknowledged")])
    service.status = {"nurse-1": 410, "nurse-2": 410}
    await home.watch.look()
    assert await home.alarms() == [(*failed, "unacknowledged")], "not one more for each of its contacts"
    task.cancel()
    await asyncio.wait([task])

    after = ChannelWatch(home.desk, lambda: home.roster, lambda: home.now_ms)
    task = asyncio.create_task(after.run())
    await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        while not after.failed("phone"):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    after.note("phone", Sent(), home.now_ms + 1)
    home.now_ms += 1
    await until(home, [(*failed, "returned")])
    task.cancel()
    await asyncio.wait([task])


async def test_a_feed_that_fails_is_told_at_the_first_site(home: Home) -> None:
    task = asyncio.create_task(home.channel_watch.run())
    home.channel_watch.note("feed", FailedForNow("answered 503"), home.now_ms - 300_000)
    home.channel_watch.note("feed", FailedForNow("answered 503"), home.now_ms)
    await until(home, [("channel_failed", "ward", "feed", "unacknowledged")])
    task.cancel()
    await asyncio.wait([task])


# ------------------------------------------------------------------ killed in between

CHILD = """
import asyncio, os, sys
sys.path.insert(0, os.getcwd())
from alerts.journal.desk import Desk
from service.database import make_engine
from tests.services.test_proof_watch import Home

async def main() -> None:
    engine = make_engine("sqlite:///" + sys.argv[1])
    async with Desk(engine) as desk:
        home = Home(engine, desk, sys.argv[2])
        async with home.channel:
            print("ready", flush=True)
            await home.watch.look()
            print("done", flush=True)

asyncio.run(main())
"""


async def test_killed_at_any_moment_nobody_is_sent_two(tmp_path: Path, service: Service) -> None:
    """The service is killed when the gateway has the message and has not answered yet, then started again."""
    arrived = asyncio.Event()
    answer = service.take

    async def slow(request: web.Request) -> web.Response:
        taken = await answer(request)
        arrived.set()
        await asyncio.sleep(0.2)
        return taken

    service.take = slow  # type: ignore[method-assign]
    root = str(Path(__file__).parents[2])
    async with gateway(service) as url:
        for _ in range(6):
            arrived.clear()
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", CHILD, f"{tmp_path}/shouhu.db", url), cwd=root, stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            ended = asyncio.create_task(child.wait())
            came = asyncio.create_task(arrived.wait())
            async with asyncio.timeout(WITHIN_S):
                await asyncio.wait({ended, came}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                os.kill(child.pid, signal.SIGKILL)
            came.cancel()
            await ended
    assert sorted(who for who, _ in service.came) == ["nurse-1", "nurse-2"]
