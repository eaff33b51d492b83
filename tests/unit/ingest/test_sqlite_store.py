"""The SQLite store answers, rolls up and forgets; what it answers is checked against numpy over what was written."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.contract import Kind
from ingest.readings import Bcg, Vitals
from ingest.stores.contract import Block, Tag
from ingest.stores.curve import UnknownMetric
from ingest.stores.sqlite import SqliteStore
from ingest.stores.sqlite_upkeep import DAY_MS, Keeping

HOUR_MS = 3_600_000
#: The beginning of an hour.
T_MS = 1_760_000_400_000
HEART_RATE = "vitals.heart_rate_bpm"


class Clock:
    """Time as the test wants it."""

    now_ms = T_MS

    def __call__(self) -> int:
        return self.now_ms


def vitals(time_ms: Any, heart_rate_bpm: Any, resident: str = "r1", device: str = "d1") -> Block:
    times = np.asarray(time_ms, dtype=np.int64)
    n = len(times)
    nothing = np.full(n, np.nan)
    rate = np.broadcast_to(np.asarray(heart_rate_bpm, dtype=np.float64), n)
    code = np.full(n, -1, dtype=np.int8)
    row = np.zeros(n, dtype=np.int32)
    seq = np.arange(n)
    rest = (nothing, nothing, nothing, nothing, nothing, nothing, code, nothing, nothing)
    return Block(Vitals(row, times, times, seq, seq < 0, rate, *rest), (Tag("site", device, resident),))


def bcg(time_ms: Any, samples: int) -> Block:
    times = np.asarray(time_ms, dtype=np.int64)
    n = len(times)
    count = np.full(n, samples)
    seq = np.arange(n)
    signal = np.random.default_rng(3).normal(size=n * samples).astype(np.float32)
    row = np.zeros(n, dtype=np.int32)
    readings = Bcg(row, times, times, seq, seq < 0, np.full(n, 100.0), count * seq, count, signal)
    return Block(readings, (Tag("site", "mat", "r1"),))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "readings.db", now_ms=clock)
    await store.open()
    yield store
    await store.close()


async def hourly(store: SqliteStore) -> list[tuple[Any, ...]]:
    columns = ", ".join(f"heart_rate_bpm_{what}" for what in ("mean", "min", "max", "count"))
    question = f"SELECT time_ms, {columns} FROM vitals_hourly ORDER BY series, time_ms"
    return await store._run(lambda: store._open().execute(question).fetchall())


# ------------------------------------------------------------------ questions


async def test_a_curve_has_no_more_points_than_asked_for_and_loses_no_extreme(store: SqliteStore) -> None:
    generator = np.random.default_rng(1)
    times = np.sort(generator.choice(50_000_000, 7000, replace=False)) + T_MS
    rates = generator.uniform(50, 120, 7000)
    await store.write([vitals(times[:4000], rates[:4000]), vitals(times[4000:], rates[4000:], device="d2")])
    await store.write([vitals(times, rates + 100, resident="r2")])
    start_ms, end_ms = T_MS + 5_000_000, T_MS + 45_000_001
    for points in (1, 7, 300, 5000):
        curve = await store.curve("r1", HEART_RATE, start_ms, end_ms, points)
        inside = (times >= start_ms) & (times < end_ms)
        stretch = (times[inside] - start_ms) // curve.width_ms
        assert len(curve.time_ms) == len(np.unique(stretch)) <= points
        assert curve.count.sum() == inside.sum()
        for i, number in enumerate(np.unique(stretch)):
            own = rates[inside][stretch == number]
            assert curve.time_ms[i] == start_ms + number * curve.width_ms
            assert curve.mean[i] == pytest.approx(own.mean())
            assert (curve.lowest[i], curve.highest[i], curve.count[i]) == (own.min(), own.max(), len(own))


async def test_nobody_and_nothing_are_an_empty_curve_and_an_unknown_metric_is_said(store: SqliteStore) -> None:
    await store.write([vitals([T_MS], [60.0])])
    for resident, metric in (("r2", HEART_RATE), ("r1", "vitals.spo2_pct"), ("r1", "bed.moving_share")):
        curve = await store.curve(resident, metric, 0, 2**52, 100)
        assert len(curve.time_ms) == len(curve.mean) == 0
    for metric in (
        "vitals",
        "vitals.device",
        "status.firmware",
        "motion.samples",
        "x.y",
        "vitals.x; DROP TABLE vitals",
    ):
        with pytest.raises(UnknownMetric):
            await store.curve("r1", metric, 0, 1, 1)


async def test_months_are_answered_from_roll_ups_and_the_last_hour_from_readings(
    store: SqliteStore, clock: Clock
) -> None:
    times = T_MS + np.arange(0, 10 * HOUR_MS, 60_000)
    rates = 60 + np.arange(len(times)) % 37
    await store.write([vitals(times, rates)])
    clock.now_ms = T_MS + 9 * HOUR_MS + 1800_000
    curve = await store.curve("r1", HEART_RATE, T_MS, T_MS + 10 * HOUR_MS, 5)
    assert len(await hourly(store)) == 9, "the hour that is not over is not rolled up"
    assert curve.width_ms == 2 * HOUR_MS
    assert curve.count.tolist() == [120] * 5
    assert curve.mean == pytest.approx(rates.reshape(5, 120).mean(axis=1))
    assert curve.highest.tolist() == rates.reshape(5, 120).max(axis=1).tolist()


# ------------------------------------------------------------------ roll-ups


async def test_an_hour_is_rolled_up_when_it_is_over_and_again_when_more_comes(store: SqliteStore, clock: Clock) -> None:
    await store.write([vitals(T_MS + np.arange(4) * 60_000, [60, 70, 80, np.nan])])
    await store.upkeep()
    assert await hourly(store) == []
    clock.now_ms = T_MS + HOUR_MS
    await store.write([vitals([T_MS + HOUR_MS], [99])])
    assert await hourly(store) == [(T_MS, 70, 60, 80, 3)]
    await store.write([vitals([T_MS + 300_000], [90], device="d1")])  # late
    await store.upkeep()
    assert await hourly(store) == [(T_MS, 75, 60, 90, 4)]


async def test_marks_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    for _ in range(2):
        store = SqliteStore(tmp_path / "readings.db", now_ms=clock)
        await store.write([vitals([clock.now_ms], [60])])
        await store.close()
        clock.now_ms += HOUR_MS
    store = SqliteStore(tmp_path / "readings.db", now_ms=clock)
    await store.upkeep()
    assert [row[0] for row in await hourly(store)] == [T_MS, T_MS + HOUR_MS]
    await store.close()


async def test_a_file_from_before_there_were_roll_ups_is_rolled_up(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "readings.db"
    store = SqliteStore(path, now_ms=clock)
    await store.write([vitals([T_MS, T_MS + HOUR_MS], [60, 70])])
    await store.close()
    with sqlite3.connect(path) as old:
        for table in ("stale", "upkeep", "vitals_hourly", "bed_hourly"):
            old.execute(f"DROP TABLE {table}")
    old.close()
    clock.now_ms = T_MS + 5 * HOUR_MS
    store = SqliteStore(path, now_ms=clock)
    assert await store.init() == ["bed_hourly", "stale", "upkeep", "vitals_hourly"]
    assert [row[:2] for row in await hourly(store)] == [(T_MS, 60), (T_MS + HOUR_MS, 70)]
    assert await store.init() == [], "a second time there is nothing to make"
    await store.close()


# ------------------------------------------------------------------ forgetting


async def test_old_readings_go_by_whole_hours_and_their_roll_ups_stay_longer(tmp_path: Path, clock: Clock) -> None:
    store = SqliteStore(tmp_path / "readings.db", keeping=Keeping(days=1, rollup_days=3), now_ms=clock)
    await store.write([vitals(T_MS + np.arange(0, 3 * HOUR_MS, 600_000), 60 + np.arange(18))])
    clock.now_ms = T_MS + DAY_MS + HOUR_MS + 1
    await store.write([vitals([clock.now_ms], [99])])
    assert await store.count(Kind.VITALS) == 13
    assert [row[0] for row in await hourly(store)] == [T_MS, T_MS + HOUR_MS, T_MS + 2 * HOUR_MS]
    # Also a narrow question is answered by the roll-up where the readings are gone.
    curve = await store.curve("r1", HEART_RATE, T_MS, T_MS + 2 * HOUR_MS, 12)
    assert curve.time_ms.tolist() == [T_MS] + [T_MS + HOUR_MS + i * 600_000 for i in range(6)]
    assert (curve.mean[0], curve.lowest[0], curve.highest[0], curve.count[0]) == (62.5, 60, 65, 6)
    # What arrives for an hour that is gone must not make its roll-up one of a single reading.
    await store.write([vitals([T_MS + 1], [200])])
    await store.upkeep()
    assert (await hourly(store))[0] == (T_MS, 62.5, 60, 65, 6)
    assert await store.count(Kind.VITALS) == 13
    clock.now_ms = T_MS + 3 * DAY_MS + 2 * HOUR_MS
    await store.upkeep()
    assert [row[0] for row in await hourly(store)] == [T_MS + 2 * HOUR_MS, T_MS + DAY_MS + HOUR_MS]
    assert await store.count(Kind.VITALS) == 0
    await store.close()


async def test_the_oldest_go_when_the_file_holds_too_much_and_it_grows_no_more(tmp_path: Path, clock: Clock) -> None:
    limit = 3_000_000
    path = tmp_path / "readings.db"
    store = SqliteStore(path, keeping=Keeping(max_bytes=limit), now_ms=clock)
    largest = 0
    for hour in range(40):
        clock.now_ms = T_MS + hour * HOUR_MS + 1
        times = T_MS + hour * HOUR_MS - np.arange(60)[::-1] * 60_000
        await store.write([bcg(times, 1000), vitals(times, 60.0)])
        largest = max(largest, await store.size_bytes())
    assert largest <= limit * 1.1
    assert path.stat().st_size <= limit * 1.2
    points = await store.series("r1", "bcg.sample_count", 0, clock.now_ms)
    kept = await store.count(Kind.BCG)
    assert 10 * 60 < kept < 30 * 60
    assert len(points.time_ms) == kept
    assert points.time_ms.min() > T_MS + 5 * HOUR_MS, "the oldest are gone"
    assert len(await hourly(store)) == 40, "what was rolled up stays"
    await store.close()


async def test_what_has_just_come_is_never_removed_for_its_size(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(tmp_path / "readings.db", keeping=Keeping(max_bytes=100_000), now_ms=clock)
    await store.write([bcg(T_MS - np.arange(200), 1000)])
    await store.write([bcg(T_MS - 1000 - np.arange(200), 1000)])
    await store.write([bcg(T_MS - 2000 - np.arange(200), 1000)])
    assert await store.count(Kind.BCG) == 600
    assert len([r for r in caplog.records if "last two hours alone" in r.message]) == 1, "said once an hour"
    await store.close()
