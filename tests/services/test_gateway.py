"""A gateway that calls people, as a real HTTP server on loopback: what it is told, and what its answers mean."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from alerts.alarm import Alarm
from alerts.calling.escalation import Call, Recipient
from alerts.calling.people import Caregiver, ResidentCard, Site
from alerts.calling.roster import Book, Roster
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.outbox import deliver
from alerts.journal.schema import Status
from alerts.notify.backoff import Backoff
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Letter, Read, Result, Sent
from alerts.notify.gateway import Gateway
from alerts.notify.words import LEVELS, Privacy, Style
from ingest.directory import Device, DeviceType
from service.database import make_engine
from tests.unit.alerts.summons import NAME, RAISED, SECRET

WHO = Recipient("nurse-1", "phone")
ROSTER = Roster(
    Book(
        sites=(Site("ward", "静安护理院"),),
        residents=(ResidentCard("resident-1", NAME, "ward", "3-12"),),
        caregivers=(Caregiver("nurse-1", "李护士", "nurse", "ward", contacts=(("phone", "13800138000"),)),),
    )
)


class Service:
    """Somebody's gateway that answers as told."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.status, self.answer = 200, ""

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, text=self.answer, content_type="application/json")

    @property
    def told(self) -> dict[str, Any]:
        body = json.loads(self.came[-1][1])
        assert isinstance(body, dict)
        return body


@asynccontextmanager
async def gateway(service: Service, privacy: Privacy = "room", **more: Any) -> AsyncIterator[Gateway]:
    app = web.Application()
    app.router.add_post("/call", service.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/call"
    try:
        async with Gateway("phone", url, lambda: ROSTER, Style(privacy), **more) as made:
            yield made
    finally:
        await runner.cleanup()


def letter(channel: Gateway, who: Recipient = WHO) -> Letter:
    message = channel.calls(RAISED, who)
    return Letter(1, RAISED.alarm.alarm, f"{RAISED.alarm.alarm}-7", message.address, message.body, 0, 1, step=1)


async def test_it_is_told_whom_to_reach_where_and_what_to_say() -> None:
    service = Service()
    async with gateway(service, secret=SECRET) as channel:
        assert await channel.send(letter(channel)) == Sent()
    headers, raw = service.came[0]
    told = service.told
    assert (told["caregiver"], told["address"], told["language"]) == ("nurse-1", "13800138000", "zh")
    assert told["title"] == "高级别警报：紧急求助：按下求助按钮"
    assert (told["condition"], told["priority"], told["step"], told["drill"]) == ("sos", "high", 1, False)
    assert (told["channel"], told["key"]) == ("phone", headers["Idempotency-Key"])
    expected = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert headers["Shouhu-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("privacy", LEVELS)
async def test_it_is_told_no_more_than_it_may_say(privacy: Privacy) -> None:
    service = Service()
    async with gateway(service, privacy) as channel:
        await channel.send(letter(channel))
    said = service.came[0][1].decode()
    assert (NAME in said, "3-12" in said, "press" in said) == {
        "none": (False, False, False),
        "room": (False, True, True),
        "name": (True, True, True),
        "full": (True, True, True),
    }[privacy]
    assert "李护士" not in said


@pytest.mark.parametrize(
    ("status", "answer", "result"),
    [
        (200, "", Sent()),
        (202, '{"result": "sent"}', Sent()),
        (200, '{"result": "delivered"}', Delivered()),
        (200, '{"result": "read"}', Read()),
        (200, '{"result": "failed"}', FailedForGood("the other side says it could not deliver it")),
        (200, '{"result": ["delivered"]}', Sent()),
        (200, '["delivered"]', Sent()),
        (200, "{not json", Sent()),
        (400, '{"result": "delivered"}', FailedForGood("answered 400")),
        (503, '{"result": "delivered"}', FailedForNow("answered 503")),
    ],
)
async def test_what_its_answer_means(status: int, answer: str, result: Result) -> None:
    service = Service()
    service.status, service.answer = status, answer
    async with gateway(service) as channel:
        assert await channel.send(letter(channel)) == result


async def test_a_test_is_marked_as_one() -> None:
    service = Service()
    async with gateway(service) as channel:
        assert await channel.prove(WHO, "proof-1") == Sent()
    assert (service.told["test"], service.told["key"]) == (True, "proof-1")
    assert service.told["title"].startswith("【测试】")
    assert "静安护理院" in service.told["body"]


async def test_whoever_left_is_not_reached() -> None:
    service = Service()
    async with gateway(service) as channel:
        result = await channel.send(letter(channel, Recipient("nurse-9", "phone")))
    assert result == FailedForGood("the caregiver has no address for this channel any more")
    assert service.came == []


# ------------------------------------------------------------------ through the outbox


class Everybody:
    """Calls all nurses, once."""

    def call(self, alarm: Alarm, step: int, now_ms: int) -> Call:
        return Call(step, tuple(Recipient(f"nurse-{n}", "phone") for n in (1, 2, 3)), None)


LIMIT_S = 4.0
FAILED = ("phone", FailedForNow("no answer within 4 s"))


class Slow(Service):
    """Answers nurse 1 never, nurse 2 that it was delivered, nurse 3 that it was read."""

    async def take(self, request: web.Request) -> web.Response:
        taken = await super().take(request)
        who = self.told["caregiver"]
        if who == "nurse-1":
            await asyncio.sleep(60)
        return web.json_response({"result": {"nurse-2": "delivered", "nurse-3": "read"}[who]}) if taken else taken


async def test_whoever_cannot_be_reached_delays_nobody_else_of_the_same_alarm(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    names = [f"nurse-{n}" for n in (1, 2, 3)]
    carers = [Caregiver(name, "李护士", "nurse", "ward", contacts=(("phone", name),)) for name in names]
    roster = Roster(Book(sites=(Site("ward", "静安护理院"),), caregivers=carers))
    app, service = web.Application(), Slow()
    app.router.add_post("/call", service.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/call"
    channel = Gateway("phone", url, lambda: roster, time_limit_s=LIMIT_S, backoff=Backoff(first_s=0.05, most_s=0.1))
    results: list[tuple[str, Result]] = []

    def clock_ms() -> int:
        return time.time_ns() // 1_000_000

    async with Desk(engine, (channel,), caller=Everybody) as desk:
        note = lambda name, result, now_ms: results.append((name, result))  # noqa: E731
        task = asyncio.create_task(deliver(desk, channel, clock_ms, on_result=note))
        finding = Finding(0, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, clock_ms(), clock_ms())
        device = Device("ward", "button-1", DeviceType.BUTTON, "resident-1")
        await desk.record([finding], [device], clock_ms(), clock_ms())
        async with asyncio.timeout(20):
            while len(service.came) < 3:  # noqa: ASYNC110 - the server sets no event
                await asyncio.sleep(0.005)
        assert FAILED not in results, "the one who does not answer was not waited for"
        once = {("phone", status): 1 for status in (Status.PENDING, Status.DELIVERED, Status.READ)}
        async with asyncio.timeout(20):
            while await desk.letter_counts() != once or len(service.came) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    await runner.cleanup()
    engine.dispose()
    assert (
        sorted(body["caregiver"] for body in map(json.loads, [raw for _, raw in service.came]))[:2] == ["nurse-1"] * 2
    )
    assert set(results) >= {("phone", Delivered()), ("phone", Read()), FAILED}
