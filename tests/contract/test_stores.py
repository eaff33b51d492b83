"""What every store must do, asked of each: SQLite, a real InfluxDB 1, and a real receiver of InfluxDB 2's write API."""

import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.blocks import blocks_of
from ingest.contract import Kind, encode_binary
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.stores.contract import Block, Store, StoreUnavailable
from ingest.stores.curve import UnknownMetric
from ingest.stores.influx import Influx1, Influx2
from ingest.stores.sqlite import SqliteStore

TIME_MS = 1_760_000_000_000
Row = dict[str, Any]

#: A full message of every kind and what must be found of it.
EVERY_KIND: dict[str, tuple[dict[str, Any], Row]] = {
    "vitals": (
        {"hr": 61.5, "spo2": 97, "temp": 36.6, "rr": 14, "sbp": 121, "dbp": 79, "steps": 1200, "worn": True}
        | {"quality": 0.9, "bat": 55},
        {"heart_rate_bpm": 61.5, "spo2_pct": 97, "temperature_c": 36.6, "respiration_per_min": 14}
        | {"systolic_mmhg": 121, "diastolic_mmhg": 79, "steps": 1200, "worn": 1, "quality": 0.9, "battery_pct": 55},
    ),
    "bed": (
        {"present": False, "hr": 58, "rr": 12.5, "move": 0.25, "quality": 1},
        {"present": 0, "heart_rate_bpm": 58, "respiration_per_min": 12.5, "moving_share": 0.25, "quality": 1},
    ),
    "location": (
        {"lat": 36.64, "lon": 117.97, "acc": 15, "src": "wifi", "crs": "wgs84", "speed": 1.5, "bat": 40},
        {"lat_deg": 36.64, "lon_deg": 117.97, "accuracy_m": 15, "source": "wifi", "crs": "wgs84"}
        | {"speed_m_s": 1.5, "battery_pct": 40},
    ),
    "sos": ({"action": "cancel"}, {"action": "cancel"}),
    "fall": ({"state": "confirmed", "confidence": 0.75}, {"state": "confirmed", "confidence": 0.75}),
    "status": (
        {"bat": 12, "charging": True, "worn": False, "rssi": -71, "fw": 'v1 "beta", \\o/ 守护'},
        {"battery_pct": 12, "charging": 1, "worn": 0, "rssi_dbm": -71, "firmware": 'v1 "beta", \\o/ 守护'},
    ),
    "motion": (
        {"rate": 50, "xyz": [[0, 0, 1], [0, 3, 4], [0, 0, -3]]},
        {"rate_hz": 50, "sample_count": 3, "acc_mean_g": 3, "acc_min_g": 1, "acc_max_g": 5}
        | {"acc_deviation_g": np.sqrt(8 / 3), "sample_scale_g": 4 / 32767},
    ),
    "bcg": (
        {"rate": 100, "v": [1, -1, 3, 1]},
        {"rate_hz": 100, "sample_count": 4, "signal_mean": 1, "signal_min": -1, "signal_max": 3}
        | {"signal_deviation": np.sqrt(2), "sample_scale": 3 / 32767},
    ),
}


@dataclass(frozen=True)
class Opened:
    """A store, a site of its own in it, and how to ask the database itself what it holds."""

    store: Store
    site: str
    #: Rows of a kind: fields, `device`, `resident` and `time_ms`.
    rows: Callable[[str], list[Row]]
    keeps_text: bool = True
    #: VictoriaMetrics keeps milliseconds and, set to deduplicate, one value at each.
    keeps_microseconds: bool = True

    def blocks(self, *messages: tuple[str, str, Any]) -> list[Block]:
        """Blocks of (device, kind, payload) as the service would make them."""
        devices = sorted({device for device, _, _ in messages})
        directory = Directory(
            Device(self.site, device, DeviceType.BRACELET, None if device == "corridor" else f"of-{device}")
            for device in devices
        )
        topics = [f"care/v1/{self.site}/{device}/{kind}" for device, kind, _ in messages]
        payloads = [p if isinstance(p, bytes) else json.dumps(p).encode() for _, _, p in messages]
        decoded = Decoder(directory).decode(topics, payloads, TIME_MS + 500)
        assert not decoded.rejected
        return blocks_of(decoded.readings, directory)


