"""Receiving QoS 1 messages from a real broker: our session and aiomqtt, one after the other in the same run.

Prints CPU microseconds a message of the receiving process and their ratio. The broker is Mosquitto where it is
installed, else the embedded one; the publisher is a process of its own, so its cost is not counted.
"""

import asyncio
import contextlib
import multiprocessing
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import mqtt5

from ingest.listener import Endpoint, Session, SessionOptions

MESSAGES = 20_000
WINDOW = 500
PAYLOAD = b'{"t":1790000000000,"seq":1,"hr":72,"spo2":97,"temp":36.5,"rr":15,"worn":true,"quality":0.9,"bat":80}'


@contextlib.contextmanager
def broker() -> Iterator[int]:
    """A broker's port for MQTT 5."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise SystemExit("needs mosquitto: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "mosquitto.conf"
        configuration.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        )
        process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def publish(port: int, topic: str) -> None:
    """Publish all messages at QoS 1, `WINDOW` under way at most."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(mqtt5.ConnectPacket("bench-publisher", clean_start=True, keep_alive=60).write())
        rest = b""
        under_way = sent = acknowledged = 0
        while acknowledged < MESSAGES:
            count = min(WINDOW - under_way, MESSAGES - sent)
            connection.sendall(
                b"".join(
                    mqtt5.PublishPacket(
                        topic, PAYLOAD, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1 + (sent + i) % 60_000
                    ).write()
                    for i in range(count)
                )
            )
            sent += count
            under_way += count
            rest += connection.recv(65536)
            view, at = memoryview(rest), 0
            with contextlib.suppress(IndexError):
                while at < len(view):
                    packet, size = mqtt5.read(view[at:])
                    at += size
                    if isinstance(packet, mqtt5.PubAckPacket):
                        acknowledged += 1
                        under_way -= 1
            rest = rest[at:]


async def with_session(port: int) -> float:
    """CPU seconds our session needs to take and acknowledge all messages."""
    session = Session([Endpoint("127.0.0.1", port)], SessionOptions("bench-session", ("bench/a",), session_expiry_s=0))
    task = asyncio.create_task(session.run())
    await session.connected.wait()
    publisher = multiprocessing.get_context("spawn").Process(target=publish, args=(port, "bench/a"))
    publisher.start()
    started_s, taken, batches = time.process_time(), 0, 0
    async for batch in session.batches():
        session.acknowledge(batch)
        taken += len(batch)
        batches += 1
        if taken >= MESSAGES:
            break
    used_s = time.process_time() - started_s
    print(f"{'':12} {taken / batches:.0f} messages a batch on average")
    task.cancel()
    publisher.join()
    return used_s


async def with_aiomqtt(port: int) -> float:
    """CPU seconds aiomqtt needs for the same."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("bench/b", qos=1)
        publisher = multiprocessing.get_context("spawn").Process(target=publish, args=(port, "bench/b"))
        publisher.start()
        started_s, taken = time.process_time(), 0
        async for _ in client.messages:
            taken += 1
            if taken >= MESSAGES:
                break
        used_s = time.process_time() - started_s
        publisher.join()
    return used_s


def main() -> None:
    with broker() as port:
        ours_us = asyncio.run(with_session(port)) * 1e6 / MESSAGES
        theirs_us = asyncio.run(with_aiomqtt(port)) * 1e6 / MESSAGES
    print(f"{'session':12} {ours_us:7.2f} µs CPU a message")
    print(f"{'aiomqtt':12} {theirs_us:7.2f} µs CPU a message")
    print(f"{'ratio':12} {theirs_us / ours_us:7.1f} times less")


if __name__ == "__main__":
    main()
