"""`shouhu store init` makes a store ready, finds what is ready, and its roll-ups are those of the readings.

InfluxDB 1 is the real one. There is no InfluxDB 2 to be had for tests: what is asked of it is checked against a
server that answers as its documentation says, so the Flux of its tasks has been read by no InfluxDB.
"""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from ingest.contract import Kind
from ingest.stores.influx import Influx1
from ingest.stores.rollups import continuous_query
from tests.conftest import free_port

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Shouhu = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shouhu(tmp_path: Path) -> Shouhu:
    """`shouhu store init` with a [store] of its own."""

    def run(store: str, *options: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        settings = tmp_path / "shouhu.toml"
        settings.write_text(store)
        command = [sys.executable, "-c", "from service.cli.app import app; app()", "store", "init"]
        return subprocess.run(
            [*command, "--settings", str(settings), *options],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
            env=env,
        )

    return run


def of_influxdb1(url: str, database: str, keep_days: int = 90, rollup_keep_days: int = 1095) -> str:
    return (
        f'[store]\nkind = "influxdb1"\nkeep_days = {keep_days}\nrollup_keep_days = {rollup_keep_days}\n'
        f'[store.influxdb1]\nurl = "{url}"\ndatabase = "{database}"\n'
    )


@pytest.fixture
def database() -> str:
    return f"d{uuid.uuid4().hex}"


# ------------------------------------------------------------------ SQLite


def test_sqlite_is_made_and_then_found(shouhu: Shouhu, tmp_path: Path) -> None:
    dry = shouhu("", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "CREATE TABLE IF NOT EXISTS vitals_hourly" in dry.stdout
    assert not (tmp_path / "shouhu-data").exists()
    made = shouhu("")
    assert made.returncode == 0, made.stderr
    assert "readings.db: made" in made.stdout
    assert "vitals_hourly" in made.stdout
    assert shouhu("").stdout.endswith("readings.db: found\n")


# ------------------------------------------------------------------ InfluxDB 1, the real one


def test_influxdb_1_is_made_found_and_changed(shouhu: Shouhu, influxdb: Any, database: str) -> None:
    dry = shouhu(of_influxdb1(influxdb.url, database), "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f'CREATE DATABASE "{database}"' in dry.stdout
    assert database not in {row["name"] for row in influxdb.query("", "SHOW DATABASES")}

    made = shouhu(of_influxdb1(influxdb.url, database))
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [
        f"database {database}: made",
        "retention policy autogen (readings kept 90 days): changed",
        "retention policy hourly (roll-ups kept 1095 days): made",
        "continuous query vitals_hourly: made",
        "continuous query bed_hourly: made",
    ]
    again = shouhu(of_influxdb1(influxdb.url, database))
    assert {line.rpartition(": ")[2] for line in again.stdout.splitlines()} == {"found"}
    other = shouhu(of_influxdb1(influxdb.url, database, 7, 0))
    assert other.stdout.splitlines()[1:3] == [
        "retention policy autogen (readings kept 7 days): changed",
        "retention policy hourly (roll-ups kept for ever): changed",
    ]
    policies = {row["name"]: row["duration"] for row in influxdb.query(database, "SHOW RETENTION POLICIES")}
    assert policies == {"autogen": "168h0m0s", "hourly": "0s"}
    again = shouhu(of_influxdb1(influxdb.url, database, 7, 0))
    assert {line.rpartition(": ")[2] for line in again.stdout.splitlines()} == {"found"}


def test_the_statements_of_a_dry_run_are_those_a_new_server_takes(shouhu: Shouhu, influxdb: Any, database: str) -> None:
    *statements, said = shouhu(of_influxdb1(influxdb.url, database), "--dry-run").stdout.splitlines()
    assert said == "nothing was changed (--dry-run)"
    for statement in statements:
        influxdb.query("", statement)
    assert {line.rpartition(": ")[2] for line in shouhu(of_influxdb1(influxdb.url, database)).stdout.splitlines()} == {
        "found"
    }


def test_a_continuous_query_of_somebody_elses_making_is_replaced(shouhu: Shouhu, influxdb: Any, database: str) -> None:
    shouhu(of_influxdb1(influxdb.url, database))
    influxdb.query("", f'DROP CONTINUOUS QUERY vitals_hourly ON "{database}"')
    other = f'SELECT mean(steps) INTO x FROM "{database}"."autogen"."vitals" GROUP BY time(1h)'
    influxdb.query("", f'CREATE CONTINUOUS QUERY vitals_hourly ON "{database}" BEGIN {other} END')
    assert "continuous query vitals_hourly: changed" in shouhu(of_influxdb1(influxdb.url, database)).stdout
    found = {row["name"]: row["query"] for row in influxdb.query(database, "SHOW CONTINUOUS QUERIES") if "query" in row}
    assert "heart_rate_bpm_mean" in found["vitals_hourly"]


async def test_roll_ups_of_what_was_stored_are_those_of_the_readings(
    shouhu: Shouhu, influxdb: Any, database: str
) -> None:
    store = Influx1(influxdb.url, database)
    await store.open()
    end_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS
    times_ms = np.arange(end_ms - 3 * DAY_MS, end_ms, 600_000)
    generator = np.random.default_rng(4)
    rates = {resident: generator.uniform(50, 110, len(times_ms)).round(1) for resident in ("r1", "r2")}
    for resident, own in rates.items():
        await store.write_lines(
            [
                f"vitals,device=b-{resident},resident={resident},site=s heart_rate_bpm={rate},worn={i % 2}i,"
                f"received_ms={ms}i {ms}000"
                for i, (ms, rate) in enumerate(zip(times_ms.tolist(), own.tolist(), strict=True))
            ]
        )
    await store.close()
    done = await asyncio.to_thread(shouhu, of_influxdb1(influxdb.url, database), "--backfill")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "vitals_hourly: 144 roll-ups of what was stored",
        "bed_hourly: 0 roll-ups of what was stored",
    ]
    for resident, own in rates.items():
        rows = influxdb.query(
            database, f"SELECT * FROM hourly.vitals_hourly WHERE resident = '{resident}' ORDER BY time"
        )
        hours = own.reshape(-1, 6)
        assert [row["time"] for row in rows] == times_ms[::6].tolist()
        assert {row["device"] for row in rows} == {f"b-{resident}"}
        assert [row["heart_rate_bpm_mean"] for row in rows] == pytest.approx(hours.mean(axis=1))
        assert [row["heart_rate_bpm_min"] for row in rows] == hours.min(axis=1).tolist()
        assert [row["heart_rate_bpm_max"] for row in rows] == hours.max(axis=1).tolist()
        assert {(row["heart_rate_bpm_count"], row["worn_mean"]) for row in rows} == {(6, 0.5)}
        assert not any("spo2_pct_mean" in row for row in rows), "what was not sent is not rolled up"


async def test_influxdb_1_rolls_up_by_itself(influxdb: Any, database: str) -> None:
    store = Influx1(influxdb.url, database)
    await store.open()
    influxdb.query("", f'CREATE RETENTION POLICY "hourly" ON "{database}" DURATION INF REPLICATION 1')
    # The statement as it is, but every second instead of every hour: nobody waits an hour for a test.
    statement = continuous_query(database, "autogen", Kind.VITALS)
    statement = statement.replace("RESAMPLE FOR 3h", "RESAMPLE EVERY 1s FOR 1m").replace("time(1h)", "time(1s)")
    influxdb.query("", statement)
    now_ms = time.time_ns() // 1_000_000 // 1000 * 1000 - 5000
    lines = [f"vitals,device=d,resident=r,site=s heart_rate_bpm={60 + i} {now_ms + 100 * i}000" for i in range(10)]
    await store.write_lines(lines)
    async with asyncio.timeout(30):
        while not (rows := influxdb.query(database, "SELECT * FROM hourly.vitals_hourly")):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    (row,) = rows
    wanted = {"mean": 64.5, "min": 60, "max": 69, "count": 10}
    assert {what: row[f"heart_rate_bpm_{what}"] for what in wanted} == wanted
    assert (row["time"], row["resident"]) == (now_ms, "r")
    await store.close()


def test_a_server_that_is_away_is_said_to_be(shouhu: Shouhu) -> None:
    port = free_port()
    done = shouhu(of_influxdb1(f"http://127.0.0.1:{port}", "d"))
    assert done.returncode == 1
    assert f"http://127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------ InfluxDB 2, as its documentation has it


class Documented:
    """Organisations, buckets, tasks and queries of InfluxDB 2.7's API, as far as they are used."""

    def __init__(self) -> None:
        self.orgs = [{"id": "0000000000000001", "name": "an org"}]
        self.buckets: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.queries: list[str] = []
        self.tokens: set[str | None] = set()

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.tokens.add(request.headers.get("Authorization"))
        if request.headers.get("Authorization") != "Token a-token":
            return web.json_response({"code": "unauthorized", "message": "unauthorized access"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard])
        app.router.add_get("/api/v2/orgs", self.list_orgs)
        app.router.add_get("/api/v2/buckets", self.list_buckets)
        app.router.add_post("/api/v2/buckets", self.make_bucket)
        app.router.add_patch("/api/v2/buckets/{id}", self.change_bucket)
        app.router.add_get("/api/v2/tasks", self.list_tasks)
        app.router.add_post("/api/v2/tasks", self.make_task)
        app.router.add_patch("/api/v2/tasks/{id}", self.change_task)
        app.router.add_post("/api/v2/query", self.query)
        return app

    async def list_orgs(self, request: web.Request) -> web.Response:
        found = [org for org in self.orgs if org["name"] == request.query["org"]]
        if not found:
            return web.json_response({"code": "not found", "message": "organization name not found"}, status=404)
        return web.json_response({"orgs": found})

    async def list_buckets(self, request: web.Request) -> web.Response:
        return web.json_response({"buckets": [b for b in self.buckets if b["name"] == request.query["name"]]})

    async def make_bucket(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body.keys() >= {"orgID", "name", "retentionRules"}
        bucket = body | {"id": f"{len(self.buckets):016x}"}
        self.buckets.append(bucket)
        return web.json_response(bucket, status=201)

    async def change_bucket(self, request: web.Request) -> web.Response:
        bucket = next(b for b in self.buckets if b["id"] == request.match_info["id"])
        bucket |= await request.json()
        return web.json_response(bucket)

    async def list_tasks(self, request: web.Request) -> web.Response:
        return web.json_response({"tasks": [t for t in self.tasks if t["name"] == request.query["name"]]})

    async def make_task(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body.keys() >= {"orgID", "flux"}
        # The name of a task comes from its Flux.
        name = json.loads(body["flux"].partition("option task = {name: ")[2].partition(", every")[0])
        task = body | {"id": f"{len(self.tasks):016x}", "name": name}
        self.tasks.append(task)
        return web.json_response(task, status=201)

    async def change_task(self, request: web.Request) -> web.Response:
        task = next(t for t in self.tasks if t["id"] == request.match_info["id"])
        task |= await request.json()
        return web.json_response(task)

    async def query(self, request: web.Request) -> web.Response:
        self.queries.append((await request.json())["query"])
        return web.Response(text="", content_type="text/csv")


@pytest.fixture
async def documented() -> AsyncIterator[tuple[Documented, str]]:
    api = Documented()
    runner = web.AppRunner(api.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield api, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def of_influxdb2(url: str, org: str = "an org", keep_days: int = 30) -> str:
    return (
        f'[store]\nkind = "influxdb2"\nkeep_days = {keep_days}\n[store.influxdb2]\nurl = "{url}"\norg = "{org}"\n'
        'bucket = "a bucket"\ntoken = { env = "T" }\n'
    )


async def test_influxdb_2_is_asked_for_buckets_and_tasks_once(
    shouhu: Shouhu, documented: tuple[Documented, str]
) -> None:
    api, url = documented

    async def init(text: str, *options: str, token: str = "a-token") -> "subprocess.CompletedProcess[str]":
        return await asyncio.to_thread(shouhu, text, *options, env={"T": token})

    dry = await init(of_influxdb2(url), "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert 'from(bucket: "a bucket")' in dry.stdout
    assert not api.tokens, "nothing is connected to"

    made = await init(of_influxdb2(url))
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [
        "bucket a bucket (readings kept 30 days): made",
        "bucket a bucket_hourly (roll-ups kept 1095 days): made",
        "task a bucket vitals_hourly: made",
        "task a bucket bed_hourly: made",
    ]
    assert [(b["name"], b["orgID"]) for b in api.buckets] == [
        ("a bucket", "0000000000000001"),
        ("a bucket_hourly", "0000000000000001"),
    ]
    assert [b["retentionRules"] for b in api.buckets] == [
        [{"type": "expire", "everySeconds": days * 86_400}] for days in (30, 1095)
    ]
    flux = api.tasks[0]["flux"]
    for part in ('to(bucket: "a bucket_hourly", org: "an org")', 'r._field == "heart_rate_bpm"', "every: 1h"):
        assert part in flux

    again = await init(of_influxdb2(url))
    assert {line.rpartition(": ")[2] for line in again.stdout.splitlines()} == {"found"}
    assert (len(api.buckets), len(api.tasks)) == (2, 2)

    api.tasks[1]["flux"] = "something older"
    changed = await init(of_influxdb2(url, keep_days=60), "--backfill")
    assert [line.rpartition(": ")[2] for line in changed.stdout.splitlines()[:4]] == [
        "changed",
        "found",
        "found",
        "changed",
    ]
    assert api.buckets[0]["retentionRules"][0]["everySeconds"] == 60 * 86_400
    assert "bed_hourly" in api.tasks[1]["flux"]
    assert len(api.queries) in (2 * 60, 2 * 61)
    assert api.queries[0].count("|> to(") == 1


async def test_what_influxdb_2_refuses_is_told_in_its_words(shouhu: Shouhu, documented: tuple[Documented, str]) -> None:
    _, url = documented
    for text, token, words in (
        (of_influxdb2(url), "another", "unauthorized access"),
        (of_influxdb2(url, "nobody"), "a-token", "organization name not found"),
    ):
        done = await asyncio.to_thread(shouhu, text, env={"T": token})
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert token not in done.stderr
