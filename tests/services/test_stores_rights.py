"""What an InfluxDB 1 that asks for a login lets each of its users do."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.readings import Fall
from ingest.stores.contract import Block, StoreUnavailable, Tag
from ingest.stores.influx import Influx1
from tests.conftest import InfluxDB, answers_http, free_port, program

TIME_MS = 1_760_000_000_000
BLOCK = Block(
    Fall(
        row=np.zeros(1, dtype=np.int32),
        time_ms=np.array([TIME_MS]),
        received_ms=np.array([TIME_MS]),
        seq=np.array([1]),
        time_assumed=np.array([False]),
        state=np.ones(1, dtype=np.int8),
        confidence=np.array([0.5]),
    ),
    (Tag("site", "d1", "resident"),),
)


def of(url: str, username: str | None, database: str = "care") -> Influx1:
    return Influx1(url, database, username=username, password=username)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an InfluxDB with a database, its administrator, a writer and a reader, each their own password."""
    folder, port = tmp_path_factory.mktemp("guarded-influxdb"), free_port()
    service = influxdb_with_logins(folder, port)
    service.start()
    try:
        asyncio.run(set_up(service.url))
        yield service.url
    finally:
        service.stop()


def influxdb_with_logins(folder: Path, port: int) -> InfluxDB:
    configuration = folder / "influxdb.conf"
    configuration.write_text(
        "reporting-disabled = true\n"
        f'bind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\n  dir = "{folder}/meta"\n'
        f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n'
        f'[http]\n  bind-address = "127.0.0.1:{port}"\n  auth-enabled = true\n'
        "[monitor]\n  store-enabled = false\n"
    )
    command = [program("influxd", "influxdb"), "run", "-config", str(configuration)]
    return InfluxDB("influxd", port, folder, command, lambda: answers_http(f"http://127.0.0.1:{port}/ping"))


async def set_up(url: str) -> None:
    nobody, admin = of(url, None), of(url, "admin")
    assert "error" not in await nobody.query("CREATE USER admin WITH PASSWORD 'admin' WITH ALL PRIVILEGES")
    for statement in (
        "CREATE DATABASE care",
        "CREATE USER writer WITH PASSWORD 'writer'",
        "CREATE USER reader WITH PASSWORD 'reader'",
        "GRANT WRITE ON care TO writer",
        "GRANT READ ON care TO reader",
    ):
        assert "error" not in await admin.query(statement)
    await nobody.close()
    await admin.close()


async def test_a_user_who_may_write_and_no_more_is_enough_where_the_database_is_there(guarded: str) -> None:
    writer, admin = of(guarded, "writer"), of(guarded, "admin")
    await writer.open()
    assert not await writer.write([BLOCK])
    assert len((await admin.query('SELECT * FROM "care".."fall"'))["series"][0]["values"]) == 1
    await writer.close()
    await admin.close()


@pytest.mark.parametrize(
    ("username", "database", "why"),
    [
        ("writer", "another", "HTTP 40[34]"),
        ("reader", "care", "HTTP 403.*not authorized"),
    ],
)
async def test_who_may_not_write_is_told_so_when_writing(guarded: str, username: str, database: str, why: str) -> None:
    store = of(guarded, username, database)
    await store.open()
    with pytest.raises(StoreUnavailable, match=why):
        await store.write([BLOCK])
    await store.close()


async def test_a_wrong_login_is_told_at_once(guarded: str) -> None:
    store = of(guarded, "nobody-here")
    with pytest.raises(StoreUnavailable, match=r"HTTP 401.*authorization failed"):
        await store.open()
    await store.close()
