"""Making an InfluxDB ready: database or bucket, how long raw readings and roll-ups are kept, and who makes them.

Every step looks first and changes only what differs, so it may be done again at any time, on a server in use.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.patch_bucket_request import PatchBucketRequest
from influxdb_client.domain.patch_retention_rule import PatchRetentionRule
from influxdb_client.domain.post_bucket_request import PostBucketRequest
from influxdb_client.domain.task_create_request import TaskCreateRequest
from influxdb_client.domain.task_update_request import TaskUpdateRequest
from influxdb_client.rest import ApiException
from influxdb_client.service.buckets_service import BucketsService
from influxdb_client.service.organizations_service import OrganizationsService
from influxdb_client.service.tasks_service import TasksService

from ingest.stores.contract import StoreUnavailable
from ingest.stores.influx import UNREACHABLE, Influx1
from ingest.stores.rollups import (
    POLICY,
    backfill_query,
    continuous_query,
    flux_roll_up,
    flux_task,
    hourly_bucket,
    name_of,
    quoted,
)
from ingest.stores.schema import ROLLED_UP

DAY_S: Final = 86_400
_DAY_MS: Final = 1000 * DAY_S
_HOUR_MS: Final = 3_600_000


class StoreInitError(RuntimeError):
    """The store cannot be made ready; the text says at what and in whose words."""


@dataclass(frozen=True, slots=True)
class Days:
    """How long raw readings and hourly roll-ups are kept; 0 is for ever."""

    raw: int
    rollup: int


def _kept(days: int) -> str:
    return f"{days} days" if days else "for ever"


def _from_ms(days: Days, now_ms: int, longest_days: int) -> int:
    """Where rolling up what is stored already begins."""
    return (now_ms - (days.raw or longest_days) * _DAY_MS) // _DAY_MS * _DAY_MS


# ------------------------------------------------------------------ version 1


def _duration(days: int) -> str:
    # Data is dropped by whole shards: with a day a shard, a day late at most.
    return f"DURATION {days}d SHARD DURATION 1d" if days else "DURATION INF SHARD DURATION 7d"


def _policy_statement(verb: str, policy: str, database: str, days: int) -> str:
    replication = " REPLICATION 1" if verb == "CREATE" else ""
    duration = _duration(days)
    if replication:  # here the order matters to InfluxDB
        duration = duration.replace(" SHARD", f"{replication} SHARD")
    return f"{verb} RETENTION POLICY {quoted(policy)} ON {quoted(database)} {duration}"


def statements1(database: str, days: Days) -> list[str]:
    """What is asked of a server that has nothing yet."""
    return [
        f"CREATE DATABASE {quoted(database)}",
        _policy_statement("ALTER", "autogen", database, days.raw),
        _policy_statement("CREATE", POLICY, database, days.rollup),
        *(continuous_query(database, "autogen", kind) for kind in ROLLED_UP),
    ]


async def init1(store: Influx1, database: str, days: Days) -> AsyncIterator[str]:
    """Make ready what `statements1` says as far as it is not; yields a line a step. StoreInitError."""
    databases = {row["name"] for row in await _ask(store, "SHOW DATABASES")}
    if database not in databases:
        await _ask(store, f"CREATE DATABASE {quoted(database)}")
    yield f"database {database}: {'found' if database in databases else 'made'}"

    policies = {row["name"]: row for row in await _ask(store, f"SHOW RETENTION POLICIES ON {quoted(database)}")}
    raw = next((name for name, row in policies.items() if row["default"]), "autogen")
    for policy, kept_days, whose in ((raw, days.raw, "readings"), (POLICY, days.rollup, "roll-ups")):
        found = policies.get(policy)
        if found is None:
            await _ask(store, _policy_statement("CREATE", policy, database, kept_days))
        elif _days_of(found["duration"]) != kept_days:
            await _ask(store, _policy_statement("ALTER", policy, database, kept_days))
        how = "made" if found is None else "found" if _days_of(found["duration"]) == kept_days else "changed"
        yield f"retention policy {policy} ({whose} kept {_kept(kept_days)}): {how}"

    queries = {row["name"]: row["query"] for row in await _ask(store, "SHOW CONTINUOUS QUERIES", of=database)}
    for kind in ROLLED_UP:
        name, wanted = name_of(kind), continuous_query(database, raw, kind)
        present = queries.get(name)
        if present is not None and _bare(present) != _bare(wanted):
            await _ask(store, f"DROP CONTINUOUS QUERY {quoted(name)} ON {quoted(database)}")
        if present is None or _bare(present) != _bare(wanted):
            await _ask(store, wanted)
        how = "made" if present is None else "found" if _bare(present) == _bare(wanted) else "changed"
        yield f"continuous query {name}: {how}"


async def backfill1(store: Influx1, database: str, days: Days, now_ms: int) -> AsyncIterator[str]:
    """Roll up what is stored already, a day at a time; yields a line a kind. StoreInitError."""
    policies = await _ask(store, f"SHOW RETENTION POLICIES ON {quoted(database)}")
    raw = next(row["name"] for row in policies if row["default"])
    for kind in ROLLED_UP:
        first = await _ask(
            store, f"SELECT first(received_ms) FROM {quoted(database)}.{quoted(raw)}.{quoted(kind)}", of=kind.value
        )
        end_ms, written = now_ms // _HOUR_MS * _HOUR_MS, 0
        begin_ms = first[0]["time"] // _DAY_MS * _DAY_MS if first else end_ms
        if days.raw:
            begin_ms = max(begin_ms, _from_ms(days, now_ms, days.raw))
        for at_ms in range(begin_ms, end_ms, _DAY_MS):
            answer = await _ask(store, backfill_query(database, raw, kind, at_ms, min(at_ms + _DAY_MS, end_ms)))
            written += sum(int(row["written"]) for row in answer)
        yield f"{name_of(kind)}: {written} roll-ups of what was stored"


async def _ask(store: Influx1, statement: str, of: str | None = None) -> list[dict[str, Any]]:
    """The rows of an answer, of the series of a name where one is given; times in Unix ms."""
    answer = await store.query(statement)
    if "error" in answer:
        raise StoreInitError(f"InfluxDB refuses {statement.partition(' BEGIN')[0]}: {answer['error']}")
    return [
        dict(zip(series["columns"], row, strict=True))
        for series in answer.get("series", [])
        if of is None or series.get("name") == of
        for row in series.get("values", [])
    ]


def _bare(statement: str) -> str:
    """A statement without the quotes that InfluxDB leaves out where it can."""
    return statement.replace('"', "")


def _days_of(duration: str) -> float:
    """Days of a duration as InfluxDB writes it, ``2160h0m0s``; it is given in whole hours here."""
    return int(duration.partition("h")[0]) / 24 if "h" in duration else 0


# ------------------------------------------------------------------ version 2


def statements2(org: str, bucket: str, days: Days) -> list[str]:
    """What is asked of a server that has the organisation and nothing else."""
    return [
        f"POST /api/v2/buckets name={bucket} everySeconds={days.raw * DAY_S}",
        f"POST /api/v2/buckets name={hourly_bucket(bucket)} everySeconds={days.rollup * DAY_S}",
        *(f"POST /api/v2/tasks\n{flux_task(org, bucket, kind)}" for kind in ROLLED_UP),
    ]


async def init2(client: InfluxDBClientAsync, org: str, bucket: str, days: Days) -> AsyncIterator[str]:
    """Make ready what `statements2` says as far as it is not; yields a line a step. StoreInitError."""
    api = client.api_client
    found = await _of("organisation", OrganizationsService(api).get_orgs_async(org=org))
    orgs = [one for one in found.orgs or [] if one.name == org]
    if not orgs:
        raise StoreInitError(f"there is no organisation {org}, or the token may not see it")
    org_id = orgs[0].id

    buckets = BucketsService(api)
    for name, kept_days, whose in (
        (bucket, days.raw, "readings"),
        (hourly_bucket(bucket), days.rollup, "roll-ups"),
    ):
        seconds = kept_days * DAY_S
        found = await _of(f"bucket {name}", buckets.get_buckets_async(name=name, org_id=org_id))
        present = next((one for one in found.buckets or [] if one.name == name), None)
        if present is None:
            rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]
            request = PostBucketRequest(org_id=org_id, name=name, retention_rules=rules)
            await _of(f"bucket {name}", buckets.post_buckets_async(request))
            how = "made"
        elif sum(rule.every_seconds for rule in present.retention_rules or []) != seconds:
            patch = PatchBucketRequest(retention_rules=[PatchRetentionRule(type="expire", every_seconds=seconds)])
            await _of(f"bucket {name}", buckets.patch_buckets_id_async(present.id, patch))
            how = "changed"
        else:
            how = "found"
        yield f"bucket {name} ({whose} kept {_kept(kept_days)}): {how}"

    tasks = TasksService(api)
    for kind in ROLLED_UP:
        task, flux = f"{bucket} {name_of(kind)}", flux_task(org, bucket, kind)
        found = await _of(f"task {task}", tasks.get_tasks_async(name=task, org_id=org_id))
        present = next((one for one in found.tasks or [] if one.name == task), None)
        if present is None:
            await _of(f"task {task}", tasks.post_tasks_async(TaskCreateRequest(org_id=org_id, flux=flux)))
        elif present.flux.strip() != flux.strip():
            await _of(f"task {task}", tasks.patch_tasks_id_async(present.id, TaskUpdateRequest(flux=flux)))
        how = "made" if present is None else "found" if present.flux.strip() == flux.strip() else "changed"
        yield f"task {task}: {how}"


async def backfill2(
    client: InfluxDBClientAsync, org: str, bucket: str, days: Days, now_ms: int, longest_days: int = 365
) -> AsyncIterator[str]:
    """Roll up what is stored already, a day at a time (a year back where it is kept for ever). StoreInitError."""
    begin_ms, end_ms = _from_ms(days, now_ms, longest_days), now_ms // _HOUR_MS * _HOUR_MS
    for kind in ROLLED_UP:
        for at_ms in range(begin_ms, end_ms, _DAY_MS):
            start, stop = (f"time(v: {ms * 1_000_000})" for ms in (at_ms, min(at_ms + _DAY_MS, end_ms)))
            await _of(f"roll-up of {kind}", client.query_api().query_raw(flux_roll_up(org, bucket, kind, start, stop)))
        yield f"{name_of(kind)}: rolled up what was stored of {(end_ms - begin_ms) // _DAY_MS} days"


async def _of(what: str, asked: Any) -> Any:
    try:
        return await asked
    except (ApiException, InfluxDBError) as error:
        response = getattr(error, "body", None) or getattr(error, "message", None) or error
        raise StoreInitError(f"{what}: InfluxDB says {getattr(error, 'status', '')} {response}") from error
    except UNREACHABLE as error:
        raise StoreUnavailable(f"{what}: {error or type(error).__name__}") from error
