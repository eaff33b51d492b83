"""Replaying a recording over a real broker, also one that goes away for a while."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiomqtt
import numpy as np
import pytest

from ingest.contract import HEADER
from service.cli.wrong_use import WrongUse
from service.settings import Broker, parse_broker
from service.trial.replay import replay
from simulators.gateway import Gateway, Pace
from simulators.recording import RecordingError
from simulators.stream import Sent

SETS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))


def own_set(folder: Path, seconds: float) -> Path:
    """A set with one recording of lying still."""
    t_s = np.arange(round(seconds * 50)) / 50
    np.savez(folder / "a.npz", t_s=t_s, xyz_g=np.tile(np.array([0, 0, 1], dtype=np.float32), (len(t_s), 1)))
    (folder / "index.csv").write_text("file,kind,subject,activity,rate_hz\na.npz,motion,U1,lying,50\n")
    return folder


async def listen(broker: Any, topic: str, ready: asyncio.Event, until: asyncio.Event, count: int) -> list[bytes]:
    """What comes to a topic: `count` messages and whatever comes soon after."""
    received: list[bytes] = []
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(topic, qos=1)
        ready.set()

        async def take() -> None:
            async for message in client.messages:
                received.append(bytes(message.payload))  # noqa: PERF401

        taking = asyncio.create_task(take())
        await until.wait()
        async with asyncio.timeout(30):
            while len(received) < count:  # noqa: ASYNC110 - the broker may be slow to hand on what it took
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # for what should not come
        taking.cancel()
    return received


async def test_a_recording_arrives_whole_and_ends_now(
    mosquitto: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = f"s{uuid4().hex[:8]}"
    ready, ended = asyncio.Event(), asyncio.Event()
    listener = asyncio.create_task(listen(mosquitto, f"care/v1/{site}/b1/motion", ready, ended, 13))
    await ready.wait()
    began_s = time.monotonic()
    assert await replay(own_set(tmp_path, 12.5), "a", f"{site}/b1", mosquitto.url, speed=10) == 0
    took_s = time.monotonic() - began_s
    assert 1.0 < took_s < 12.5, "faster than it was recorded"
    now_ms = time.time_ns() // 1_000_000
    ended.set()
    packets = await listener
    assert len(packets) == 13
    assert sum(len(packet) - HEADER.itemsize for packet in packets) == 625 * 6
    times_ms = [int(np.frombuffer(packet[:16], dtype=HEADER)[0]["time_ms"]) for packet in packets]
    assert np.diff(times_ms).tolist() == [1000] * 12
    assert abs(times_ms[-1] + 500 - now_ms) < 1500 + 1000 * took_s
    assert "13 messages" in capsys.readouterr().out


async def test_a_recorded_fall_is_published(mosquitto: Any) -> None:
    if not (SETS / "weda-fall" / "index.csv").is_file():
        pytest.skip("needs the recordings weda-fall (SHOUHU_RECORDINGS or ../shared/data; docs say where to get them)")
    site = f"s{uuid4().hex[:8]}"
    assert await replay(SETS / "weda-fall", "F01_U01_R01", f"{site}/b1", mosquitto.url, speed=50, format="json") == 0


async def test_a_broker_that_goes_away_gets_everything_in_the_end(mosquitto: Any) -> None:
    now_ms = time.time_ns() // 1_000_000
    messages = [Sent(now_ms + 20 * k, f"care/v1/away/d{k}/status", b"{}") for k in range(100)]
    acknowledged: list[str] = []
    some = asyncio.Event()

    def take(message: Sent) -> None:
        acknowledged.append(message.topic)
        if len(acknowledged) == 20:
            some.set()

    async def interrupt() -> None:
        await some.wait()
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(mosquitto.start)

    gateway = Gateway(parse_broker(mosquitto.url), client_id=f"g{uuid4().hex[:8]}", give_up_after_s=60)
    async with asyncio.timeout(90):
        _, count = await asyncio.gather(interrupt(), gateway.publish(messages, Pace(now_ms), take))
    assert count == 100
    assert acknowledged == [message.topic for message in messages]


async def test_a_broker_that_is_not_there_ends_it_after_a_while() -> None:
    gateway = Gateway(Broker("127.0.0.1", 1, tls=False), client_id="g", give_up_after_s=0.5)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:1 took nothing"):
        await gateway.publish([Sent(0, "care/v1/s/d/status", b"{}")], Pace(0))


async def test_wrong_use_is_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as error:
        await replay(tmp_path, "a", "nowhere", "http://x", speed=0, packet_s=0, format="xml")
    told = [problem.partition(":")[0] for problem in error.value.problems]
    assert told == ["--device", "--speed", "--packet-s", "--format", "--broker"]


async def test_an_unknown_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording 'b'"):
        await replay(own_set(tmp_path, 1.0), "b", "s/d", "mqtt://127.0.0.1:1")