@pytest.fixture(params=["sqlite", "influxdb1", "influxdb2"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    site = f"site-{uuid.uuid4().hex[:12]}"
    if request.param == "sqlite":
        result = opened_sqlite(tmp_path / "readings.db", site)
    elif request.param == "influxdb1":
        result = opened_influxdb1(request.getfixturevalue("influxdb"), site)
    else:
        result = opened_influxdb2(request.getfixturevalue("victoria_metrics"), site)
    await result.store.open()
    yield result
    await result.store.close()


def opened_sqlite(path: Path, site: str) -> Opened:
    def rows(kind: str) -> list[Row]:
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT * FROM {kind} JOIN series ON series = number").fetchall()
        connection.close()
        return [dict(row) for row in found]

    return Opened(SqliteStore(path), site, rows)


def opened_influxdb1(influxdb: Any, site: str) -> Opened:
    def rows(kind: str) -> list[Row]:
        found = influxdb.query(site, f'SELECT * FROM "{kind}"')
        return [row | {"time_ms": row["time"], "resident": row.get("resident") or ""} for row in found]

    # Gzipped here and plain below, as over a network and on one machine.
    return Opened(Influx1(influxdb.url, site, compress=True), site, rows)


def opened_influxdb2(victoria_metrics: Any, site: str) -> Opened:
    def rows(kind: str) -> list[Row]:
        points: dict[tuple[str, str, int], Row] = defaultdict(dict)
        for series in victoria_metrics.export(f'{{__name__=~"{kind}_.*",site="{site}"}}'):
            labels = series["metric"]
            field = labels["__name__"].removeprefix(f"{kind}_")
            whose = (labels["device"], labels.get("resident", ""))
            for time_ms, value in zip(series["timestamps"], series["values"], strict=True):
                point = points[*whose, time_ms]
                assert field not in point
                point[field] = value
        return [{"device": d, "resident": r, "time_ms": time_ms} | point for (d, r, time_ms), point in points.items()]

    store = Influx2(victoria_metrics.url, "shouhu", "shouhu", "token")
    return Opened(store, site, rows, keeps_text=False, keeps_microseconds=False)


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_every_field_of_a_reading_is_found_again(opened: Opened, kind: str) -> None:
    message, expected = EVERY_KIND[kind]
    assert not await opened.store.write(opened.blocks(("d1", kind, {"t": TIME_MS, "seq": 7} | message)))
    (row,) = opened.rows(kind)
    assert (row["device"], row["resident"], row["time_ms"]) == ("d1", "of-d1", TIME_MS)
    assert (row["received_ms"], row["seq"]) == (TIME_MS + 500, 7)
    for name, value in expected.items():
        if isinstance(value, str):
            assert not opened.keeps_text or row[name] == value
        else:
            assert row[name] == pytest.approx(value, rel=1e-6)


async def test_a_reading_without_any_value_is_found_too(opened: Opened) -> None:
    await opened.store.write(opened.blocks(*(("corridor", kind, {"t": TIME_MS}) for kind in ("vitals", "status"))))
    for kind in ("vitals", "status"):
        (row,) = opened.rows(kind)
        assert (row["device"], row["resident"], row["received_ms"]) == ("corridor", "", TIME_MS + 500)


async def test_writing_twice_leaves_one_copy(opened: Opened) -> None:
    readings = [
        (f"d{device}", kind, {"t": TIME_MS + 1000 * i, "seq": i} | message)
        for kind, (message, _) in EVERY_KIND.items()
        for device in range(3)
        for i in range(10)
    ]
    blocks = opened.blocks(*readings)
    await opened.store.write(blocks)
    await opened.store.write(blocks)
    await opened.store.write(opened.blocks(*readings[::-1]))
    for kind in EVERY_KIND:
        found = {(row["device"], row["time_ms"]) for row in opened.rows(kind)}
        assert len(opened.rows(kind)) == len(found) == 30


async def test_a_batch_of_many_requests_is_stored_whole(opened: Opened) -> None:
    readings = [{"t": TIME_MS + i, "hr": 60 + i % 7} for i in range(12_000)]
    messages = [("d1", "vitals", readings[i : i + 3000]) for i in range(0, 12_000, 3000)]
    assert not await opened.store.write(opened.blocks(*messages))
    rows = opened.rows("vitals")
    assert sorted(row["time_ms"] for row in rows) == list(range(TIME_MS, TIME_MS + 12_000))
    assert sum(row["heart_rate_bpm"] for row in rows) == sum(60 + i % 7 for i in range(12_000))


async def test_readings_of_one_millisecond_are_kept_apart_by_their_counter(opened: Opened) -> None:
    blocks = opened.blocks(("d1", "vitals", [{"t": TIME_MS, "seq": i, "hr": 60 + i} for i in range(5)]))
    await opened.store.write(blocks)
    await opened.store.write(blocks)
    found = sorted(row["heart_rate_bpm"] for row in opened.rows("vitals"))
    assert found == [60, 61, 62, 63, 64] or (not opened.keeps_microseconds and len(found) == 1)


async def test_readings_without_time_and_counter_are_all_kept(opened: Opened) -> None:
    await opened.store.write(opened.blocks(("d1", "vitals", [{"hr": 60 + i} for i in range(5)]), ("d2", "vitals", {})))
    rows = opened.rows("vitals")
    found = sorted(row["heart_rate_bpm"] for row in rows if row["device"] == "d1")
    assert found == [60, 61, 62, 63, 64] or (not opened.keeps_microseconds and len(found) == 1)
    assert {row["time_ms"] for row in rows} == {TIME_MS + 500}
    assert all(row["time_assumed"] == 1 for row in rows)


async def test_a_reading_sent_in_two_halves_becomes_whole(opened: Opened) -> None:
    await opened.store.write(opened.blocks(("d1", "vitals", {"t": TIME_MS, "hr": 61})))
    await opened.store.write(opened.blocks(("d1", "vitals", {"t": TIME_MS, "spo2": 97})))
    (row,) = opened.rows("vitals")
    assert (row["heart_rate_bpm"], row["spo2_pct"]) == (61, 97)


async def test_binary_packets_are_summed_up_each_by_itself(opened: Opened) -> None:
    generator = np.random.default_rng(5)
    packets = [generator.normal(0, 1, (n, 3)) for n in (50, 1, 33)]
    blocks = opened.blocks(
        *(
            (
                "d1",
                "motion",
                encode_binary(Kind.MOTION, time_ms=TIME_MS + i, rate_hz=25, samples=p, counts_per_unit=4096),
            )
            for i, p in enumerate(packets)
        )
    )
    await opened.store.write(blocks)
    rows = sorted(opened.rows("motion"), key=lambda row: row["time_ms"])
    for row, packet in zip(rows, packets, strict=True):
        size = np.linalg.norm(packet, axis=1)
        assert row["sample_count"] == len(packet)
        assert row["acc_max_g"] == pytest.approx(size.max(), abs=1e-3)
        assert row["acc_mean_g"] == pytest.approx(size.mean(), abs=1e-3)
        assert row["acc_deviation_g"] == pytest.approx(size.std(), abs=1e-3)


@pytest.mark.parametrize("service", ["influxdb", "victoria_metrics"])
async def test_a_server_that_is_away_is_said_to_be_and_recovers(service: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(service)
    site = f"site-{uuid.uuid4().hex[:12]}"
    opened = opened_influxdb1(server, site) if service == "influxdb" else opened_influxdb2(server, site)
    await opened.store.open()
    server.stop()
    blocks = opened.blocks(("d1", "vitals", {"t": TIME_MS, "hr": 61}))
    with pytest.raises(StoreUnavailable):
        await opened.store.write(blocks)
    with pytest.raises(StoreUnavailable):
        await opened.store.open()
    server.start()
    assert not await opened.store.write(blocks)
    assert len(opened.rows("vitals")) == 1
    await opened.store.close()


async def test_a_file_that_cannot_be_written_is_said_to_be_and_recovers(tmp_path: Path) -> None:
    folder = tmp_path / "not-there-yet"
    opened = opened_sqlite(folder / "readings.db", "site")
    blocks = opened.blocks(("d1", "vitals", {"t": TIME_MS, "hr": 61}))
    with pytest.raises(StoreUnavailable):
        await opened.store.open()
    with pytest.raises(StoreUnavailable):
        await opened.store.write(blocks)
    folder.mkdir()
    await opened.store.write(blocks)
    assert len(opened.rows("vitals")) == 1
    await opened.store.close()


# ------------------------------------------------------------------ what only SQLite answers


async def test_sqlite_answers_a_residents_metric_over_a_time(tmp_path: Path) -> None:
    opened = opened_sqlite(tmp_path / "readings.db", "site")
    store = opened.store
    assert isinstance(store, SqliteStore)
    for device in ("d1", "d2"):
        messages = [{"t": TIME_MS + 1000 * i, "hr": 60 + i} for i in range(10)] + [{"t": TIME_MS + 5500}]
        await store.write(opened.blocks((device, "vitals", messages[::-1])))
    points = await store.series("of-d1", "vitals.heart_rate_bpm", TIME_MS + 2000, TIME_MS + 6000)
    assert points.time_ms.tolist() == [TIME_MS + 1000 * i for i in (2, 3, 4, 5)]
    assert points.value.tolist() == [62, 63, 64, 65]
    assert len((await store.series("nobody", "vitals.heart_rate_bpm", 0, 2**53)).time_ms) == 0
    for metric in ("vitals.received", "vitals", "", "status.firmware", "series.number", "vitals.x; DROP TABLE vitals"):
        with pytest.raises(UnknownMetric):
            await store.series("of-d1", metric, 0, 1)
    await store.close()
