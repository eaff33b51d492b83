"""apprise against real servers on loopback: what they answer, how long they take, what is told of it."""

import asyncio
import email
import io
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.header import decode_header, make_header
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from alerts.calling.escalation import Recipient
from alerts.calling.people import Contact
from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.contract import FailedForGood, FailedForNow, Letter, Place, Result, Sent
from alerts.notify.words import Privacy, Style
from tests.conftest import free_port
from tests.unit.alerts.summons import NAME, RAISED, SECRET

WHO = Recipient("nurse-1", "sms")


class Book:
    """An address book with one person in it."""

    def __init__(self, address: str = "+86 138/0013?8000", language: str = "zh") -> None:
        self.address = address
        self.language = language

    def contact(self, caregiver: str, channel: str) -> Contact | None:
        return Contact(caregiver, channel, self.address, "en" if self.language == "en" else "zh")

    def recipients(self) -> list[Recipient]:
        return [WHO]

    def sites(self, recipient: Recipient) -> list[str]:
        return ["ward"]

    def place(self, site: str, resident: str | None) -> Place:
        return Place("静安护理院", "3-12" if resident else None, NAME if resident else None)


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, server.getsockname()[1]


@asynccontextmanager
async def served(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Service:
    """Somebody's HTTP service that answers as told."""

    def __init__(self, status: int = 200, body: str = "", headers: dict[str, str] | None = None) -> None:
        self.came: list[tuple[str, Any]] = []
        self.status, self.body, self.headers = status, body, headers

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((request.raw_path, json.loads(await request.read())))
        return web.Response(status=self.status, text=self.body, headers=self.headers)


def letter() -> Letter:
    channel = AppriseChannel("sms", "json://127.0.0.1", Book)
    message = channel.calls(RAISED, WHO)
    return Letter(1, RAISED.alarm.alarm, "key-1", message.address, message.body, 0, 1)


async def send(url: str, *, privacy: Privacy = "room", book: Book | None = None, limit_s: float = 20.0) -> Result:
    channel = AppriseChannel("sms", url, lambda: book or Book(), Style(privacy), time_limit_s=limit_s)
    async with channel:
        return await channel.send(letter())


async def test_a_person_is_told_at_their_own_address() -> None:
    service = Service()
    async with served(service.take) as port:
        assert await send(f"json://127.0.0.1:{port}/to/{{address}}") == Sent()
    ((path, body),) = service.came
    assert path.startswith("/to/+86%20138%2F0013%3F8000"), "quoted, so that an address never becomes an option"
    assert body["title"] == "高级别警报：紧急求助：按下求助按钮"
    assert "静安护理院，3-12 室" in body["message"]
    assert NAME not in body["message"]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (500, FailedForNow("answered 500")),
        (503, FailedForNow("answered 503")),
        (429, FailedForNow("answered 429", 7.0)),
        (403, FailedForGood("answered 403")),
        (401, FailedForGood("answered 401")),
        (400, FailedForGood("answered 400")),
        (302, FailedForGood("answered 302")),
    ],
)
async def test_what_failed_is_told_apart(status: int, result: Result) -> None:
    headers = {"Retry-After": "7"} if status == 429 else {"Location": "http://127.0.0.1:1/elsewhere"}
    service = Service(status, headers=headers)
    async with served(service.take) as port:
        assert await send(f"json://127.0.0.1:{port}/{{address}}") == result
    assert len(service.came) == 1, "neither repeated nor led elsewhere"


async def test_nobody_there_is_for_now() -> None:
    result = await send(f"json://127.0.0.1:{free_port()}/{{address}}")
    assert result == FailedForNow("cannot reach it: ConnectionError")


@pytest.mark.parametrize(
    ("plugin", "url", "success", "refused", "result"),
    [
        *[
            (NotifyWeComBot, f"wecombot://{SECRET}", '{"errcode":0,"errmsg":"ok"}', f'{{"errcode":{code}}}', result)
            for code, result in [
                (93000, FailedForGood("the service refused it with code 93000")),
                (45009, FailedForNow("the service refused it with code 45009")),
            ]
        ],
        (
            NotifyDingTalk,
            "dingtalk://t0ken8f1c",
            '{"errcode":0,"errmsg":"ok"}',
            '{"errcode":310000,"errmsg":"keywords not in content"}',
            FailedForGood("the service refused it with code 310000"),
        ),
        (
            NotifyFeishu,
            f"feishu://{SECRET}",
            '{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
            '{"code":11232,"msg":"too many request"}',
            FailedForNow("the service refused it with code 11232"),
        ),
        (
            NotifyFeishu,
            f"feishu://{SECRET}",
            '{"code":0}',
            "<html>a captive portal</html>",
            FailedForNow("the service refused it with code -1"),
        ),
    ],
)
async def test_a_robot_that_refuses_with_200_has_not_sent(
    monkeypatch: pytest.MonkeyPatch, plugin: Any, url: str, success: str, refused: str, result: Result
) -> None:
    service = Service()
    async with served(service.take) as port:
        monkeypatch.setattr(
            plugin, "notify_url", f"http://127.0.0.1:{port}/send?key={{key}}{{token}}".format_map(_Any())
        )
        service.body = success
        assert await send(url) == Sent()
        service.body = refused
        assert await send(url) == result
    assert "紧急求助：按下求助按钮" in json.dumps(service.came[0][1], ensure_ascii=False)


