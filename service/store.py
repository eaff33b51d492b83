"""The store that the settings choose, and making it ready."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from ingest.clock import wall_clock_ms
from ingest.stores.contract import Store
from ingest.stores.influx import Influx1, Influx2
from ingest.stores.influx_init import Days, StoreInitError, backfill1, backfill2, init1, init2, statements1, statements2
from ingest.stores.sqlite import SqliteStore
from ingest.stores.sqlite_tables import TABLES
from ingest.stores.sqlite_upkeep import Keeping
from service.settings import Settings

__all__ = ["StoreInitError", "init", "make_store", "statements"]

#: A query over a day of a district may take this long.
_QUERY_S: Final = 300.0


def make_store(settings: Settings) -> Store:
    """The store that the settings choose, not yet opened."""
    match settings.store.kind:
        case "sqlite":
            return make_sqlite(settings)
        case "influxdb2":
            two = settings.store.influxdb2
            token = _token(settings)
            return Influx2(two.url, two.org, two.bucket, token, keep_samples=settings.store.keep_samples)
        case "influxdb1":
            return make_influx1(settings)


def make_sqlite(settings: Settings) -> SqliteStore:
    """The SQLite store of the settings."""
    store = settings.store
    keeping = Keeping(store.keep_days or None, store.rollup_keep_days or None, store.sqlite.max_bytes)
    return SqliteStore(settings.readings_file, keep_samples=store.keep_samples, keeping=keeping)


def make_influx1(settings: Settings, timeout_s: float = 30.0) -> Influx1:
    """The InfluxDB 1 of the settings."""
    one = settings.store.influxdb1
    password = one.password.get_secret_value() if one.password is not None else None
    return Influx1(
        one.url,
        one.database,
        username=one.username,
        password=password,
        keep_samples=settings.store.keep_samples,
        timeout_s=timeout_s,
    )


def _token(settings: Settings) -> str:
    token = settings.store.influxdb2.token
    assert token is not None  # the settings have seen to it
    return token.get_secret_value()


def _days(settings: Settings) -> Days:
    return Days(settings.store.keep_days, settings.store.rollup_keep_days)


def statements(settings: Settings) -> Iterator[str]:
    """What making the store ready asks of one that has nothing yet."""
    match settings.store.kind:
        case "sqlite":
            yield from (f"{statement};" for statement in TABLES)
        case "influxdb2":
            two = settings.store.influxdb2
            yield from statements2(two.org, two.bucket, _days(settings))
        case "influxdb1":
            yield from statements1(settings.store.influxdb1.database, _days(settings))


async def init(settings: Settings, *, backfill: bool) -> AsyncIterator[str]:
    """Make the store ready; yields a line a step. StoreInitError, StoreUnavailable."""
    days, now_ms = _days(settings), wall_clock_ms()
    match settings.store.kind:
        case "sqlite":
            settings.readings_file.parent.mkdir(parents=True, exist_ok=True)
            sqlite = make_sqlite(settings)
            try:
                made = await sqlite.init()
            finally:
                await sqlite.close()
            yield f"{settings.readings_file}: {'made ' + ', '.join(made) if made else 'found'}"
        case "influxdb2":
            two = settings.store.influxdb2
            timeout_ms = round(_QUERY_S * 1000)
            async with InfluxDBClientAsync(two.url, _token(settings), two.org, timeout=timeout_ms) as client:
                async for line in init2(client, two.org, two.bucket, days):
                    yield line
                if backfill:
                    async for line in backfill2(client, two.org, two.bucket, days, now_ms):
                        yield line
        case "influxdb1":
            database, one = settings.store.influxdb1.database, make_influx1(settings, _QUERY_S)
            try:
                async for line in init1(one, database, days):
                    yield line
                if backfill:
                    async for line in backfill1(one, database, days, now_ms):
                        yield line
            finally:
                await one.close()
