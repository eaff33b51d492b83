"""Publishes a generated stream over a real broker in real or scaled time (MQTT 5, QoS 1)."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import aiomqtt

from simulators.stream import Sent

_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_ACKNOWLEDGED_WITHIN_S: Final = 10.0


class BrokerAddress(Protocol):
    """Where a broker listens."""

    @property
    def host(self) -> str:
        """Name or address."""
        ...

    @property
    def port(self) -> int:
        """TCP port."""
        ...

    @property
    def tls(self) -> bool:
        """Whether to speak TLS, with the system's trusted roots."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password, where the broker asks for them."""

    username: str | None = None
    password: str | None = None


class Pace:
    """When a device time is due: device times pass `speed` times as fast as the clock from `start_ms` on."""

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        self._start_ms = start_ms
        self._speed = speed
        self._began_s = time.monotonic()

    def due_in_s(self, at_ms: int) -> float:
        """Seconds until a message of this device time is to be sent; negative where it is late."""
        return self._began_s + (at_ms - self._start_ms) / 1000 / self._speed - time.monotonic()


class Gateway:
    """One connection that many devices share; a message is tried again until the broker has acknowledged it.

    The connection is made again with growing waits when it is lost; `give_up_after_s` bounds how long one message
    may take, then ConnectionError is raised (None: for ever).
    """

    def __init__(
        self,
        broker: BrokerAddress,
        *,
        client_id: str,
        login: Login | None = None,
        give_up_after_s: float | None = None,
        max_in_flight: int = 100,
    ) -> None:
        self._broker = broker
        self._client_id = client_id
        self._login = login or Login()
        self._give_up_after_s = give_up_after_s
        self._max_in_flight = max_in_flight

    async def publish(
        self, messages: Iterable[Sent], pace: Pace, on_acknowledged: Callable[[Sent], None] | None = None
    ) -> int:
        """Publish each message when it is due, in order; returns how many the broker acknowledged.

        Messages that are due together travel together; none is begun before all earlier ones are acknowledged.
        """
        source = iter(messages)
        waiting: Sent | None = next(source, None)
        acknowledged = 0
        client: aiomqtt.Client | None = None
        try:
            # One message at a time is taken because `messages` may be endless; sending is by batch.
            while waiting is not None:
                await asyncio.sleep(max(0.0, pace.due_in_s(waiting.at_ms)))
                batch = [waiting]
                waiting = next(source, None)
                while waiting is not None and len(batch) < self._max_in_flight and pace.due_in_s(waiting.at_ms) <= 0:
                    batch.append(waiting)
                    waiting = next(source, None)
                client = await self._deliver(client, batch)
                acknowledged += len(batch)
                if on_acknowledged is not None:
                    for message in batch:
                        on_acknowledged(message)
        finally:
            if client is not None:
                await _leave(client)
        return acknowledged

    async def _deliver(self, client: aiomqtt.Client | None, batch: list[Sent]) -> aiomqtt.Client:
        """Publish a batch until all of it is acknowledged; the client is a new one after a lost connection."""
        began_s = time.monotonic()
        wait_s = _FIRST_WAIT_S
        pending = batch
        while True:
            try:
                if client is None:
                    fresh = self._client()
                    await fresh.__aenter__()
                    client = fresh
                done = await asyncio.gather(
                    *(client.publish(m.topic, m.payload, qos=1, timeout=_ACKNOWLEDGED_WITHIN_S) for m in pending),
                    return_exceptions=True,
                )
                failures = [e for e in done if isinstance(e, BaseException)]
                if not failures:
                    return client
                pending = [m for m, outcome in zip(pending, done, strict=True) if outcome is not None]
                for failure in failures:
                    if not isinstance(failure, aiomqtt.MqttError):
                        raise failure
                raise failures[0]
            except aiomqtt.MqttError as error:
                if client is not None:
                    await _leave(client)
                    client = None
                waited_s = time.monotonic() - began_s
                if self._give_up_after_s is not None and waited_s + wait_s > self._give_up_after_s:
                    raise ConnectionError(
                        f"the broker {self._broker.host}:{self._broker.port} took nothing for {waited_s:.0f} s: {error}"
                    ) from error
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _client(self) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._login.username,
            password=self._login.password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=ssl.create_default_context() if self._broker.tls else None,
            max_inflight_messages=self._max_in_flight,
            timeout=_ACKNOWLEDGED_WITHIN_S,
        )
        client.pending_calls_threshold = self._max_in_flight  # it warns above ten
        return client


async def _leave(client: aiomqtt.Client) -> None:
    """Disconnect; that the connection is already gone is no matter."""
    with contextlib.suppress(aiomqtt.MqttError):
        await client.__aexit__(None, None, None)