class _Any(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "k"


async def test_ntfy_is_told_by_topic() -> None:
    service = Service(body="{}")
    async with served(service.take) as port:
        assert await send(f"ntfy://127.0.0.1:{port}/{{address}}", book=Book("ward-3", "en")) == Sent()
    ((_, body),) = service.came
    assert body["topic"] == "ward-3"
    assert "Emergency call" in body["title"] + body["message"]


# ------------------------------------------------------------------ time


async def test_a_server_that_never_answers_holds_up_neither_the_loop_nor_another() -> None:
    service = Service()
    with listening() as (_, dead_port):
        async with served(service.take) as port:
            dead = [
                asyncio.create_task(send(f"json://127.0.0.1:{dead_port}/{{address}}", limit_s=6.0)) for _ in range(8)
            ]
            await asyncio.sleep(0.05)
            worst_s = 0.0
            live = asyncio.create_task(send(f"json://127.0.0.1:{port}/{{address}}"))
            while not live.done():
                before_s = time.monotonic()
                await asyncio.sleep(0.001)
                worst_s = max(worst_s, time.monotonic() - before_s)
            assert live.result() == Sent()
            assert not any(one.done() for one in dead), "nobody waited for the dead ones"
            assert worst_s < 2.0, "less than a dead one takes, 3 s, would hold up the loop"
            assert set(await asyncio.gather(*dead)) == {FailedForNow("cannot reach it: ReadTimeout")}


async def test_threads_that_never_come_back_are_left_and_bounded() -> None:
    """A server that sends a byte every now and then outlives every limit of a socket."""
    stop = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not stop.is_set():
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel = AppriseChannel("sms", f"json://127.0.0.1:{port}/{{address}}", Book, time_limit_s=20.0)
    results = []
    for _ in range(5):
        for one in [asyncio.create_task(channel.send(letter())) for _ in range(8)]:
            try:
                async with asyncio.timeout(0.05):
                    results.append(await asyncio.shield(one))
            except TimeoutError:
                one.cancel()
    assert FailedForNow("32 earlier calls still hang") in results
    assert channel._threads.alive == 32
    stop.set()
    async with asyncio.timeout(30):
        while channel._threads.alive:  # noqa: ASYNC110 - threads set no event
            await asyncio.sleep(0.02)
    server.close()


# ------------------------------------------------------------------ mail


class Mailbox:
    """A mail server that keeps what comes, or refuses it."""

    def __init__(self, refusal: str | None = None) -> None:
        self.came: list[Envelope] = []
        self.refusal = refusal

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusal is not None:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.came.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(box: Mailbox) -> Iterator[int]:
    port = free_port()
    controller = Controller(box, "127.0.0.1", port, ready_timeout=60)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mail_url(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=shouhu@example.org&to={{address}}&mode=insecure"


async def test_mail_arrives_in_the_readers_language() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        assert await send(mail_url(port), book=Book("wang+ward@example.org", "en"), privacy="name") == Sent()
    (envelope,) = box.came
    assert envelope.rcpt_tos == ["wang+ward@example.org"]
    assert isinstance(envelope.content, bytes)
    mail = email.message_from_bytes(envelope.content)
    assert (
        str(make_header(decode_header(mail["Subject"])))
        == "High priority: Emergency call: Pressed the emergency button"
    )
    payloads = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    assert any(isinstance(one, bytes) and NAME.encode() in one for one in payloads)


@pytest.mark.parametrize(
    ("refusal", "result"),
    [
        ("550 no such user here", FailedForGood("the mail server answered 550")),
        ("451 greylisted, come again", FailedForNow("the mail server answered 451")),
    ],
)
async def test_a_mail_server_says_whether_it_is_for_good(refusal: str, result: Result) -> None:
    with mail_server(Mailbox(refusal)) as port:
        assert await send(mail_url(port), book=Book("wang@example.org")) == result


async def test_no_mail_server_is_for_now() -> None:
    result = await send(mail_url(free_port()), book=Book("wang@example.org"))
    assert result == FailedForNow("cannot reach it: connection error")


# ------------------------------------------------------------------ what is never told


@contextmanager
def whole_log() -> Iterator[io.StringIO]:
    """All that reaches the service's log at its most talkative; pytest itself looks past what is not passed on."""
    told, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(told), root.level
    # The mail server of the test runs in this process and is no part of the service.
    handler.addFilter(lambda record: record.name != "mail.log")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@pytest.mark.parametrize("status", [200, 403, 500])
async def test_no_address_token_or_name_is_logged(status: int) -> None:
    with whole_log() as log:
        results = await unlucky(status)
    told = log.getvalue() + repr(results)
    for secret in (SECRET, "13800138000", NAME):
        assert secret not in told


async def unlucky(status: int) -> list[Any]:
    """What becomes of letters to a service that answers so, to none, and to a mail server that refuses."""
    service = Service(status, body=f"{SECRET} is unknown")
    async with served(service.take) as port:
        url = f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}/{{address}}"
        result = await send(url, privacy="full", book=Book("13800138000"))
        gone = await send(url.replace(f":{port}/", f":{free_port()}/"), privacy="full", book=Book("13800138000"))
    with mail_server(Mailbox("550 13800138000 unknown")) as mail_port:
        refused = await send(mail_url(mail_port), privacy="full", book=Book("13800138000@example.org"))
    return [result, gone, refused, AppriseChannel("sms", url, Book)]
