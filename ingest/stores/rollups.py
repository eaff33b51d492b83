"""Hourly roll-ups as InfluxDB is told to make them: continuous queries (version 1) and Flux tasks (version 2).

A roll-up is a measurement of its own, ``vitals_hourly``, with the tags of the readings, the beginning of the hour as
its time, and for every number four fields: ``heart_rate_bpm_mean``, ``_min``, ``_max`` and ``_count``.
"""

import json
from typing import Final

from ingest.contract import Kind
from ingest.stores.schema import FIELDS, SUMMARIES, is_number

#: Where roll-ups are kept: a retention policy of the database (1), or a bucket of its own (2).
POLICY: Final = "hourly"
#: Every hour is rolled up this often, so that what arrives late is in it.
TIMES: Final = 3
_HOUR: Final = "1h"


def quoted(name: str) -> str:
    """An identifier of InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def name_of(kind: Kind) -> str:
    """The measurement of a kind's roll-ups."""
    return f"{kind}_hourly"


def _numbers(kind: Kind) -> list[str]:
    return [field.name for field in FIELDS[kind] if is_number(field)]


# ------------------------------------------------------------------ version 1


def _select(database: str, policy: str, kind: Kind, where: str) -> str:
    columns = ", ".join(
        f"{what}({quoted(name)}) AS {quoted(f'{name}_{what}')}" for name in _numbers(kind) for what in SUMMARIES
    )
    target = f"{quoted(database)}.{quoted(POLICY)}.{quoted(name_of(kind))}"
    source = f"{quoted(database)}.{quoted(policy)}.{quoted(kind)}"
    return f"SELECT {columns} INTO {target} FROM {source}{where} GROUP BY time({_HOUR}), *"


def continuous_query(database: str, policy: str, kind: Kind) -> str:
    """The statement that makes InfluxDB 1 roll up a kind by itself; `policy` is where raw readings are."""
    return (
        f"CREATE CONTINUOUS QUERY {quoted(name_of(kind))} ON {quoted(database)} RESAMPLE FOR {TIMES}{_HOUR[1:]}"
        f" BEGIN {_select(database, policy, kind, '')} END"
    )


def backfill_query(database: str, policy: str, kind: Kind, start_ms: int, end_ms: int) -> str:
    """The statement that rolls up what is stored already of [start_ms, end_ms), whole hours."""
    return _select(database, policy, kind, f" WHERE time >= {start_ms}ms AND time < {end_ms}ms")


# ------------------------------------------------------------------ version 2


def hourly_bucket(bucket: str) -> str:
    """The bucket of the roll-ups of a bucket."""
    return f"{bucket}_{POLICY}"


def flux_task(org: str, bucket: str, kind: Kind) -> str:
    """The task that makes InfluxDB 2 roll up a kind by itself, five minutes after every hour."""
    return (
        'import "date"\n\n'
        f"option task = {{name: {_text(f'{bucket} {name_of(kind)}')}, every: 1h, offset: 5m}}\n\n"
        + flux_roll_up(org, bucket, kind, f"date.truncate(t: -{TIMES}h, unit: 1h)", "date.truncate(t: now(), unit: 1h)")
    )


def flux_roll_up(org: str, bucket: str, kind: Kind, start: str, stop: str) -> str:
    """Flux that rolls up [start, stop), Flux expressions of whole hours."""
    fields = " or ".join(f"r._field == {_text(name)}" for name in _numbers(kind))
    window = 'aggregateWindow(every: 1h, fn: {what}, createEmpty: false, timeSrc: "_start")'
    parts = [f'readings |> {window.format(what=what)} |> keep_as(what: "{what}")' for what in SUMMARIES]
    return (
        "keep_as = (tables=<-, what) => tables\n"
        f'    |> set(key: "_measurement", value: {_text(name_of(kind))})\n'
        '    |> map(fn: (r) => ({r with _field: r._field + "_" + what}))\n'
        f"    |> to(bucket: {_text(hourly_bucket(bucket))}, org: {_text(org)})\n\n"
        f"readings = from(bucket: {_text(bucket)})\n"
        f"    |> range(start: {start}, stop: {stop})\n"
        f"    |> filter(fn: (r) => r._measurement == {_text(kind)} and ({fields}))\n"
        # Whole numbers too, so that every roll-up of a field has one type.
        "    |> toFloat()\n\n" + "\n".join(parts) + "\n"
    )


def _text(word: str) -> str:
    # Flux writes text as JSON does, but for ${…}, which would be an expression.
    return json.dumps(word, ensure_ascii=False).replace("${", "\\${")
