"""A resident's early-warning score as it stands: each of the seven inputs, and what they come to."""

from dataclasses import dataclass
from typing import Final

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

#: A charted value fits into so many bits; above them stands the time, so that later is greater.
TIME_SHIFT: Final = 10
CHARTED: Final = (1 << TIME_SHIFT) - 1


@dataclass(frozen=True, slots=True)
class Input:
    """One of the seven inputs; `fewest` and `most` are points.

    `value` is in the sign's own unit, None where it was never measured, or is none that devices measure. `age_ms` and
    `expires_ms` belong to what is measured: an input with an age that is not `known` has expired.
    """

    name: str
    known: bool
    fewest: int
    most: int
    value: float | None = None
    age_ms: int | None = None
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The interval and its seven inputs in the order of `INPUTS`."""

    interval: Interval
    inputs: tuple[Input, ...]


def scored(seen: NDArray[np.int64], clock_ms: int, params: np.void) -> Score:
    """The score at `clock_ms` of one resident.

    `seen` (5,) are the signs as `EarlyWarning` keeps them: time and charted value, NEVER where one was not measured;
    `params` is a record of its parameters.
    """
    age_ms = clock_ms - (seen >> TIME_SHIFT)
    fresh = (seen != NEVER) & (age_ms <= params["expires_ms"])
    chart = np.where(fresh, seen & CHARTED, UNKNOWN)[np.newaxis, :]
    fewest, most = fewest_points(chart, params["way"])[0], most_points(chart, params["way"])[0]
    oxygen = int(params["oxygen_points"])
    signs = [
        Input(
            name,
            known=bool(fresh[sign]),
            fewest=int(fewest[sign]) if fresh[sign] else 0,
            most=int(most[sign]) if fresh[sign] else MOST[sign],
            value=None if seen[sign] == NEVER else measured(sign, int(seen[sign]) & CHARTED),
            age_ms=None if seen[sign] == NEVER else int(age_ms[sign]),
            expires_ms=int(params["expires_ms"][sign]),
        )
        for sign, name in enumerate(SIGNS)
    ]
    told = [
        Input(name, points != NOT_KNOWN, max(points, 0), MOST[INPUTS.index(name)] if points == NOT_KNOWN else points)
        for name, points in (("oxygen", oxygen), ("consciousness", NOT_KNOWN))
    ]
    return Score(interval_of(fewest, most, oxygen, NOT_KNOWN), (*signs, *told))
