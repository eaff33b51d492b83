"""A resident's number over time, in as many points as a screen has: mean, lowest, highest and count of each stretch."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.contract import Kind
from ingest.readings import Float, Int
from ingest.stores.schema import ROLLED_UP, Field
from ingest.stores.sqlite_tables import HOUR_MS, numbers_of
from ingest.stores.sqlite_upkeep import hour_of, removed_before

#: More than the widest screen has.
POINTS_MOST: Final = 5_000


class UnknownMetric(LookupError):
    """A metric that is no numeric field of any kind."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Stretches that hold readings, oldest first, all arrays (n,): begin in Unix ms, values in the field's unit."""

    #: How long each stretch is.
    width_ms: int
    time_ms: Int
    mean: Float
    lowest: Float
    highest: Float
    count: Int


def metric_of(name: str) -> tuple[Kind, Field]:
    """Kind and field of a metric such as ``vitals.heart_rate_bpm``; UnknownMetric where there is no such number."""
    kind, _, field_name = name.partition(".")
    if kind in Kind._value2member_map_:
        for field in numbers_of(Kind(kind)):
            if field.name == field_name:
                return Kind(kind), field
    raise UnknownMetric(name)


def metrics() -> list[str]:
    """Every metric there is."""
    return [f"{kind}.{field.name}" for kind in Kind for field in numbers_of(kind)]


def ask(
    connection: sqlite3.Connection,
    resident: str,
    metric: tuple[Kind, Field],
    start_ms: int,
    end_ms: int,
    points: int,
    now_ms: int,
    roll_up: Callable[[], object],
) -> Curve:
    """The curve over [start_ms, end_ms) in at most `points` stretches, all of the resident's devices together.

    Where raw readings are gone, and where a stretch is an hour or longer, it is made of the hourly roll-ups; an hour
    belongs to the stretch in which it begins.
    """
    kind, field = metric
    width_ms = max(1, -(-(end_ms - start_ms) // points))
    raw_from_ms = 0
    parts = [
        f"SELECT time_ms, {field.name} AS total, {field.name} AS lowest, {field.name} AS highest, 1 AS n FROM {kind}"
        f" WHERE {_OF_RESIDENT} AND time_ms >= max(:start, :raw_from) AND time_ms < :end AND {field.name} IS NOT NULL"
    ]
    if kind in ROLLED_UP:
        raw_from_ms = removed_before(connection)
        if width_ms >= HOUR_MS:
            roll_up()
            raw_from_ms = max(raw_from_ms, hour_of(now_ms))
        name = field.name
        parts.append(
            f"SELECT time_ms, {name}_mean * {name}_count, {name}_min, {name}_max, {name}_count FROM {kind}_hourly"
            f" WHERE {_OF_RESIDENT} AND time_ms >= :start AND time_ms < min(:end, :raw_from) AND {name}_count > 0"
        )
    rows = connection.execute(
        "SELECT (time_ms - :start) / :width AS stretch, sum(total) / sum(n), min(lowest), max(highest), sum(n)"
        f" FROM ({' UNION ALL '.join(parts)}) GROUP BY stretch ORDER BY stretch",
        {"resident": resident, "start": start_ms, "end": end_ms, "raw_from": raw_from_ms, "width": width_ms},
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    stretch, mean, lowest, highest, count = table.T
    time_ms = start_ms + stretch.astype(np.int64) * width_ms
    return Curve(width_ms, time_ms, mean, lowest, highest, count.astype(np.int64))


_OF_RESIDENT: Final = "series IN (SELECT number FROM series WHERE resident = :resident)"
