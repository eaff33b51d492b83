"""The home of the console's tests with all that calls people: plans, shifts, channels to a gateway on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from alerts.calling.escalation import Plan, steps_of
from alerts.calling.people import Caregiver
from alerts.calling.proofs import Proofs
from alerts.calling.roster import Roster
from alerts.calling.rota import Shift
from alerts.journal.delays import DelayReader
from alerts.journal.desk import Desk
from alerts.journal.figures import LoadReader
from alerts.journal.ledger import Ledger
from alerts.journal.outbox import deliver
from alerts.notify.gateway import Gateway
from alerts.notify.words import Style
from service.api.house import House
from service.fleet import Fleet
from service.silent_devices import SilentDevice, ToldAs
from tests.services.console_home import HOSTILE, Home, now_ms

CHANNELS = ("phone", "sms")
#: The plan's waits; a test that wants to see the next step gives its own.
UNHURRIED = "nurse | head_nurse | family"
DAY_MIN = 24 * 60
#: Minutes by which China's clocks are before UTC.
CHINA_MIN = 8 * 60


class Ward(Home):
    """A home in which people are called; the gateway answers each number as `status` says."""

    def __init__(self, folder: Path, steps: str = UNHURRIED) -> None:
        self._steps = steps
        super().__init__(folder)
        self.status: dict[str, int] = {}
        self.came: list[dict[str, Any]] = []
        self.silent: tuple[SilentDevice, ...] = ()
        self.proofs = Proofs(self.engine)
        self._calling = AsyncExitStack()

    def fleet(self) -> Fleet:
        """Mei is on duty around the clock, Wang not at all but as a stand-in, Lin always; Hu cannot be called."""
        # A day's shift ends half a day from now: no test meets the moment at which the next one begins.
        turn_min = (now_ms() // 60_000 + CHINA_MIN + DAY_MIN // 2) % DAY_MIN
        plan = Plan("ward", steps_of(self._steps), ("high", "medium", "low"), site="garden")
        return replace(
            super().fleet(),
            caregivers=(
                Caregiver("lin", "林护士", "head_nurse", contacts=(("phone", "3"),)),
                Caregiver("mei", "Mei Chen", "nurse", "garden", contacts=(("phone", "1"), ("sms", "2"))),
                Caregiver("wang", HOSTILE, "nurse", "garden", contacts=(("sms", "4"),)),
                Caregiver("hu", "胡护士", "nurse", "garden"),
                Caregiver("son", "王小明", "family", residents=("r-1",), contacts=(("sms", "5"),)),
            ),
            shifts=(
                Shift("ward", ("mei", "hu"), turn_min, turn_min, site="garden"),
                # On no day of the week: who is in it is on duty as a stand-in only.
                Shift("spare", ("wang",), 0, 60, days=(7,), site="garden"),
            ),
            plans=(plan,),
        )

    def roster(self) -> Roster:
        """Who is called now."""
        return Roster(self.registry.book(set(CHANNELS)))

    def open_desk(self) -> Desk:
        """Where alarms are taken, and whose letters go to the gateway."""
        return Desk(self.engine, self.channels, caller=self.roster)

    def house(self) -> House:
        """With all that is told of calling."""
        return replace(
            super().house(),
            roster=self.roster,
            ledger=Ledger(self.engine),
            delays=DelayReader(self.engine),
            load=LoadReader(self.engine),
            proofs=self.proofs,
            silent_devices=lambda site: tuple(one for one in self.silent if one.device.site == site),
            receipt_secrets=dict.fromkeys(CHANNELS),
        )

    async def start(self) -> None:
        """Also the gateway, the outbox and the clock."""
        app = web.Application()
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        self._calling.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        self.channels = [Gateway(name, url, self.roster, Style("room")) for name in CHANNELS]
        await super().start()
        tasks = [asyncio.create_task(deliver(self.desk, channel, now_ms)) for channel in self.channels]
        tasks.append(asyncio.create_task(self.desk.keep_time(now_ms)))
        self._calling.push_async_callback(_end, tasks)

    async def stop(self) -> None:
        await self._calling.aclose()
        await super().stop()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.came.append(body)
        return web.Response(status=self.status.get(body["address"], 200))

    async def called(self, address: str) -> dict[str, Any]:
        """What the gateway was told about a number, once it was."""
        async with asyncio.timeout(10):
            while True:
                for body in self.came:
                    if body["address"] == address:
                        return body
                await asyncio.sleep(0.01)

    async def receipt(self, body: dict[str, Any], result: str) -> None:
        """The gateway says what became of a call."""
        said = {"channel": body["channel"], "key": body["key"], "result": result}
        async with ClientSession() as session, session.post(self.url + "api/v1/receipts", json=said) as answer:
            assert answer.status == 200, await answer.text()

    def falls_silent(self, *devices: str, told_as: ToldAs = ToldAs.SITE) -> None:
        """So the watch over silence says."""
        self.silent = tuple(
            SilentDevice(one, None if at == 0 else now_ms() - 60_000 * at, told_as)
            for at, one in enumerate(each for each in self.devices if each.device in devices)
        )


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    ward = Ward(tmp_path)
    await ward.start()
    yield ward
    await ward.stop()
    ward.close()


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[Ward]:
    """The next step comes after three seconds."""
    ward = Ward(tmp_path, "nurse wait 3 3 3 | head_nurse wait 60 60 60")
    await ward.start()
    yield ward
    await ward.stop()
    ward.close()
