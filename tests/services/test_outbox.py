"""The outbox against a real HTTP receiver that is slow, failing or dead, and a service that is killed."""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from alerts.alarm import Outcome, Transition
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.journal import Journal
from alerts.journal.outbox import deliver
from alerts.journal.schema import Status, metadata
from alerts.notify.backoff import Backoff
from alerts.notify.contract import Letter
from alerts.notify.webhook import Webhook, body_of
from ingest.directory import Device, DeviceType
from service.database import make_engine
from tests.conftest import free_port

WITHIN_S = 40
SOON = Backoff(first_s=0.02, most_s=0.05)
DEVICES = tuple(Device("ward", f"button-{n}", DeviceType.BUTTON, f"resident-{n}") for n in range(64))


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


def press(row: int, priority: Priority = Priority.HIGH) -> Finding:
    now_ms = clock_ms()
    return Finding(row, Condition.SOS, "press", Change.BEGAN, priority, now_ms, now_ms)


class Receiver:
    """Somebody else's HTTP service: keeps what came, answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.came: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.status: Callable[[dict[str, Any]], int] = lambda body: 204
        self.retry_after: str | None = None
        self.delay_s: Callable[[dict[str, Any]], float] = lambda body: 0.0
        self.url = ""
        self._stir = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        body = json.loads(raw)
        self.asked += 1
        self._stir.set()
        await asyncio.sleep(self.delay_s(body))
        status = self.status(body)
        self.came.append((request.headers["Idempotency-Key"], body))
        self.headers.append(dict(request.headers))
        self.bodies.append(raw)
        self._stir.set()
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return web.Response(status=status, headers=headers)

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not enough():
                self._stir.clear()
                await self._stir.wait()

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/hook", self.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield
        finally:
            await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    async with made.served():
        yield made


@asynccontextmanager
async def working(
    folder: Path, *channels: Webhook, clock_ms: Callable[[], int] = clock_ms, desk_of: type[Desk] = Desk
) -> AsyncIterator[Desk]:
    """A desk with a delivery task for each channel."""
    engine = make_engine(f"sqlite:///{folder}/shouhu.db")
    try:
        async with desk_of(engine, channels) as desk:
            tasks = [asyncio.create_task(deliver(desk, channel, clock_ms)) for channel in channels]
            try:
                yield desk
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        engine.dispose()


async def until(enough: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await enough():  # noqa: ASYNC110 - asks a database, which sets no event
            await asyncio.sleep(0.01)


async def record(desk: Desk, *findings: Finding) -> list[Transition]:
    return await desk.record(findings, DEVICES, clock_ms(), clock_ms())


async def test_a_press_is_pushed_at_once_and_signed(tmp_path: Path, receiver: Receiver) -> None:
    async with working(tmp_path, Webhook("hook", receiver.url, secret="开门")) as desk:
        (raised,) = await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 1)
        taken = await desk.acknowledge(raised.alarm.alarm, "nurse", clock_ms())
        await receiver.until(lambda: len(receiver.came) == 2)
    (key, body), (_, second) = receiver.came
    assert key == f"{raised.alarm.alarm}-1"
    assert body == json.loads(body_of(raised))
    assert {"alarm", "resident", "device", "condition", "priority", "state", "at", "onset"} <= body.keys()
    assert (second["state"], second["by"]) == ("acknowledged", "nurse")
    assert second == json.loads(body_of(taken))
    expected = hmac.new("开门".encode(), receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["Shouhu-Signature"] == f"sha256={expected}"


async def test_what_fails_for_now_is_tried_again_with_the_same_key(tmp_path: Path, receiver: Receiver) -> None:
    answers = iter([500, 503, 429, 404])
    receiver.status = lambda body: next(answers, 200)
    async with working(tmp_path, Webhook("hook", receiver.url, backoff=SOON)) as desk:
        await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 5)
        await until(lambda: has(desk, "hook", Status.SENT, 1))
    assert len({key for key, _ in receiver.came}) == 1


async def has(desk: Desk, channel: str, status: Status, count: int) -> bool:
    return (await desk.letter_counts()).get((channel, status), 0) == count


async def test_a_receiver_that_asks_for_patience_gets_it(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status, receiver.retry_after = lambda body: 503 if len(receiver.came) == 0 else 200, "1"
    async with working(tmp_path, Webhook("hook", receiver.url, backoff=Backoff(first_s=0.01, most_s=1))) as desk:
        await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 1)
        began_s = time.monotonic()
        await receiver.until(lambda: len(receiver.came) == 2)
    assert time.monotonic() - began_s > 0.9


async def test_what_fails_for_good_is_recorded_and_seen(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = lambda body: 400 if body["event"] == "raise" else 200
    async with working(tmp_path, Webhook("hook", receiver.url)) as desk:
        (raised,) = await record(desk, press(0))
        await until(lambda: has(desk, "hook", Status.FAILED, 1))
        (failure,) = await desk.letter_failures()
        assert (failure.alarm, failure.reason) == (raised.alarm.alarm, "answered 400")
        await desk.resolve(raised.alarm.alarm, "nurse", Outcome.TRUE, "", clock_ms())
        await receiver.until(lambda: len(receiver.came) == 2)


async def test_it_gives_up_in_the_end_and_says_so(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = lambda body: 500
    hook = Webhook("hook", receiver.url, backoff=Backoff(0.01, 0.02, give_up_s=9_000))
    # An hour a try, so that how fast this machine is does not say how many there are.
    hours_later = lambda: clock_ms() + 3_600_000 * len(receiver.came)  # noqa: E731
    async with working(tmp_path, hook, clock_ms=hours_later) as desk:
        await record(desk, press(0))
        await until(lambda: has(desk, "hook", Status.FAILED, 1))
        (failure,) = await desk.letter_failures()
    assert failure.reason.startswith("gave up")
    assert failure.attempts == 3


async def test_a_later_transition_never_overtakes_an_earlier_one(tmp_path: Path, receiver: Receiver) -> None:
    chance = random.Random(5)
    receiver.status = lambda body: chance.choice([200, 500])
    async with working(tmp_path, Webhook("hook", receiver.url, backoff=SOON)) as desk:
        for row in range(6):
            await record(desk, press(row))
        alarms = [alarm.alarm for alarm in await desk.open_alarms()]
        await until(lambda: has(desk, "hook", Status.SENT, 6))
        for alarm in alarms:
            await desk.acknowledge(alarm, "nurse", clock_ms())
            await desk.resolve(alarm, "nurse", Outcome.TEST, "", clock_ms())
        await until(lambda: has(desk, "hook", Status.SENT, 18))
    for alarm in alarms:
        sequences = [body["sequence"] for _, body in receiver.came if body["alarm"] == alarm]
        assert sequences == sorted(sequences)
        assert len(set(sequences)) == 3


class SlowToAsk(Desk):
    """Something is journalled just before letters are asked for, and is sent and struck off before that is answered."""

    begun = ended = False

    async def due(self, *arguments: Any, **more: Any) -> list[Letter]:
        if not self.begun:
            self.begun = True
            await record(self, press(0))
        return await super().due(*arguments, **more)

    async def next_due_ms(self, channel: str, now_ms: int) -> int | None:
        if not self.ended:
            self.ended = True
            await until(lambda: has(self, channel, Status.SENT, 1))
            await asyncio.sleep(0.1)  # and its place is free
        return await super().next_due_ms(channel, now_ms)


async def test_what_is_found_in_the_database_and_handed_over_as_well_is_sent_once(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with working(tmp_path, Webhook("hook", receiver.url), desk_of=SlowToAsk) as desk:
        await until(lambda: has(desk, "hook", Status.SENT, 1))
        await record(desk, press(1))
        await until(lambda: has(desk, "hook", Status.SENT, 2))
    assert [body["device"] for _, body in receiver.came] == ["button-0", "button-1"]


class TwiceAndSlowToAsk(SlowToAsk):
    """The same with two letters of one alarm, of which word came before the database was asked."""

    async def due(self, channel: str, *arguments: Any, **more: Any) -> list[Letter]:
        if not self.begun:
            self.begun = True
            await record(self, press(0, Priority.LOW))
            await record(self, replace(press(0), onset_ms=clock_ms() + 1))
            posted = self.posted(channel)
            assert posted is not None
            assert len(posted) == 2
        return await super().due(channel, *arguments, **more)


async def test_the_second_letter_of_an_alarm_leaves_however_fast_the_first_did(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with working(tmp_path, Webhook("hook", receiver.url), desk_of=TwiceAndSlowToAsk) as desk:
        await until(lambda: has(desk, "hook", Status.SENT, 2))
    assert [body["priority"] for _, body in receiver.came] == ["low", "high"]


async def test_alarms_do_not_wait_for_one_that_fails(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = lambda body: 500 if body["device"] == "button-0" else 200
    async with working(tmp_path, Webhook("hook", receiver.url, backoff=Backoff(first_s=30))) as desk:
        await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 1)
        await record(desk, press(1))
        await receiver.until(lambda: len(receiver.came) == 2)


async def test_a_press_overtakes_a_flood_into_a_slow_receiver(tmp_path: Path, receiver: Receiver) -> None:
    receiver.delay_s = lambda body: 60.0 if body["priority"] == "low" else 0.0
    async with working(tmp_path, Webhook("hook", receiver.url)) as desk:
        await record(desk, *(press(row, Priority.LOW) for row in range(1, 64)))
        await receiver.until(lambda: receiver.asked > 0)
        await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 1)  # long before the first of the flood is answered
    assert receiver.came[0][1]["device"] == "button-0"


async def test_a_dead_channel_delays_no_other(tmp_path: Path, receiver: Receiver) -> None:
    hanging = socket.create_server(("127.0.0.1", 0))  # takes connections and never says a word
    dead = Webhook("dead", f"http://127.0.0.1:{hanging.getsockname()[1]}/", time_limit_s=0.2, backoff=SOON)
    try:
        async with working(tmp_path, dead, Webhook("hook", receiver.url)) as desk:
            for row in range(20):
                await record(desk, press(row))
            await receiver.until(lambda: len(receiver.came) == 20)
            await until(lambda: has(desk, "hook", Status.SENT, 20))
            assert await has(desk, "dead", Status.PENDING, 20)
    finally:
        hanging.close()


async def test_acknowledging_calls_off_the_call_that_has_not_gone_out(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = lambda body: 500 if body["event"] == "raise" else 200
    async with working(tmp_path, Webhook("hook", receiver.url, backoff=Backoff(first_s=30))) as desk:
        (raised,) = await record(desk, press(0))
        await receiver.until(lambda: len(receiver.came) == 1)
        await desk.acknowledge(raised.alarm.alarm, "nurse", clock_ms())
        await receiver.until(lambda: len(receiver.came) == 2)
        await until(lambda: has(desk, "hook", Status.SENT, 1))
        assert await has(desk, "hook", Status.CANCELLED, 1)


async def test_letters_wait_through_a_restart_and_a_receiver_that_is_away(tmp_path: Path) -> None:
    receiver, port = Receiver(), free_port()
    url = f"http://127.0.0.1:{port}/hook"
    hook = Webhook("hook", url, backoff=SOON)
    async with working(tmp_path, hook) as desk:
        await record(desk, press(0), press(1))
        await asyncio.sleep(0.1)
        assert await has(desk, "hook", Status.PENDING, 2)
    async with working(tmp_path, Webhook("hook", url, backoff=SOON)), receiver.served(port):
        await receiver.until(lambda: len({key for key, _ in receiver.came}) == 2)


async def test_letters_go_on_when_the_database_comes_back(receiver: Receiver, postgresql: Any) -> None:
    engine = make_engine(postgresql.url)
    metadata.drop_all(engine)
    hook = Webhook("hook", receiver.url, backoff=SOON)
    receiver.delay_s = lambda body: 0.3
    async with Desk(engine, [hook]) as desk:
        sending = asyncio.create_task(deliver(desk, hook, clock_ms))
        await record(desk, press(0))
        await receiver.until(lambda: receiver.asked > 0)
        await asyncio.to_thread(postgresql.stop)  # while the letter is on its way
        await asyncio.sleep(0.5)
        await asyncio.to_thread(postgresql.start)
        await record(desk, press(1))
        await until(lambda: has(desk, "hook", Status.SENT, 2))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    engine.dispose()
    assert len({key for key, _ in receiver.came}) == 2


async def test_secrets_of_a_url_are_shown_nowhere(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    host = receiver.url.removeprefix("http://").removesuffix("/hook")
    secret = "Geheim7"
    urls = {
        "refused": f"http://user:{secret}@{host}/hook?token={secret}",
        "unreachable": f"http://user:{secret}@127.0.0.1:1/?token={secret}",
        "nameless": f"http://{secret}.invalid/?token={secret}",
        "not-a-url": f"http://:{secret}",
    }
    receiver.status = lambda body: 400
    hooks = [Webhook(name, url, secret=secret, backoff=Backoff(0.01, 0.02, 0.05)) for name, url in urls.items()]
    async with working(tmp_path, *hooks) as desk:
        await record(desk, press(0))
        for name in urls:
            await until(lambda name=name: has(desk, name, Status.FAILED, 1))
        failures = await desk.letter_failures()
    assert len(failures) == len(urls)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("alerts")]
    assert len(ours) >= len(urls)
    assert secret not in "".join([repr(failures), repr(hooks), caplog.text, *ours])


async def test_a_fault_in_a_channel_ends_nothing(tmp_path: Path, receiver: Receiver) -> None:
    class Faulty(Webhook):
        async def send(self, letter: Any) -> Any:
            raise ZeroDivisionError("Geheim7")

    async with working(tmp_path, Faulty("faulty", receiver.url, backoff=SOON), Webhook("hook", receiver.url)) as desk:
        await record(desk, press(0))
        await record(desk, press(1))
        await receiver.until(lambda: len(receiver.came) == 2)
        assert await has(desk, "faulty", Status.PENDING, 2)


async def test_presses_one_after_another_reach_the_receiver_fast(tmp_path: Path, receiver: Receiver) -> None:
    delays_s = []
    async with working(tmp_path, Webhook("hook", receiver.url)) as desk:
        for row in range(20):
            began_s = time.perf_counter()
            await record(desk, press(row))
            await receiver.until(lambda row=row: len(receiver.came) == row + 1)
            delays_s.append(time.perf_counter() - began_s)
    assert sorted(delays_s)[len(delays_s) // 2] < 0.25, "generous, for busy machines"


# ------------------------------------------------------------------ kill -9

SERVICE = """
import asyncio, sys, time
from pathlib import Path
from alerts.journal.desk import Desk
from alerts.findings import Change, Condition, Finding, Priority
from alerts.notify.backoff import Backoff
from alerts.notify.webhook import Webhook
from alerts.journal.outbox import deliver
from ingest.directory import Device, DeviceType
from service.database import make_engine

