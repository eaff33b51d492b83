"""How long alarms took, leg by leg, and how many were answered in time: percentiles over the delay ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from alerts.findings import Condition
from alerts.journal.ledger import LEDGER
from alerts.journal.schema import READ_ONLY

#: From and to, of each leg. The first compares two clocks, the device's and ours, and may be below zero.
LEGS: Final[Mapping[str, tuple[str, str]]] = {
    "onset_to_received": ("onset_ms", "received_ms"),
    "received_to_detected": ("received_ms", "detected_ms"),
    "detected_to_journalled": ("detected_ms", "journalled_ms"),
    "journalled_to_sent": ("journalled_ms", "sent_ms"),
    "sent_to_delivered": ("sent_ms", "delivered_ms"),
    "sent_to_acknowledged": ("sent_ms", "acknowledged_ms"),
    "raised_to_acknowledged": ("journalled_ms", "acknowledged_ms"),
    "raised_to_resolved": ("journalled_ms", "resolved_ms"),
}
#: Answered within so many seconds, and the share that telecare centres aim at (Telecare Services Association, UK).
PRACTICE: Final[Mapping[int, float]] = {60: 0.975, 180: 0.99}
#: The latest alarms of a period that are looked at; their numbers take 20 MB.
MOST: Final = 200_000
#: Rows made into numbers at once: what one holds up the service's other threads for is well below a millisecond.
_ROWS_AT_ONCE: Final = 500
_TIMES: Final = tuple(c.name for c in LEDGER.c if c.name.endswith("_ms"))

_Times = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Leg:
    """How long one leg took of the `count` alarms that have both its ends, milliseconds; None where there are none."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Of `total` alarms raised at least `within_s` ago, how many somebody had taken by then."""

    within_s: int
    total: int
    answered: int

    @property
    def share(self) -> float | None:
        """The share, None where there is nothing to share."""
        return self.answered / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Delays:
    """Alarms of one kind: how many, the legs by name, and how many were answered in time."""

    alarms: int
    legs: Mapping[str, Leg]
    answered: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Alarms raised in [start_ms, end_ms): by condition, of people (all but those of devices), and drills apart.

    `start_ms` is later than was asked for where there were more than `MOST` since then.
    """

    start_ms: int
    end_ms: int
    by_condition: Mapping[Condition, Delays]
    people: Delays
    drills: Delays


class DelayReader:
    """Reads reports; synchronous, for a thread or a command."""

    def __init__(self, engine: Engine) -> None:
        self._readers = engine.execution_options(**READ_ONLY)

    def report(self, start_ms: int, end_ms: int, *, site: str | None = None) -> Report:
        """The report of a period that ends at the latest now, by the index over when alarms were journalled."""
        when = LEDGER.c.journalled_ms
        query = select(LEDGER.c.condition, LEDGER.c.drill, *[LEDGER.c[name] for name in _TIMES])
        query = query.where(when >= start_ms, when < end_ms).order_by(when.desc()).limit(MOST)
        if site is not None:
            query = query.where(LEDGER.c.site == site)
        blocks: list[NDArray[np.float64]] = []
        kinds: list[str] = []
        with self._readers.connect() as connection:
            for rows in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query).partitions():
                kinds += ["drill" if row.drill else row.condition for row in rows]
                blocks.append(np.array([row[2:] for row in rows], dtype=np.float64))
        table = np.concatenate(blocks) if blocks else np.empty((0, len(_TIMES)))
        kind = np.array(kinds, dtype=np.str_)
        if len(table) == MOST:
            start_ms = int(table[-1, _TIMES.index("journalled_ms")])

        def of(rows: NDArray[np.bool_]) -> Delays:
            return delays({name: table[rows, column] for column, name in enumerate(_TIMES)}, end_ms)

        drills = kind == "drill"
        return Report(
            start_ms,
            end_ms,
            {condition: of(kind == condition) for condition in Condition if (kind == condition).any()},
            of(~drills & (kind != Condition.DEVICE)),
            of(drills),
        )


def delays(times: _Times, now_ms: int) -> Delays:
    """The delays of n alarms: `times` are columns (n,) in Unix milliseconds by name, NaN where a time is not known."""
    raised_ms, taken_ms = times["journalled_ms"], times["acknowledged_ms"]
    return Delays(
        len(raised_ms),
        {name: _leg(times[end] - times[begin]) for name, (begin, end) in LEGS.items()},
        tuple(_answered(raised_ms, taken_ms, within_s, now_ms) for within_s in PRACTICE),
    )


def _leg(took_ms: NDArray[np.float64]) -> Leg:
    took_ms = took_ms[~np.isnan(took_ms)]
    if not len(took_ms):
        return Leg(0, None, None, None)
    p50, p95, p99 = np.percentile(took_ms, [50, 95, 99]).tolist()
    return Leg(len(took_ms), p50, p95, p99)


def _answered(raised_ms: NDArray[np.float64], taken_ms: NDArray[np.float64], within_s: int, now_ms: int) -> Answered:
    # One that is younger is not late yet, and would count for the better if it were taken already.
    due = raised_ms + within_s * 1000 <= now_ms
    in_time = taken_ms - raised_ms <= within_s * 1000  # False where nobody has taken it
    return Answered(within_s, int(due.sum()), int((due & in_time).sum()))
