"""Publishes vitals of many bracelets at QoS 1 at a given rate, at a fraction of a microsecond a message.

A process of its own beside what is measured: the packets are prepared as one array of bytes, and only their
packet id, time and changing values are written anew, for a whole write at once. Prints one line of JSON.

    python benchmarks/generator.py PORT COUNT RATE_PER_S DEVICES
"""

import json
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mqtt5
import numpy as np
from numpy.typing import NDArray

from ingest.contract import Kind, topic_of
from simulators.crowd import SITE, device_name

#: Values as wide as any they are replaced with.
_PAYLOAD: Final = (
    b'{"t":1700000000000,"seq":1000000,"hr":72,"spo2":97,"temp":36.5,"rr":15,"steps":1234,"worn":true,"bat":80}'
)
_PLACES: Final = {"t": 13, "seq": 7, "hr": 2}
_PACKET_ID: Final = 0x5A5A
_MOST_A_WRITE: Final = 1_000
_WINDOW: Final = 10_000
_PUBACK_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it: counts, and the seconds from the first write to the last acknowledgement."""

    published: int
    acknowledged: int
    took_s: float


class Generator:
    """The generator as a child process."""

    def __init__(self, port: int, count: int, rate_per_s: float, devices: int) -> None:
        self._within_s = 60 + 4 * count / rate_per_s
        command = [sys.executable, str(Path(__file__)), str(port), str(count), str(rate_per_s), str(devices)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    @property
    def running(self) -> bool:
        """Whether it still publishes."""
        return self._process.poll() is None

    def result(self) -> Sent:
        """Wait for its end."""
        text, _ = self._process.communicate(timeout=self._within_s)
        return Sent(**json.loads(text))

    def stop(self) -> None:
        """End it early."""
        self._process.kill()
        self._process.wait()


class _Packets:
    """Packets of all devices in turn; one row of bytes each, all of one length."""

    def __init__(self, devices: int) -> None:
        one_each = [
            mqtt5.PublishPacket(
                topic_of(SITE, device_name(Kind.VITALS, number), Kind.VITALS),
                _PAYLOAD,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                packet_id=_PACKET_ID,
            ).write()
            for number in range(devices)
        ]
        self._rows = np.frombuffer(b"".join(one_each), dtype=np.uint8).reshape(devices, -1)
        first = one_each[0]
        self._id_at = first.index(_PACKET_ID.to_bytes(2, "big"))
        self._at = {name: first.index(f'"{name}":'.encode()) + len(name) + 3 for name in _PLACES}

    def write(self, begin: int, end: int, time_ms: NDArray[np.int64]) -> bytes:
        """Messages `begin` to `end` (without it) with their times."""
        index = np.arange(begin, end)
        block = self._rows[index % len(self._rows)]
        packet_id = 1 + index % 60_000
        block[:, self._id_at], block[:, self._id_at + 1] = packet_id >> 8, packet_id & 0xFF
        values = {"t": time_ms, "seq": 1_000_000 + index // len(self._rows), "hr": 60 + index * 7 % 31}
        for name, width in _PLACES.items():
            powers = 10 ** np.arange(width - 1, -1, -1)
            at = self._at[name]
            block[:, at : at + width] = ord("0") + values[name][:, None] // powers % 10
        return block.tobytes()


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = f"generator-{time.time_ns() % 10**10}"
    connection.sendall(mqtt5.ConnectPacket(name, clean_start=True, keep_alive=600).write())
    connack, _ = mqtt5.read(memoryview(connection.recv(4096)))
    if not isinstance(connack, mqtt5.ConnAckPacket) or connack.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
        raise SystemExit(f"the broker refuses the generator: {connack!r}")
    return connection


def publish(port: int, count: int, rate_per_s: float, devices: int) -> Sent:
    """Publish `count` messages, each when it is due or as soon after as the broker takes it."""
    packets = _Packets(devices)
    with _connect(port) as connection:
        began_s, began_ms = time.monotonic(), time.time_ns() // 1_000_000
        sent = acknowledged = 0
        rest = b""
        while acknowledged < count:
            due = min(count, 1 + int((time.monotonic() - began_s) * rate_per_s))
            batch = min(due - sent, _WINDOW - (sent - acknowledged), _MOST_A_WRITE)
            if batch > 0:
                time_ms = began_ms + (np.arange(sent, sent + batch) * 1000 / rate_per_s).astype(np.int64)
                connection.sendall(packets.write(sent, sent + batch, time_ms))
                sent += batch
            # Waking at most 500 times a second makes the writes worth their system call.
            time.sleep(0.002 if sent == due else 0)
            if select.select([connection], [], [], 0 if sent < count else 1)[0]:
                rest += connection.recv(1 << 18)
                whole = len(rest) // _PUBACK_BYTES * _PUBACK_BYTES
                acks = np.frombuffer(rest[:whole], dtype=np.uint8).reshape(-1, _PUBACK_BYTES)
                if (acks[:, :2] != (0x40, 2)).any():
                    raise SystemExit("the broker answers something other than plain acknowledgements")
                acknowledged += len(acks)
                rest = rest[whole:]
        return Sent(sent, acknowledged, time.monotonic() - began_s)


if __name__ == "__main__":
    outcome = publish(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"published": outcome.published, "acknowledged": outcome.acknowledged, "took_s": outcome.took_s}))
