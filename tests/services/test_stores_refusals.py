"""What a server refuses is singled out and its neighbours are stored; what may pass is offered again."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from ingest.quarantine import Quarantine
from ingest.readings import Fall, Status
from ingest.rejected import Reason, Rejected
from ingest.spool import Spool
from ingest.stores.contract import Block, StoreUnavailable, Tag
from ingest.stores.influx import Influx1, Influx2
from ingest.stores.writer import drain

TIME_MS = 1_760_000_000_000


def statuses(count: int, *, with_battery: set[int], device: str = "d1") -> Block:
    """Readings a second apart; only those named know their battery."""
    index = np.arange(count, dtype=np.int64)
    nothing, unknown = np.full(count, np.nan), np.full(count, -1, dtype=np.int8)
    battery = np.where(np.isin(index, list(with_battery)), 50.0, np.nan)
    row, time_ms = np.zeros(count, dtype=np.int32), TIME_MS + 1000 * index
    firmware = np.array(["v1"] * count, dtype=np.object_)
    readings = Status(row, time_ms, time_ms, index, index < 0, battery, unknown, unknown, nothing, firmware)
    return Block(readings, (Tag("site", device, "resident"),))


def falls(count: int) -> Block:
    index = np.arange(count, dtype=np.int64)
    row, time_ms = np.zeros(count, dtype=np.int32), TIME_MS + 1000 * index
    return Block(
        Fall(row, time_ms, time_ms, index, index < 0, np.ones(count, dtype=np.int8), np.full(count, 0.5)),
        (Tag("site", "d1", "resident"),),
    )


@pytest.mark.parametrize("refused_at", [{0}, {4999}, {0, 17, 2500, 6999}])
async def test_influxdb_refuses_a_field_of_another_type_and_keeps_the_neighbours(
    influxdb: Any, refused_at: set[int]
) -> None:
    database = f"d{uuid.uuid4().hex}"
    store = Influx1(influxdb.url, database)
    await store.open()
    # Somebody else wrote this field as text before: InfluxDB will never take it as a number.
    await store.write_lines(['status battery_pct="full" 1760000000000000'])
    refused = await store.write([statuses(7000, with_battery=refused_at), falls(10)])
    assert {int(r.line.split(b"seq=")[1].split(b"i")[0]) for r in refused} == refused_at
    assert all("battery_pct" in r.reason and "type" in r.reason for r in refused)
    stored = influxdb.query(database, "SELECT seq FROM status WHERE site = 'site'")
    # InfluxDB 1 keeps a refused point's other fields or not, as it likes; every neighbour is there.
    assert {row["seq"] for row in stored} | refused_at == set(range(7000))
    assert len(influxdb.query(database, "SELECT seq FROM fall")) == 10
    await store.close()


async def test_who_asks_is_told_of_what_the_store_refused_once_it_is_in_quarantine(
    influxdb: Any, tmp_path: Path
) -> None:
    store = Influx1(influxdb.url, f"d{uuid.uuid4().hex}")
    await store.open()
    await store.write_lines(['status battery_pct="full" 1760000000000000'])
    spool, quarantine = Spool(tmp_path / "spool.db"), Quarantine(tmp_path / "quarantine.db")
    spool.append([statuses(20, with_battery={7, 11})])
    told: asyncio.Queue[tuple[Sequence[Rejected], dict[str, int]]] = asyncio.Queue()
    writing = asyncio.create_task(
        drain(
            spool,
            store,
            quarantine,
            asyncio.Event(),
            on_rejected=lambda rejected: told.put_nowait((rejected, dict(quarantine.counts()))),
        )
    )
    rejected, counts = await asyncio.wait_for(told.get(), 60)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert [one.reason for one in rejected] == [Reason.REFUSED_BY_STORE] * 2
    assert counts == {"refused_by_store": 2}
    await store.close()
    spool.close()
    quarantine.close()


async def test_all_lines_refused_are_found_without_halving_to_the_last(influxdb: Any) -> None:
    database = f"d{uuid.uuid4().hex}"
    store = Influx1(influxdb.url, database)
    await store.open()
    await store.write_lines(['status battery_pct="full" 1760000000000000'])
    refused = await store.write([statuses(3000, with_battery=set(range(3000)))])
    assert len(refused) == 3000
    await store.close()


async def test_a_database_dropped_by_somebody_is_made_again(influxdb: Any) -> None:
    database = f"d{uuid.uuid4().hex}"
    store = Influx1(influxdb.url, database)
    await store.open()
    influxdb.query("", f'DROP DATABASE "{database}"')
    with pytest.raises(StoreUnavailable, match="database not found"):
        await store.write([falls(3)])
    assert not await store.write([falls(3)])
    assert len(influxdb.query(database, "SELECT seq FROM fall")) == 3
    await store.close()


# ------------------------------------------------------------------ answers a healthy server will not give on demand

Answer = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """An HTTP server on loopback that answers every POST as told."""
    app = web.Application(client_max_size=2**28)
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def stores(url: str) -> list[Influx1 | Influx2]:
    return [Influx1(url, "shouhu"), Influx2(url, "shouhu", "shouhu", "a-token")]


@pytest.mark.parametrize(
    ("status", "headers", "low_s", "high_s"),
    [
        (503, {"Retry-After": "7"}, 7, 7),
        (429, {"Retry-After": "in an hour"}, 3000, 3600),
        (429, {"Retry-After": "soon"}, None, None),
        (500, {}, None, None),
        (401, {}, None, None),
        (404, {}, None, None),
    ],
)
async def test_what_may_pass_is_unavailable_with_the_servers_own_time(
    status: int, headers: dict[str, str], low_s: float | None, high_s: float | None
) -> None:
    if headers.get("Retry-After") == "in an hour":  # of the test, not of when the tests were collected
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "not now", "error": "not now"}, status=status, headers=headers)

    async with server(answer) as url:
        for store in stores(url):
            with pytest.raises(StoreUnavailable, match="not now"):
                await store.open()
            with pytest.raises(StoreUnavailable, match="not now") as caught:
                await store.write([falls(3)])
            if low_s is None or high_s is None:
                assert caught.value.retry_after_s is None
            else:
                assert caught.value.retry_after_s is not None
                assert low_s <= caught.value.retry_after_s <= high_s
            await store.close()


async def test_a_server_that_never_answers_is_unavailable() -> None:
    release = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(status=204)

    async with server(answer) as url:
        for store in (Influx1(url, "shouhu", timeout_s=0.1), Influx2(url, "o", "b", "t", timeout_s=0.1)):
            with pytest.raises(StoreUnavailable):
                await store.open()
            with pytest.raises(StoreUnavailable):
                await store.write([falls(1)])
            await store.close()
        release.set()


@pytest.mark.parametrize("compress", [True, False])
async def test_version_2_is_written_as_its_interface_asks_and_refusals_are_singled_out(compress: bool) -> None:
    taken: set[bytes] = set()
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        lines = (await request.read()).splitlines()  # aiohttp has unpacked it
        if not lines:
            return web.json_response({"code": "invalid", "message": "writing requires points"}, status=400)
        bad = [line for line in lines if b"seq=13i" in line or b"seq=4000i" in line]
        taken.update(line for line in lines if line not in bad)
        if bad:
            message = (
                f"failure writing points to database: partial write: points beyond retention policy dropped={len(bad)}"
            )
            return web.json_response({"code": "unprocessable entity", "message": message}, status=422)
        return web.Response(status=204)

    async with server(answer) as url:
        store = Influx2(url, "an org", "a bucket", "a-token", compress=compress)
        await store.open()
        refused = await store.write([falls(6000)])
        await store.close()
    assert sorted(r.line.split(b"seq=")[1].split(b"i")[0] for r in refused) == [b"13", b"4000"]
    assert all("points beyond retention policy" in r.reason for r in refused)
    assert len(taken) == 5998
    for request in asked:
        assert request.path == "/api/v2/write"
        assert dict(request.query) == {"org": "an org", "bucket": "a bucket", "precision": "us"}
        assert request.headers["Authorization"] == "Token a-token"
        assert request.headers["Content-Encoding"] == ("gzip" if compress else "identity")
    assert len(asked) < 2 + 4 * 13


async def test_what_is_too_large_is_sent_in_smaller_parts() -> None:
    taken: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/query":
            return web.json_response({"results": [{}]})
        lines = (await request.read()).splitlines()
        if len(lines) > 700:
            return web.Response(status=413, text="Request Entity Too Large")
        taken.extend(lines)
        return web.Response(status=204)

    async with server(answer) as url:
        for store in stores(url):
            taken.clear()
            await store.open()
            assert not await store.write([falls(3000)])
            assert len(taken) == len(set(taken)) == 3000
            await store.close()


async def test_influxdb_1_is_given_its_user_by_header_not_in_the_address() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"results": [{}]}) if request.path == "/query" else web.Response(status=204)

    async with server(answer) as url:
        store = Influx1(url, "shouhu", username="ward", password="pass-word")
        await store.open()
        await store.write([falls(1)])
        await store.close()
    assert [request.path for request in asked] == ["/query", "/write"]
    for request in asked:
        assert request.headers["Authorization"].startswith("Basic ")
        assert "pass-word" not in str(request.url)
