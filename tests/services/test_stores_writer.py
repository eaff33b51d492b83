"""From the spool to a real InfluxDB, which goes away and comes back: nothing lost, nobody waits."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from ingest.quarantine import Quarantine
from ingest.readings import Fall
from ingest.spool import Spool
from ingest.stores.contract import Block, Tag
from ingest.stores.influx import Influx1
from ingest.stores.writer import Lag, Pace, Progress, drain

TIME_MS = 1_760_000_000_000
QUICK = Pace(linger_s=0.01, first_retry_s=0.02, longest_retry_s=0.1)


def falls(first: int, count: int) -> Block:
    seq = np.arange(first, first + count, dtype=np.int64)
    row, time_ms = np.zeros(count, dtype=np.int32), TIME_MS + seq
    return Block(
        Fall(row, time_ms, time_ms, seq, seq < 0, np.ones(count, dtype=np.int8), np.full(count, 0.5)),
        (Tag("site", "d1", "resident"),),
    )


async def until_empty(spool: Spool) -> None:
    async with asyncio.timeout(30):
        while spool.depth:  # noqa: ASYNC110 - nothing tells a spectator
            await asyncio.sleep(0.01)


async def test_readings_wait_on_disk_while_influxdb_is_away(influxdb: Any, tmp_path: Path) -> None:
    database = f"d{uuid.uuid4().hex}"
    spool, quarantine = Spool(tmp_path / "spool.db"), Quarantine(tmp_path / "quarantine.db")
    store, progress, wake = Influx1(influxdb.url, database), Progress(), asyncio.Event()
    task = asyncio.create_task(drain(spool, store, quarantine, wake, progress=progress, pace=QUICK))
    published = 0
    longest_s = 0.0
    for round_number in range(90):
        if round_number == 30:
            await asyncio.to_thread(influxdb.stop)
        if round_number == 60:
            async with asyncio.timeout(30):
                while progress.unavailable_since_ms is None:  # noqa: ASYNC110 - nothing tells a spectator
                    await asyncio.sleep(0.01)
            assert progress.unavailable_reason
            assert spool.depth > 0
            await asyncio.to_thread(influxdb.start)
        started_s = time.perf_counter()
        spool.append([falls(published, 100)])
        longest_s = max(longest_s, time.perf_counter() - started_s)
        published += 100
        wake.set()
        await asyncio.sleep(0.01)
    await until_empty(spool)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    found = [row["seq"] for row in influxdb.query(database, "SELECT seq FROM fall")]
    assert sorted(found) == list(range(published))
    assert progress.stored_readings == published
    assert progress.attempts_failed > 0
    assert (progress.unavailable_since_ms, progress.unavailable_reason) == (None, None)
    assert quarantine.counts() == {}
    assert longest_s < 5.0, "appending waits for the disk alone"
    for closable in (spool, quarantine):
        closable.close()
    await store.close()


async def test_the_service_may_start_before_its_store(influxdb: Any, tmp_path: Path) -> None:
    influxdb.stop()
    database = f"d{uuid.uuid4().hex}"
    spool = Spool(tmp_path / "spool.db", clock_ms=lambda: TIME_MS + 2_000)
    quarantine = Quarantine(tmp_path / "quarantine.db")
    store, progress = Influx1(influxdb.url, database), Progress()
    spool.append([falls(0, 10)])
    lags: list[Lag] = []
    task = asyncio.create_task(
        drain(
            spool,
            store,
            quarantine,
            asyncio.Event(),
            progress=progress,
            pace=QUICK,
            clock_ms=lambda: TIME_MS + 90_000,
            on_stored=lags.append,
        )
    )
    async with asyncio.timeout(30):
        while progress.attempts_failed < 3:  # noqa: ASYNC110 - nothing tells a spectator
            await asyncio.sleep(0.01)
    await asyncio.to_thread(influxdb.start)
    await until_empty(spool)
    assert len(influxdb.query(database, "SELECT seq FROM fall")) == 10
    async with asyncio.timeout(30):
        while not lags:  # noqa: ASYNC110 - nothing tells a spectator
            await asyncio.sleep(0.01)
    assert lags == [Lag(90.0, 88.0)], "the age of the oldest reading, however long the store was away"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    spool.close()
    quarantine.close()
    await store.close()


async def test_refused_and_damaged_readings_end_in_quarantine(influxdb: Any, tmp_path: Path) -> None:
    database = f"d{uuid.uuid4().hex}"
    spool, quarantine = Spool(tmp_path / "spool.db"), Quarantine(tmp_path / "quarantine.db")
    store, progress = Influx1(influxdb.url, database), Progress()
    await store.open()
    await store.write_lines(['fall confidence="high" 1760000000000000'])
    spool.append([falls(0, 5)])
    spool.append([falls(5, 5)])
    spool._connection.execute("UPDATE spool SET data = x'00' WHERE position = 1")
    spool.close()
    spool = Spool(tmp_path / "spool.db")  # a row is read from the file only by who did not write it
    task = asyncio.create_task(drain(spool, store, quarantine, asyncio.Event(), progress=progress, pace=QUICK))
    await until_empty(spool)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert quarantine.counts() == {"refused_by_store": 6}
    damaged, *refused = quarantine.recent(10)
    assert damaged.detail == "spool row damaged: checksum differs"
    assert {row.topic for row in refused} == {"care/v1/site/d1/fall"}
    assert all("confidence" in row.detail for row in refused)
    spool.close()
    quarantine.close()
    await store.close()
