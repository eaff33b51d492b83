"""What a site's devices ask of people, through the real outbox to a real HTTP server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from alerts.calling.people import Caregiver, Site
from alerts.calling.roster import Book, Roster
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.outbox import deliver
from alerts.journal.schema import Status
from alerts.journal.timing import AlarmTimes
from alerts.notify.backoff import Backoff
from alerts.notify.gateway import Gateway
from alerts.notify.webhook import Webhook
from ingest.clock import wall_clock_ms
from ingest.directory import Device, DeviceType
from service.database import make_engine

#: For what is waited for; far more than it takes.
WITHIN_S = 60
DEVICES = [Device("ward", f"bracelet-{n}", DeviceType.BRACELET) for n in range(30)]
ROSTER = Roster(
    Book((Site("ward", "Ward"),), (), (Caregiver("nurse", "Li", "nurse", "ward", contacts=(("phone", "1"),)),))
)


class Receiver:
    """A gateway and a feed; of the gateway, what is about devices is kept waiting until it is let through."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.feed: list[dict[str, Any]] = []
        self.through = asyncio.Event()
        self.through.set()
        self.answers: dict[str, str] = {}

    async def call(self, request: web.Request) -> web.Response:
        told = json.loads(await request.read())
        self.calls.append(told)
        if told["condition"] == "device":
            await self.through.wait()
        return web.json_response(self.answers)

    async def note(self, request: web.Request) -> web.Response:
        self.feed.append(json.loads(await request.read()))
        return web.Response()


@asynccontextmanager
async def working(folder: Path, receiver: Receiver, apart_s: float) -> AsyncIterator[Desk]:
    app = web.Application()
    app.router.add_post("/call", receiver.call)
    app.router.add_post("/feed", receiver.note)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    backoff = Backoff(first_s=0.05, most_s=0.1)
    phone = Gateway("phone", f"{url}/call", lambda: ROSTER, time_limit_s=50.0, backoff=backoff)
    hook = Webhook("hook", f"{url}/feed", time_limit_s=50.0, backoff=backoff)
    engine = make_engine(f"sqlite:///{folder}/shouhu.db")
    times = AlarmTimes(technical_letters_s=apart_s)
    async with Desk(engine, (phone, hook), caller=lambda: ROSTER, times=times) as desk:
        tasks = [asyncio.create_task(deliver(desk, channel, wall_clock_ms)) for channel in (phone, hook)]
        yield desk
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    engine.dispose()
    receiver.through.set()
    await runner.cleanup()


async def find(desk: Desk, row: int, condition: Condition = Condition.DEVICE) -> None:
    now_ms = wall_clock_ms()
    cause, priority = ("press", Priority.HIGH) if condition is Condition.SOS else ("battery_low", Priority.LOW)
    await desk.record([Finding(row, condition, cause, Change.BEGAN, priority, now_ms, now_ms)], DEVICES, now_ms, now_ms)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not so():  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)


def about_devices(receiver: Receiver) -> list[list[str]]:
    """Of each call about devices, in order, the alarms."""
    calls = [told for told in receiver.calls if told["condition"] == "device"]
    return [told.get("alarms") or [told["alarm"]] for told in calls]


async def test_the_first_goes_at_once_the_others_together_and_a_press_waits_for_neither(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.through.clear()
    receiver.answers = {"result": "delivered"}
    async with working(tmp_path, receiver, apart_s=1.0) as desk:
        await find(desk, 0)
        await until(lambda: len(about_devices(receiver)) == 1)
        for row in range(1, 30):
            await find(desk, row)
        await find(desk, 7, Condition.SOS)
        await until(lambda: any(told["condition"] == "sos" for told in receiver.calls))
        assert len(about_devices(receiver)) == 1, "the server has not answered it yet"
        receiver.through.set()
        await until(lambda: sum(map(len, about_devices(receiver))) == 30)
        first, rest = about_devices(receiver)
        assert (len(first), len(rest)) == (1, 29)
        told = receiver.calls[-1]
        assert told["causes"] == {"battery_low": 29}
        assert (told["caregiver"], told["priority"], told["drill"], "alarm" in told) == ("nurse", "low", False, False)
        assert told["title"] == "低级别警报：29 条设备警报"
        async with asyncio.timeout(WITHIN_S):
            while (await desk.letter_counts()).get(("phone", Status.DELIVERED)) != 31:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for alarm in await desk.open_alarms():
            (call,) = await desk.calls(alarm.alarm)
            assert call.delivered_ms is not None, "of each alarm in the message"
        await until(lambda: len({told["alarm"] for told in receiver.feed}) == 31)
        assert len(receiver.feed) == 31, "what programs are told is told of each alarm by itself"


@pytest.mark.parametrize("apart_s", [0.0, 3600.0])
async def test_what_waits_for_its_time_waits_through_a_restart(tmp_path: Path, apart_s: float) -> None:
    receiver = Receiver()
    async with working(tmp_path, receiver, apart_s=3600.0) as desk:
        await find(desk, 0)
        await until(lambda: len(about_devices(receiver)) == 1)
        await find(desk, 1)
        async with asyncio.timeout(WITHIN_S):
            while (await desk.letter_counts()).get(("phone", Status.SENT)) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    async with working(tmp_path, receiver, apart_s=apart_s) as desk:
        counts = await desk.letter_counts()
        assert (counts["phone", Status.PENDING], counts["phone", Status.SENT]) == (1, 1)
        await find(desk, 2, Condition.SOS)
        await until(lambda: any(told["condition"] == "sos" for told in receiver.calls))
        assert len(about_devices(receiver)) == 1
