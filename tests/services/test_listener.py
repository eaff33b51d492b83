"""The session against a real broker: batches, acknowledgement when told, redelivery, reconnecting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiomqtt
import pytest

from ingest.listener import Batch, Endpoint, Session, SessionOptions
from tests.conftest import free_port

LIMIT_S = 60.0


def client(broker: Any) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5)


@contextlib.asynccontextmanager
async def listening(broker: Any, client_id: str, **options: Any) -> AsyncIterator[Session]:
    session = Session(
        [Endpoint(broker.host, broker.port)],
        SessionOptions(client_id, (f"care/v1/{client_id}/#",), session_expiry_s=60, **options),
    )
    task = asyncio.create_task(session.run())
    try:
        await asyncio.wait_for(session.connected.wait(), LIMIT_S)
        yield session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def take(session: Session, count: int, *, acknowledge: bool = True) -> list[Batch]:
    """Batches until `count` messages have come."""
    batches: list[Batch] = []
    async with asyncio.timeout(LIMIT_S):
        async for batch in session.batches():
            batches.append(batch)
            if acknowledge:
                session.acknowledge(batch)
            if sum(map(len, batches)) >= count:
                break
    return batches


@pytest.fixture(params=["mosquitto", "embedded_broker"])
def broker(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


async def test_what_is_published_arrives_in_order_in_batches(broker: Any) -> None:
    site = uuid4().hex
    async with listening(broker, site) as session, client(broker) as publisher:
        for number in range(60):
            await publisher.publish(f"care/v1/{site}/d/vitals", str(number), qos=number % 2)
        batches = await take(session, 60)
    payloads = [payload for batch in batches for payload in batch.payloads]
    assert payloads == [str(n).encode() for n in range(60)]
    # rumqttd hands on QoS 0 messages as QoS 1
    assert sum(len(batch.packet_ids) for batch in batches) >= 30


async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(broker: Any) -> None:
    site = uuid4().hex
    async with client(broker) as publisher:
        async with listening(broker, site) as session:
            await publisher.publish(f"care/v1/{site}/d/sos", "one", qos=1)
            await take(session, 1)
            await publisher.publish(f"care/v1/{site}/d/sos", "two", qos=1)
            await take(session, 1, acknowledge=False)
            await asyncio.sleep(0.2)  # let the acknowledgement reach the broker
        await publisher.publish(f"care/v1/{site}/d/sos", "three", qos=1)
        async with listening(broker, site) as session:
            again = await take(session, 2)
    assert [payload for batch in again for payload in batch.payloads] == [b"two", b"three"]


async def test_a_large_payload_and_small_ones_beside_it_arrive_whole(broker: Any) -> None:
    site = uuid4().hex
    large = bytes(range(256)) * 4096  # 1 MiB
    async with listening(broker, site) as session, client(broker) as publisher:
        for payload in (b"before", large, b"after"):
            await publisher.publish(f"care/v1/{site}/d/vitals", payload, qos=1)
        batches = await take(session, 3)
    assert [payload for batch in batches for payload in batch.payloads] == [b"before", large, b"after"]


async def test_the_receive_window_holds_the_rest_back_at_the_broker(mosquitto: Any) -> None:
    site = uuid4().hex
    async with listening(mosquitto, site, receive_max=10) as session, client(mosquitto) as publisher:
        for number in range(30):
            await publisher.publish(f"care/v1/{site}/d/vitals", str(number), qos=1)
        first = await take(session, 10, acknowledge=False)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(session.batches()), 0.3)
        for batch in first:
            session.acknowledge(batch)
        rest = await take(session, 20)
    assert sum(map(len, first)) == 10
    assert sum(map(len, rest)) == 20


async def test_it_comes_back_when_the_broker_does(mosquitto: Any) -> None:
    site = uuid4().hex
    async with listening(mosquitto, site) as session:
        mosquitto.stop()
        async with asyncio.timeout(LIMIT_S):
            while session.connected.is_set():  # noqa: ASYNC110 the event cannot be waited for to clear
                await asyncio.sleep(0.02)
        mosquitto.start()
        await asyncio.wait_for(session.connected.wait(), LIMIT_S)
        assert session.connects == 2
        async with client(mosquitto) as publisher:
            await publisher.publish(f"care/v1/{site}/d/vitals", "back", qos=1)
        (batch,) = await take(session, 1)
        assert batch.payloads == [b"back"]


async def test_brokers_are_tried_in_order(mosquitto: Any) -> None:
    site = uuid4().hex
    options = SessionOptions(site, (f"care/v1/{site}/#",))
    session = Session([Endpoint("127.0.0.1", free_port()), Endpoint(mosquitto.host, mosquitto.port)], options)
    task = asyncio.create_task(session.run())
    try:
        await asyncio.wait_for(session.connected.wait(), LIMIT_S)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert session.connects == 1


async def test_a_peer_that_falls_silent_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """A half-open connection: the other side accepts, greets, and is never heard again."""

    greeted: set[asyncio.Task[Any]] = set()

    async def greet_and_fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        greeted.add(task)
        await reader.read(1000)
        writer.write(b"\x20\x03\x00\x00\x00")
        await reader.read(1000)
        writer.write(b"\x90\x04\x00\x01\x00\x01")
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(greet_and_fall_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    session = Session([Endpoint("127.0.0.1", port)], SessionOptions("x", ("a",), keep_alive_s=1))
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            while session.connects < 2:  # noqa: ASYNC110 there is no event for the second time
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()
        await server.wait_closed()
        await asyncio.wait_for(asyncio.gather(*greeted), LIMIT_S)
    assert "nothing heard for 2 s" in caplog.text
