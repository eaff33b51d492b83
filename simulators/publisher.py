"""Publishes prepared messages as fast as asked over a few MQTT 5 connections, and times the acknowledgements.

The codec is mqtt5; everything due is encoded and written at once, so that the generator costs little beside the
broker it loads. Messages of QoS 1 wait while the broker's receive maximum of them is unacknowledged.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

import mqtt5

from simulators.gateway import Login
from simulators.stream import Int

_CONNECT_WITHIN_S: Final = 10.0
_KEEP_ALIVE_S: Final = 60
#: At most so much waits in the socket's buffer; what is due after that waits its turn and is published late.
_BUFFER_BYTES: Final = 1_000_000

#: What a broker answers when it took a message.
_TAKEN: Final = (mqtt5.PubAckReasonCode.SUCCESS, mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS)


class PublisherError(Exception):
    """The broker refused the connection or ended it."""


@dataclass(slots=True)
class Tally:
    """What has been published and acknowledged so far; latencies in nanoseconds."""

    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    latency_ns: list[int] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One MQTT 5 session that publishes and counts acknowledgements."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._free_ids: deque[int] = deque()
        self._sent_ns: dict[int, int] = {}
        self._writable = True
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._moved = asyncio.Event()

    @property
    def unacknowledged(self) -> int:
        """Messages of QoS 1 on their way."""
        return len(self._sent_ns)

    def hello(self, client_id: str, login: Login) -> None:
        """Open the session."""
        assert self._transport is not None
        password = None if login.password is None else login.password.encode()
        packet = mqtt5.ConnectPacket(
            client_id, username=login.username, password=password, clean_start=True, keep_alive=_KEEP_ALIVE_S
        )
        self._transport.write(packet.write())

    def room(self, qos: int) -> int:
        """How many messages may be written now."""
        if not self._writable or self.lost.done():
            return 0
        return len(self._free_ids) if qos else 10_000

    async def moved(self) -> None:
        """Wait until something was acknowledged or the socket takes more."""
        self._moved.clear()
        await self._moved.wait()

    def publish(self, topics: Sequence[str], payloads: Sequence[bytes], qos: int) -> None:
        """Write messages, at most `room`, in one piece."""
        assert self._transport is not None
        level = mqtt5.QoS(qos)
        now_ns = time.monotonic_ns()
        parts = []
        # One encode call a message: the codec has no batch form.
        for topic, payload in zip(topics, payloads, strict=True):
            packet_id = None
            if qos:
                packet_id = self._free_ids.popleft()
                self._sent_ns[packet_id] = now_ns
            parts.append(mqtt5.PublishPacket(topic, payload, qos=level, packet_id=packet_id).write())
        self._transport.write(b"".join(parts))
        self._tally.published += len(parts)

    def ping(self) -> None:
        """Keep the session alive while nothing is sent."""
        if self._transport is not None and not self.lost.done():
            self._transport.write(mqtt5.PingReqPacket().write())

    def close(self) -> None:
        """End the session."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(mqtt5.DisconnectPacket().write())
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one, but does not inherit from it
        self._transport.set_write_buffer_limits(high=_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """asyncio: take all whole packets there are."""
        buffer = self._rest + data if self._rest else data
        view = memoryview(buffer)
        position = 0
        now_ns = time.monotonic_ns()
        # One read call a packet: the codec has no batch form.
        while position < len(buffer):
            try:
                packet, used = mqtt5.read(view[position:])
            except IndexError:
                break  # the last packet is not whole yet
            except ValueError as error:
                self._fail(PublisherError(f"the broker sent a malformed packet: {error}"))
                self.close()
                return
            position += used
            self._take(packet, now_ns)
        self._rest = bytes(view[position:])
        self._moved.set()

    def _take(self, packet: object, now_ns: int) -> None:
        match packet:
            case mqtt5.PubAckPacket():
                sent_ns = self._sent_ns.pop(packet.packet_id, None)
                if sent_ns is None:
                    return
                self._free_ids.append(packet.packet_id)
                self._tally.latency_ns.append(now_ns - sent_ns)
                self._tally.acknowledged += 1
                if packet.reason_code not in _TAKEN:
                    self._tally.refused += 1
            case mqtt5.ConnAckPacket():
                if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                    self._fail(PublisherError(f"the broker refused the connection: {packet.reason_code.name}"))
                    return
                self._free_ids = deque(range(1, min(packet.receive_max, 65_535) + 1))
                if not self.connected.done():
                    self.connected.set_result(None)
            case mqtt5.DisconnectPacket():
                self._fail(PublisherError(f"the broker ended the connection: {packet.reason_code.name}"))
            case _:
                pass  # PINGRESP

    def pause_writing(self) -> None:
        """asyncio: the socket's buffer is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """asyncio: the socket takes more."""
        self._writable = True
        self._moved.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the socket is closed."""
        self._fail(PublisherError(f"the connection was lost: {exc or 'closed by the broker'}"))

    def _fail(self, error: PublisherError) -> None:
        for future in (self.connected, self.lost):
            if not future.done():
                future.set_exception(error)
                future.exception()  # looked at, so that asyncio does not call it forgotten
        self._moved.set()


async def connect(host: str, port: int, client_id: str, tally: Tally, login: Login | None = None) -> Connection:
    """An open session; PublisherError where the broker cannot be reached or refuses."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            _, connection = await loop.create_connection(lambda: Connection(tally), host, port)
            connection.hello(client_id, login or Login())
            await connection.connected
    except (OSError, TimeoutError) as error:
        reason = str(error) or f"no answer within {_CONNECT_WITHIN_S:g} s"
        raise PublisherError(f"cannot reach the broker {host}:{port}: {reason}") from error
    return connection


async def publish_at(
    connection: Connection, topics: Sequence[str], payloads: Sequence[bytes], due_ns: Int, qos: int
) -> None:
    """Publish each message at its monotonic time `due_ns` (n,), not decreasing, or as soon after as it can be."""
    position = 0
    pinged_ns = time.monotonic_ns()
    while position < len(topics):
        if connection.lost.done():
            connection.lost.result()  # raises why
        now_ns = time.monotonic_ns()
        due = int(due_ns.searchsorted(now_ns, side="right")) - position
        if due <= 0:
            if now_ns - pinged_ns > _KEEP_ALIVE_S * 5e8:
                connection.ping()
                pinged_ns = now_ns
            # Waking at most a thousand times a second makes the batches.
            await asyncio.sleep(min(1.0, max(0.001, (int(due_ns[position]) - now_ns) / 1e9)))
            continue
        batch = min(due, connection.room(qos), 1000)
        if batch == 0:
            await connection.moved()
            continue
        connection.publish(topics[position : position + batch], payloads[position : position + batch], qos)
        position += batch
        await asyncio.sleep(0)


async def settle(connection: Connection, within_s: float) -> None:
    """Wait until everything is acknowledged, at most `within_s`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while connection.unacknowledged and not connection.lost.done():
                await connection.moved()
