"""A store that is slow, answers 500, 429 or 400: everything published is in it afterwards, each once.

The store is a real InfluxDB behind a relay that misbehaves as told; what is stored is counted by asking InfluxDB.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.quarantine import Quarantine
from ingest.readings import Vitals
from ingest.spool import Spool
from ingest.stores.contract import Block, Tag
from ingest.stores.influx import Influx1
from ingest.stores.writer import Pace, Progress, drain

TIME_MS = 1_760_000_000_000
QUICK = Pace(linger_s=0.01, first_retry_s=0.02, longest_retry_s=0.1)
DEVICES = 20

#: How the relay treats its nth write: an answer to give in the store's place, or seconds to take.
Fault = Callable[[int], tuple[int, dict[str, str]] | float | None]


def vitals(first: int, count: int) -> Block:
    """Readings told apart by `seq`, a millisecond apart, of many devices."""
    seq = np.arange(first, first + count, dtype=np.int64)
    nothing, rate = np.full(count, np.nan), 60.0 + seq % 40
    time_ms = TIME_MS + seq
    rest = (nothing, nothing, nothing, nothing, nothing, nothing, np.ones(count, dtype=np.int8), nothing, nothing)
    row = (seq % DEVICES).astype(np.int32)
    readings = Vitals(row, time_ms, time_ms, seq, seq < 0, rate, *rest)
    return Block(readings, tuple(Tag("site", f"d{i}", f"r{i}") for i in range(DEVICES)))


class Line:
    """Spool, writer, relay and InfluxDB in a line."""

    def __init__(self, relay: Any, store: Influx1, spool: Spool, quarantine: Quarantine, influxdb: Any) -> None:
        self.relay, self.store, self.spool, self.quarantine = relay, store, spool, quarantine
        self.progress, self.wake = Progress(), asyncio.Event()
        self._influxdb = influxdb
        self.published = 0

    async def publish(self, count: int, batch: int = 500) -> None:
        """Readings into the spool in batches, while the writer works."""
        for _ in range(0, count, batch):
            self.spool.append([vitals(self.published, batch)])
            self.published += batch
            self.wake.set()
            await asyncio.sleep(0.005)

    async def until_empty(self) -> None:
        async with asyncio.timeout(60):
            while self.spool.depth:  # noqa: ASYNC110 - nothing tells a spectator
                await asyncio.sleep(0.01)

    def stored(self) -> list[int]:
        """The `seq` of every point in InfluxDB."""
        rows = self._influxdb.query(self.database, "SELECT seq, heart_rate_bpm FROM vitals WHERE site = 'site'")
        assert all(row["heart_rate_bpm"] in (None, 60 + row["seq"] % 40) for row in rows)
        return sorted(row["seq"] for row in rows)

    @property
    def database(self) -> str:
        return self.store._database


@pytest.fixture
async def line(influxdb: Any, relay: Any, tmp_path: Path) -> AsyncIterator[Line]:
    store = Influx1(relay.url, f"d{uuid.uuid4().hex}", timeout_s=0.5)
    spool, quarantine = Spool(tmp_path / "spool.db"), Quarantine(tmp_path / "quarantine.db")
    line = Line(relay, store, spool, quarantine, influxdb)
    task = asyncio.create_task(drain(spool, store, quarantine, line.wake, progress=line.progress, pace=QUICK))
    yield line
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    spool.close()
    quarantine.close()


def answered(status: int, **headers: str) -> tuple[int, dict[str, str]]:
    return status, headers


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("500 every other time", lambda n: answered(500) if n % 2 else None),
        ("429 three times", lambda n: answered(429) if n <= 3 else None),
        ("503 and slow in turn", lambda n: (answered(503), 0.1, None)[n % 3]),
        ("stored, but answered too late", lambda n: 1.0 if n in (1, 3) else None),
        ("slow all the time", lambda n: 0.05),
    ],
)
async def test_everything_published_is_stored_once(line: Line, name: str, fault: Fault) -> None:
    line.relay.fault = fault
    await line.publish(20_000)
    await line.until_empty()
    assert line.stored() == list(range(20_000))
    assert line.progress.stored_readings == 20_000
    assert line.progress.refused_readings == 0
    assert line.quarantine.counts() == {}
    assert name == "slow all the time" or line.progress.attempts_failed > 0


async def test_a_server_that_asks_for_time_is_given_it(line: Line) -> None:
    line.relay.fault = lambda n: answered(429, **{"Retry-After": "1"}) if n <= 2 else None
    await line.publish(1_000)
    await line.until_empty()
    first_s, second_s, third_s = line.relay.writes_s[:3]
    assert second_s - first_s >= 1.0
    assert third_s - second_s >= 1.0
    assert line.stored() == list(range(1_000))


async def test_a_server_that_asks_for_years_is_not_given_them(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.relay.fault = lambda n: answered(503, **{"Retry-After": "999999999"}) if n == 1 else None
    waited_s: list[float] = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        waited_s.append(seconds)
        await sleep(min(seconds, 0.01))

    monkeypatch.setattr("ingest.stores.writer.asyncio.sleep", short)
    line.spool.append([vitals(0, 10)])
    line.wake.set()
    async with asyncio.timeout(30):
        while line.spool.depth:
            await sleep(0.01)
    assert 3600 <= max(waited_s) <= 3601
    assert line.stored() == list(range(10))


async def test_waiting_grows_and_is_never_twice_the_same(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.relay.fault = lambda n: answered(500) if n <= 8 else None
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    monkeypatch.setattr("ingest.stores.writer.random.uniform", uniform)
    await line.publish(500)
    await line.until_empty()
    gaps_s = np.diff(line.relay.writes_s[:9])
    wanted_s = 0.5 * np.minimum(0.02 * 2.0 ** np.arange(8), 0.1)
    assert (gaps_s >= wanted_s - 1e-3).all()
    assert drawn == [(0.5, 1.0)] * 8
    assert line.stored() == list(range(500))


async def test_neighbours_of_a_refused_line_are_stored_while_the_server_fails(line: Line, influxdb: Any) -> None:
    await line.publish(500)
    await line.until_empty()
    # From now on one in five hundred is refused: steps stand there as text.
    await line.store.write_lines(['vitals,site=other steps="many" 1760000000000000'])
    line.relay.fault = lambda n: answered(500) if n % 5 == 0 else None
    refused = set(range(500, 5_500, 500))
    for first in range(500, 5_500, 500):
        block = vitals(first, 500)
        block.readings.steps[0] = 7.0  # type: ignore[union-attr]
        line.spool.append([block])
        line.wake.set()
    await line.until_empty()
    # InfluxDB 1 may keep the other fields of a point it refuses; every neighbour is there, and each refusal is told.
    assert set(line.stored()) | refused == set(range(5_500))
    assert len(line.stored()) == len(set(line.stored()))
    assert line.progress.refused_readings == len(refused)
    assert line.progress.stored_readings == 5_500 - len(refused)
    kept = line.quarantine.recent(100)
    assert {int(row.payload.split(b"seq=")[1].split(b"i")[0]) for row in kept} == refused
    assert all("steps" in row.detail for row in kept)
