"""The load generator against a real Mosquitto, and what reaches a subscriber."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest

from ingest.contract import VitalsMessage, parse_topic
from service.cli.wrong_use import WrongUse
from service.fleet import read_fleet
from service.trial.load import load
from tests.conftest import free_port


async def collect(broker: Any, count: int, ready: asyncio.Event, qos: int) -> list[tuple[str, bytes]]:
    received: list[tuple[str, bytes]] = []
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("care/v1/load/#", qos=qos)
        ready.set()
        async with asyncio.timeout(60):
            async for message in client.messages:
                received.append((str(message.topic), bytes(message.payload)))
                if len(received) == count:
                    break
    return received


@pytest.mark.parametrize("qos", [0, 1])
async def test_everything_published_arrives_and_is_acknowledged(
    mosquitto: Any, qos: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = asyncio.Event()
    subscriber = asyncio.create_task(collect(mosquitto, 600, ready, qos))
    await ready.wait()
    status = await load(
        mosquitto.url, devices=20, rate_per_s=600, seconds=1, qos=qos, mix="vitals=1,motion=1", connections=3
    )
    received = await subscriber
    assert status == 0
    out = capsys.readouterr().out
    assert "600" in out
    assert ("PUBACK latency p99" in out) == (qos == 1)
    kinds = Counter(address.kind for topic, _ in received if (address := parse_topic(topic)))
    assert set(kinds) == {"vitals", "motion"}
    assert sum(kinds.values()) == 600


async def test_each_devices_times_grow_though_there_are_several_connections(mosquitto: Any) -> None:
    ready = asyncio.Event()
    subscriber = asyncio.create_task(collect(mosquitto, 300, ready, 1))
    await ready.wait()
    assert await load(mosquitto.url, devices=5, rate_per_s=300, seconds=1, mix="vitals", connections=4) == 0
    times: dict[str, list[int]] = {}
    for topic, payload in await subscriber:
        message = msgspec.json.decode(payload, type=VitalsMessage)
        assert message.t is not None
        times.setdefault(topic, []).append(message.t)
    assert len(times) == 5
    assert all(seen == sorted(seen) for seen in times.values())


async def test_more_than_a_broker_takes_is_published_late_but_not_lost(
    mosquitto: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await load(mosquitto.url, devices=50, rate_per_s=200_000, seconds=0.1, mix="status") == 0
    assert "20,000" in capsys.readouterr().out


async def test_a_broker_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert await load(f"mqtt://127.0.0.1:{free_port()}", rate_per_s=10, seconds=1) == 1
    assert "cannot reach the broker" in " ".join(capsys.readouterr().err.split())


async def test_a_broker_elsewhere_is_not_loaded_by_mistake() -> None:
    with pytest.raises(WrongUse, match="--yes-i-own-this-broker"):
        await load("mqtt://broker.example", rate_per_s=10, seconds=1)


async def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(WrongUse) as error:
        await load("http://x", devices=0, qos=2, mix="sos=1")
    assert [problem.partition(":")[0] for problem in error.value.problems] == [
        "--devices",
        "--qos",
        "--mix",
        "--broker",
    ]


async def test_the_fleet_file_makes_its_devices_known(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    assert await load(devices=4, mix="vitals,motion,bed,location", write_fleet=file) == 0
    fleet = read_fleet(file)
    assert Counter(device.type.value for device in fleet.devices) == {"bracelet": 4, "bed_mat": 4, "locator": 4}
    assert {device.site for device in fleet.devices} == {"load"}
