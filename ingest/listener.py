"""An MQTT 5 session that yields batches and acknowledges them when told.

Invariants:

- What one read of the socket holds becomes (part of) one batch; a batch is whatever waits when its taker is free,
  so batches grow by themselves under load and hold one message when idle. Under load reading also rests between
  reads, never longer than `max_rest_s`, since a fuller batch costs less a message; when idle it never rests.
- Nothing is acknowledged before `acknowledge`; a batch's acknowledgements leave in one write, in order of arrival.
- The session outlives the connection (clean start off): what was not acknowledged is delivered again.
- At most `receive_max` QoS 1 messages are unacknowledged; beyond that the broker keeps them. QoS 0 has no such
  window, so reading stops while more than `max_waiting` messages wait.
- An acknowledgement for a connection that is gone is dropped: the broker delivers again and the rest is idempotent.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import mqtt5
import numpy as np

from ingest.clock import wall_clock_ms

log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer", mqtt5.ConnAckPacket, mqtt5.SubAckPacket)

#: From this rate on reading rests between reads, for as long as so many messages take to come, so that reads fill.
#: Half the usual receive window: the broker sends one half while the other becomes durable.
_BUSY_MESSAGES_PER_S: Final = 1_000.0
_FULL_READ_MESSAGES: Final = 1_000
#: How long reading rests before it looks again whether there is room.
_FULL_REST_S: Final = 0.003
_CONNECT_LIMIT_S: Final = 10.0
#: Reason codes from here on mean no (MQTT 5, section 2.4).
_FIRST_REFUSAL: Final = 0x80
_FIRST_BACKOFF_S: Final = 0.2
_LAST_BACKOFF_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker's address; `tls` is the context to use, None for plain TCP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session presents itself to a broker."""

    client_id: str
    topic_filters: tuple[str, ...]
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    keep_alive_s: int = 30
    session_expiry_s: int = 86_400
    receive_max: int = 2_000
    max_waiting: int = 20_000
    max_rest_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in order of arrival; `packet_ids` are those of the QoS 1 messages among them."""

    topics: list[str]
    payloads: list[bytes]
    packet_ids: list[int]
    received_ms: int
    connection: int

    def __len__(self) -> int:
        return len(self.topics)


class RefusedError(Exception):
    """The broker, or the network, does not let this session in; the text says why."""


class _Wire(asyncio.Protocol):
    """One connection: bytes to packets and back; no decisions beyond keeping the connection alive."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._rest = b""
        self._resting = False
        self._last_read_s = 0.0
        self.transport: asyncio.Transport | None = None
        self.answers: asyncio.Queue[mqtt5.ConnAckPacket | mqtt5.SubAckPacket] = asyncio.Queue()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.last_heard_s = time.monotonic()
        self.last_sent_s = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one, but does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(str(exc) if exc else "closed by the broker")

    def lose(self, why: str) -> None:
        """End this connection; the first reason given is kept."""
        if not self.lost.done():
            self.lost.set_result(why)
        if self.transport is not None:
            self.transport.abort()

    def send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
            self.last_sent_s = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self.last_heard_s = now_s = time.monotonic()
        data = self._rest + data if self._rest else data
        view, at, end = memoryview(data), 0, len(data)
        arrived: list[mqtt5.PublishPacket] = []
        take, read, publish = arrived.append, mqtt5.read, mqtt5.PublishPacket
        try:
            # One step a packet: the codec reads no more at once, so the step is kept short.
            while at < end:
                packet, size = read(view[at:])
                at += size
                if type(packet) is publish:
                    take(packet)
                else:
                    self._answered(packet)
        except IndexError:
            pass  # the last packet is not whole yet
        except ValueError as error:
            self.lose(f"malformed packet: {error}")
        self._rest = data[at:]
        if arrived:
            self._session.arrived(arrived)
            self._rest_from_reading(len(arrived), now_s)

    def _answered(self, packet: mqtt5.Packet) -> None:
        """Take what is not a message: answers to our requests, or a farewell."""
        if isinstance(packet, mqtt5.ConnAckPacket | mqtt5.SubAckPacket):
            self.answers.put_nowait(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.lose(f"the broker says {packet.reason_code!r} {packet.reason_str or ''}".rstrip())
        # PINGRESP has done its work by arriving.

    def _rest_from_reading(self, taken: int, now_s: float) -> None:
        """Stop reading for as long as the next read needs to fill, going by what this one brought since the last."""
        elapsed_s, self._last_read_s = max(now_s - self._last_read_s, 1e-6), now_s
        if self._resting or self.transport is None:
            return
        if self._session.is_full:
            rest_s = _FULL_REST_S
        elif taken > _BUSY_MESSAGES_PER_S * elapsed_s:
            rest_s = min(_FULL_READ_MESSAGES * elapsed_s / taken, self._session.options.max_rest_s)
        else:
            return
        if rest_s > 0:
            self._resting = True
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(rest_s, self._resume)

    def _resume(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        self.last_heard_s = time.monotonic()  # silence while not listening is no sign of a dead peer
        if self._session.is_full:
            asyncio.get_running_loop().call_later(_FULL_REST_S, self._resume)
            return
        self._resting = False
        self.transport.resume_reading()


class Session:
    """A persistent MQTT 5 session; `run` keeps it connected, `batches` yields what arrives."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        options: SessionOptions,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        if not endpoints:
            raise ValueError("a session needs a broker")
        self._endpoints = tuple(endpoints)
        self.options = options
        self._clock_ms = clock_ms
        self._wire: _Wire | None = None
        self._connection = 0
        self._packets: list[mqtt5.PublishPacket] = []
        self._received_ms = 0
        self._arrival = asyncio.Event()
        self.connected = asyncio.Event()
        self.connects = 0

    # -------------------------------------------------------------- for the taker

    async def batches(self) -> AsyncIterator[Batch]:
        """Everything that arrived since the last batch, for ever."""
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            packets, self._packets = self._packets, []
            if packets:
                yield Batch(
                    topics=[p.topic for p in packets],
                    payloads=[p.payload for p in packets],
                    packet_ids=[p.packet_id for p in packets if p.packet_id is not None],
                    received_ms=self._received_ms,
                    connection=self._connection,
                )

    def acknowledge(self, batch: Batch) -> None:
        """Tell the broker that it may forget a batch; one write for all of it."""
        if batch.packet_ids and self._wire is not None and batch.connection == self._connection:
            self._wire.send(_acknowledgements(batch.packet_ids))

    # -------------------------------------------------------------- for the wire

    @property
    def is_full(self) -> bool:
        """Whether as much waits as may wait."""
        return len(self._packets) >= self.options.max_waiting

    def arrived(self, packets: list[mqtt5.PublishPacket]) -> None:
        """Take the messages of one read in; a batch's receive time is that of its first."""
        if self._packets:
            self._packets += packets
        else:
            self._received_ms = self._clock_ms()
            self._packets = packets
        self._arrival.set()

    # -------------------------------------------------------------- staying connected

    async def run(self) -> None:
        """Stay connected until cancelled: the endpoints in turn, jittered back-off between tries."""
        backoff_s = _FIRST_BACKOFF_S
        turn = 0
        while True:
            endpoint = self._endpoints[turn % len(self._endpoints)]
            where = f"{endpoint.host}:{endpoint.port}"
            started_s = time.monotonic()
            try:
                why = await self._stay(endpoint)
            except (OSError, TimeoutError, RefusedError) as error:
                why = str(error) or type(error).__name__
            finally:
                self.connected.clear()
                self._leave()
            if time.monotonic() - started_s > _LAST_BACKOFF_S:
                backoff_s = _FIRST_BACKOFF_S
            pause_s = backoff_s * random.uniform(0.5, 1.5)
            log.warning("%s: no connection to %s (%s), next try in %.1f s", self.options.client_id, where, why, pause_s)
            await asyncio.sleep(pause_s)
            backoff_s = min(2 * backoff_s, _LAST_BACKOFF_S)
            turn += 1

    async def _stay(self, endpoint: Endpoint) -> str:
        """Connect, subscribe and stay until the connection ends; returns why it ended."""
        options = self.options
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_LIMIT_S):
            _, wire = await loop.create_connection(lambda: _Wire(self), endpoint.host, endpoint.port, ssl=endpoint.tls)
            self._begin(wire)
            wire.send(
                mqtt5.ConnectPacket(
                    options.client_id,
                    username=options.username,
                    password=options.password,
                    clean_start=False,
                    keep_alive=options.keep_alive_s,
                    session_expiry_interval=options.session_expiry_s,
                    receive_max=options.receive_max,
                ).write()
            )
            connack = await _answer(wire, mqtt5.ConnAckPacket)
            if connack.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                raise RefusedError(f"the broker says {connack.reason_code!r} {connack.reason_str or ''}".rstrip())
            wire.send(mqtt5.SubscribePacket(1, [_filter(pattern) for pattern in options.topic_filters]).write())
            suback = await _answer(wire, mqtt5.SubAckPacket)
            for pattern, code in zip(options.topic_filters, suback.reason_codes, strict=True):
                if int(code) >= _FIRST_REFUSAL:
                    raise RefusedError(f"the broker refuses the subscription {pattern}: {code!r}")
        self.connects += 1
        self.connected.set()
        log.info("%s: connected to %s:%d", options.client_id, endpoint.host, endpoint.port)
        keep_alive_s = connack.server_keep_alive or options.keep_alive_s
        return await self._keep_alive(wire, keep_alive_s)

    async def _keep_alive(self, wire: _Wire, keep_alive_s: int) -> str:
        """Ping when nothing else was sent, give up on a peer silent for one and a half times as long."""
        while not wire.lost.done():
            now_s = time.monotonic()
            if now_s - wire.last_heard_s > 1.5 * keep_alive_s:
                wire.lose(f"nothing heard for {1.5 * keep_alive_s:.0f} s")
            elif now_s - min(wire.last_sent_s, wire.last_heard_s) >= keep_alive_s / 2:
                wire.send(mqtt5.PingReqPacket().write())
            await asyncio.wait([wire.lost], timeout=keep_alive_s / 4)
        return wire.lost.result()

    def _begin(self, wire: _Wire) -> None:
        # What waits came over a connection that is gone. The broker delivers it again, but for QoS 0.
        self._packets = [packet for packet in self._packets if packet.qos == mqtt5.QoS.AT_MOST_ONCE]
        self._connection += 1
        self._wire = wire

    def _leave(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None and wire.transport is not None and not wire.transport.is_closing():
            wire.send(mqtt5.DisconnectPacket().write())
            wire.transport.close()


async def _answer(wire: _Wire, kind: type[_Answer]) -> _Answer:
    """The next answer of the broker, which must be of `kind`; RefusedError where the connection ends instead."""
    asked = asyncio.ensure_future(wire.answers.get())
    either: set[asyncio.Future[Any]] = {asked, wire.lost}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise RefusedError(wire.lost.result())
        answer = asked.result()
        if not isinstance(answer, kind):
            raise RefusedError(f"expected {kind.__name__}, got {type(answer).__name__}")
        return answer
    finally:
        asked.cancel()


def _filter(pattern: str) -> mqtt5.TopicFilter:
    """At most QoS 1, and no retained messages: what a device once said is not what it says now."""
    return mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_handling=mqtt5.RetainHandling.SEND_NEVER)


def _acknowledgements(packet_ids: list[int]) -> bytes:
    """PUBACK packets with reason success, as the shortest form of MQTT 5 has them (section 3.4)."""
    packets = np.empty(len(packet_ids), dtype=[("type", "u1"), ("length", "u1"), ("packet_id", ">u2")])
    packets["type"], packets["length"], packets["packet_id"] = 0x40, 2, packet_ids
    return packets.tobytes()
