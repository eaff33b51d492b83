"""A gateway that calls people, as a real HTTP server on loopback: what it is told, and what its answers mean."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from alerts.escalation import Recipient
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Letter, Read, Result, Sent
from alerts.notify.gateway import Gateway
from alerts.notify.words import LEVELS, Privacy, Style
from alerts.people import Caregiver, ResidentCard, Site
from alerts.roster import Book, Roster
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
