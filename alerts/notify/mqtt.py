"""The alarm feed and the answers to a pressed button, over MQTT 5."""

import asyncio
import itertools
import logging
import math
import random
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from alerts.alarm import Transition
from alerts.findings import Condition
from alerts.lifecycle import BEGINNINGS, UNTAKEN
from alerts.notify.backoff import Backoff
from alerts.notify.contract import FailedForNow, Letter, Message, Result, Sent
from alerts.notify.feed import feed_fields
from ingest.contract import COMMAND, alarm_topic_of, topic_of
from ingest.listener import Endpoint

_log: Final = logging.getLogger(__name__)
_FIRST_PAUSE_S: Final = 0.2
_LAST_PAUSE_S: Final = 5.0
_CONNECT_LIMIT_S: Final = 5.0
_LEAVE_LIMIT_S: Final = 1.0


def answer_of(transition: Transition) -> str | None:
    """The command a pressed button is owed: `sos-ack` for each press recorded, `sos-accepted` once it is taken."""
    if transition.alarm.condition is not Condition.SOS:
        return None
    if transition.event in BEGINNINGS:
        return "sos-ack"
    taken_now = transition.to_state not in UNTAKEN and transition.from_state in UNTAKEN
    return "sos-accepted" if taken_now and transition.by is not None else None


class _Connection:
    """A client connected now; `over` is done when it no longer is, or when somebody doubts that it is."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class MqttChannel:
    """Publishes at QoS 1; an async context manager that keeps one connection up, trying the brokers in turn.

    Each message carries the letter's key as the user property `id`, by which a receiver can tell a repetition.
    """

    def __init__(
        self,
        brokers: Sequence[Endpoint],
        *,
        name: str = "mqtt",
        client_id: str | None = None,
        username: str | None = None,
        password: str | None = None,
        feed: bool = True,
        commands: bool = True,
        keep_alive_s: int = 30,
        time_limit_s: float = 5.0,
    ) -> None:
        if not brokers:
            raise ValueError("no broker given")
        self.name = name
        self.time_limit_s = time_limit_s
        # Short, since a send waits for the connection: what was pressed in an outage is answered right after it.
        self.backoff = Backoff(first_s=0.5, most_s=2.0)
        self._brokers = tuple(brokers)
        self._client_id = client_id or f"shouhu-alarms-{secrets.token_hex(4)}"
        self._username = username
        self._password = password
        self._feed = feed
        self._commands = commands
        self._keep_alive_s = keep_alive_s
        self._keeper: asyncio.Task[None] | None = None
        self._connection: _Connection | None = None
        self._connected = asyncio.Event()

    def __repr__(self) -> str:
        return f"MqttChannel({self.name!r})"

    def wants(self, transition: Transition) -> tuple[Message, ...]:
        """The feed's message, and the answer to the button."""
        alarm = transition.alarm
        messages = []
        if self._feed and (transition.news or transition.follows):
            messages.append(Message(alarm_topic_of(alarm.site), msgspec.json.encode(feed_fields(transition))))
        answer = answer_of(transition) if self._commands else None
        if answer is not None:
            body = msgspec.json.encode({"cmd": answer, "alarm": alarm.alarm})
            messages.append(Message(topic_of(alarm.site, alarm.device, COMMAND), body))
        return tuple(messages)

    async def __aenter__(self) -> Self:
        assert self._keeper is None, "a channel is entered once"
        self._keeper = asyncio.create_task(self._keep_connected(), name=f"{self.name}-connection")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():
            # More than once: up to Python 3.11 `asyncio.wait_for`, which aiomqtt waits with, may swallow a cancel.
            keeper.cancel()
            await asyncio.wait([keeper], timeout=_LEAVE_LIMIT_S)

    async def send(self, letter: Letter) -> Result:
        """Publish and wait for the broker's acknowledgement; without a connection, wait for one."""
        assert self._keeper is not None, "a channel is entered before it sends"
        if self._keeper.done():
            self._keeper.result()  # raises what ended it, which is a fault of ours
        await self._connected.wait()
        connection = self._connection
        if connection is None:
            return FailedForNow("connection lost")
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = ("id", letter.key)
        publish = asyncio.ensure_future(
            connection.client.publish(letter.address, letter.body, qos=1, properties=properties, timeout=math.inf)
        )
        try:
            # A publish does not notice by itself that the connection it waits on is gone.
            await asyncio.wait({publish, connection.over}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # No answer in time: the other end may be gone without a word.
            connection.end()
            raise
        finally:
            if not publish.done():
                publish.cancel()
        if not publish.done():
            return FailedForNow("connection lost")
        error = publish.exception()
        if isinstance(error, aiomqtt.MqttError):
            return FailedForNow(f"not published: {type(error).__name__}")
        if error is not None:
            raise error
        return Sent()

    async def _keep_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        for broker in itertools.cycle(self._brokers):
            try:
                async with self._new_client(broker) as client:
                    _log.info("channel %s: connected to %s:%d", self.name, broker.host, broker.port)
                    pause_s = _FIRST_PAUSE_S
                    await self._stay(client)
            except aiomqtt.MqttError as error:
                _log.warning("channel %s: %s:%d: %s", self.name, broker.host, broker.port, error)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _LAST_PAUSE_S)

    async def _stay(self, client: aiomqtt.Client) -> None:
        """Offer a connection until it is lost or in doubt."""
        connection = self._connection = _Connection(client)
        self._connected.set()
        watch = asyncio.create_task(_watch(client), name=f"{self.name}-watch")
        try:
            await asyncio.wait({watch, connection.over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connected.clear()
            self._connection = None
            connection.end()
            watch.cancel()
            await asyncio.wait([watch])

    def _new_client(self, broker: Endpoint) -> aiomqtt.Client:
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=self._username,
            password=self._password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            keepalive=self._keep_alive_s,
            clean_start=True,
            tls_context=broker.tls,
            timeout=_CONNECT_LIMIT_S,
        )


async def _watch(client: aiomqtt.Client) -> None:
    """Return when the connection is lost; nothing is subscribed, so nothing else ever comes."""
    try:
        async for _ in client.messages:
            pass
    except aiomqtt.MqttError:
        return
