"""A resident's early-warning score as it stands: each of the seven inputs, whose it is, and what they come to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.news2 import (
    INPUTS,
    MOST,
    NOT_KNOWN,
    Interval,
    fewest_points,
    interval_of,
    measured,
    most_points,
)
from alerts.detectors.segments import NEVER
from alerts.detectors.signs import SIGNS, UNKNOWN
from alerts.detectors.sources import (
    BRACELET_SLOTS,
    CHARTED,
    MAT_SIGNS,
    MAT_SLOTS,
    SOURCES,
    TIME_SHIFT,
    Source,
    counting,
    mat_counts,
    quality_of,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one source last measured of a sign, in its own unit; `quality` 0–1, None where it said none."""

    source: Source
    value: float
    quality: float | None
    age_ms: int


@dataclass(frozen=True, slots=True)
class Input:
    """One of the seven inputs; `fewest` and `most` are points.

    `counts` is the measurement taken, None where it was never measured, or is none that devices measure; `other` is the
    other source's, while it would count if it stood alone. `expires_ms` belongs to what is measured: an input that was
    measured and is not `known` has expired.
    """

    name: str
    known: bool
    fewest: int
    most: int
    counts: Measured | None = None
    other: Measured | None = None
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The interval and its seven inputs in the order of `INPUTS`."""

    interval: Interval
    inputs: tuple[Input, ...]


def scored(seen: NDArray[np.int64], clock_ms: int, params: np.void) -> Score:
    """The score at `clock_ms` of one resident.

    `seen` (7,) are the measurements as `EarlyWarning` keeps them; `params` is a record of its parameters.
    """
    expires_ms = params["expires_ms"]
    each, at = seen[np.newaxis], np.array([clock_ms])
    from_mat = mat_counts(each, at, params["better_ms"][np.newaxis], expires_ms[np.newaxis])
    best = counting(each, from_mat)[0]
    fresh = (best != NEVER) & (clock_ms - (best >> TIME_SHIFT) <= expires_ms)
    chart = np.where(fresh, best & CHARTED, UNKNOWN)[np.newaxis]
    way = params["way"][np.newaxis]
    fewest, most = fewest_points(chart, way)[0], most_points(chart, way)[0]
    oxygen = int(params["oxygen_points"])
    signs = []
    for sign, name in enumerate(SIGNS):  # five, of one resident
        counts, other = _both(seen, from_mat[0], sign, clock_ms)
        signs.append(
            Input(
                name,
                known=bool(fresh[sign]),
                fewest=int(fewest[sign]) if fresh[sign] else 0,
                most=int(most[sign]) if fresh[sign] else MOST[sign],
                counts=counts,
                other=other if other is not None and other.age_ms <= expires_ms[sign] else None,
                expires_ms=int(expires_ms[sign]),
            )
        )
    told = [
        Input(name, points != NOT_KNOWN, max(points, 0), MOST[INPUTS.index(name)] if points == NOT_KNOWN else points)
        for name, points in (("oxygen", oxygen), ("consciousness", NOT_KNOWN))
    ]
    return Score(interval_of(fewest, most, oxygen, NOT_KNOWN), (*signs, *told))


def _both(
    seen: NDArray[np.int64], from_mat: NDArray[np.bool_], sign: int, clock_ms: int
) -> tuple[Measured | None, Measured | None]:
    """What counts of a sign, and what the other source says of it."""
    bracelet = _measured(SOURCES[0], sign, int(seen[BRACELET_SLOTS][sign]), clock_ms)
    if sign not in MAT_SIGNS:
        return bracelet, None
    at = MAT_SIGNS.index(sign)
    mat = _measured(SOURCES[1], sign, int(seen[MAT_SLOTS][at]), clock_ms)
    return (mat, bracelet) if from_mat[at] else (bracelet, mat)


def _measured(source: Source, sign: int, measurement: int, clock_ms: int) -> Measured | None:
    if measurement == NEVER:
        return None
    value = measured(sign, measurement & CHARTED)
    return Measured(source, value, quality_of(measurement), clock_ms - (measurement >> TIME_SHIFT))
