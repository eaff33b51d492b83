"""The alarm feed and the answers to a button, heard by an ordinary MQTT client on real brokers."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from alerts.alarm import Outcome
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from alerts.journal.outbox import deliver
from alerts.journal.schema import Status
from alerts.notify.mqtt import MqttChannel
from ingest.directory import Device, DeviceType
from ingest.listener import Endpoint
from service.database import make_engine

WITHIN_S = 60


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(params=["mosquitto", "embedded_broker"])
def broker(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def site() -> str:
    """A site of the test's own, so that tests on one broker do not hear each other."""
    return f"site-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def hearing(broker: Any, *topics: str) -> AsyncIterator[aiomqtt.Client]:
    version = aiomqtt.ProtocolVersion.V5
    name = f"hearer-{uuid.uuid4().hex[:8]}"
    async with aiomqtt.Client(broker.host, broker.port, protocol=version, identifier=name) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield client


async def hear(client: aiomqtt.Client, count: int) -> list[tuple[str, dict[str, Any], str]]:
    """Topic, body and the user property `id` of the next messages."""
    heard: list[tuple[str, dict[str, Any], str]] = []
    async with asyncio.timeout(WITHIN_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            assert message.qos == 1
            identity = dict(message.properties.UserProperty)["id"] if message.properties else ""
            heard.append((str(message.topic), json.loads(message.payload), identity))
            if len(heard) == count:
                break
    return heard


@asynccontextmanager
async def working(folder: Path, channel: MqttChannel) -> AsyncIterator[Desk]:
    engine = make_engine(f"sqlite:///{folder}/shouhu.db")
    try:
        async with Desk(engine, [channel]) as desk:
            task = asyncio.create_task(deliver(desk, channel, clock_ms))
            try:
                yield desk
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        engine.dispose()


async def press(desk: Desk, site: str, resident: str = "resident-1") -> str:
    """Record a press of button-1; returns the alarm."""
    now_ms = clock_ms()
    devices = (Device(site, "button-1", DeviceType.BUTTON, resident),)
    finding = Finding(0, Condition.SOS, "press", Change.BEGAN, Priority.HIGH, now_ms, now_ms)
    (transition,) = await desk.record([finding], devices, now_ms, now_ms)
    return transition.alarm.alarm


async def all_sent(desk: Desk) -> None:
    async with asyncio.timeout(WITHIN_S):
        while any(status is Status.PENDING for _, status in await desk.letter_counts()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_press_is_on_the_feed_and_the_button_is_answered(tmp_path: Path, broker: Any, site: str) -> None:
    channel = MqttChannel([Endpoint(broker.host, broker.port)])
    feed, command = f"care/v1-alarms/{site}", f"care/v1/{site}/button-1/cmd"
    async with hearing(broker, feed, command) as client, working(tmp_path, channel) as desk:
        alarm = await press(desk, site)
        first = await hear(client, 2)
        await desk.acknowledge(alarm, "nurse", clock_ms())
        second = await hear(client, 2)
        await desk.resolve(alarm, "nurse", Outcome.TRUE, "", clock_ms())
        third = await hear(client, 1)
        await all_sent(desk)
    heard = [*first, *second, *third]
    assert [(topic, body.get("state", body.get("cmd"))) for topic, body, _ in heard] == [
        (feed, "unacknowledged"),
        (command, "sos-ack"),
        (feed, "acknowledged"),
        (command, "sos-accepted"),
        (feed, "resolved"),
    ]
    assert {body["alarm"] for _, body, _ in heard} == {alarm}
    assert set(heard[0][1]) == {"alarm", "resident", "device", "condition", "priority", "state", "at", "onset"}
    assert heard[1][1] == {"cmd": "sos-ack", "alarm": alarm}
    assert [identity for _, _, identity in heard] == [f"{alarm}-{part}" for part in ("1", "1-1", "2", "2-1", "3")]


async def test_what_happened_while_the_broker_was_away_is_told_afterwards(
    tmp_path: Path, broker: Any, site: str
) -> None:
    channel = MqttChannel([Endpoint(broker.host, broker.port)])
    async with working(tmp_path, channel) as desk:
        before = await press(desk, site, "resident-0")
        await all_sent(desk)
        await asyncio.to_thread(broker.stop)
        alarm = await press(desk, site)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(broker.start)
        async with hearing(broker, f"care/v1-alarms/{site}") as client:
            # The feed is not retained: whoever subscribes late hears from then on. Later ones prove the way is up.
            late = await press(desk, site, "resident-2")
            async with asyncio.timeout(WITHIN_S):
                while (await hear(client, 1))[0][1]["alarm"] != late:
                    pass
        await all_sent(desk)
        counts = await desk.letter_counts()
    assert len({before, alarm, late}) == 3
    assert counts == {("mqtt", Status.SENT): 6}


async def test_the_next_broker_is_tried_when_one_is_away(tmp_path: Path, mosquitto: Any, site: str) -> None:
    channel = MqttChannel([Endpoint("127.0.0.1", 1), Endpoint(mosquitto.host, mosquitto.port)])
    async with hearing(mosquitto, f"care/v1-alarms/{site}") as client, working(tmp_path, channel) as desk:
        alarm = await press(desk, site)
        assert (await hear(client, 1))[0][1]["alarm"] == alarm


async def test_a_broker_that_hangs_is_left_and_joined_again(tmp_path: Path, mosquitto: Any, site: str) -> None:
    channel = MqttChannel([Endpoint(mosquitto.host, mosquitto.port)], time_limit_s=0.5)
    async with working(tmp_path, channel) as desk:
        await press(desk, site, "resident-0")
        await all_sent(desk)
        mosquitto.pause()
        try:
            await press(desk, site)
            await asyncio.sleep(1.0)
            assert (await desk.letter_counts())["mqtt", Status.PENDING] == 2
        finally:
            mosquitto.resume()
        await all_sent(desk)


async def test_the_password_is_not_logged(
    tmp_path: Path, mosquitto: Any, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = MqttChannel([Endpoint(mosquitto.host, mosquitto.port)], username="shouhu", password="Geheim7")
    async with working(tmp_path, channel) as desk:
        await press(desk, site)
        await all_sent(desk)
    assert any(record.name.startswith("alerts") for record in caplog.records)
    assert "Geheim7" not in caplog.text


async def test_leaving_at_any_moment_ends(tmp_path: Path, mosquitto: Any, site: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        for number in range(20):
            channel = MqttChannel([Endpoint(mosquitto.host, mosquitto.port)])
            async with working(tmp_path, channel) as desk:
                await press(desk, site, f"resident-{number}")
                await asyncio.sleep(number * 0.002)