url, folder, start, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
devices = [Device("ward", f"button-{n}", DeviceType.BUTTON, f"resident-{n}") for n in range(start, start + count)]

def clock_ms():
    return time.time_ns() // 1_000_000

async def main():
    hook = Webhook("hook", url, backoff=Backoff(0.01, 0.05))
    async with Desk(make_engine(f"sqlite:///{folder}/shouhu.db"), [hook]) as desk:
        sending = asyncio.create_task(deliver(desk, hook, clock_ms))
        for row in range(count):
            now_ms = clock_ms()
            finding = Finding(row, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, now_ms, now_ms)
            (transition,) = await desk.record([finding], devices, now_ms, now_ms)
            # Only now would the service acknowledge the press to the broker.
            print(f"{transition.alarm.alarm}-{transition.sequence}", flush=True)
        await sending

asyncio.run(main())
"""


async def test_killed_between_journal_and_sending_every_transition_arrives(tmp_path: Path, receiver: Receiver) -> None:
    rounds, presses = 6, 40
    chance = random.Random(11)
    promised: set[str] = set()
    for number in range(rounds):
        process = await start(receiver, tmp_path, number * presses, presses)
        assert process.stdout is not None
        for _ in range(chance.randrange(1, presses)):
            promised.add((await process.stdout.readline()).decode().strip())
        await kill(process)
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    journalled = {f"{t.alarm.alarm}-{t.sequence}" for t in Journal(engine).transitions_after(0)}
    engine.dispose()
    assert promised <= journalled, "what was acknowledged to the broker is journalled"
    process = await start(receiver, tmp_path, 0, 0)
    try:
        await receiver.until(lambda: journalled <= {key for key, _ in receiver.came})
    finally:
        await kill(process)
    by_key: dict[str, list[dict[str, Any]]] = {}
    for key, body in receiver.came:
        by_key.setdefault(key, []).append(body)
        assert key == f"{body['alarm']}-{body['sequence']}"
    assert by_key.keys() == journalled, "all that was journalled reached somebody, and nothing else"
    assert all(body == bodies[0] for bodies in by_key.values() for body in bodies), "a repetition is the same letter"


async def start(receiver: Receiver, folder: Path, first: int, presses: int) -> asyncio.subprocess.Process:
    arguments = (receiver.url, str(folder), str(first), str(presses))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )


async def kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.communicate()
