"""What is usual for a person: level and spread of each sign in each part of the day, learned hour by hour.

A robust, exponentially forgetting estimate (a stochastic approximation of Huber's M-estimator of location, with the
mean absolute deviation for its scale): an hour pulls the level by at most three spreads, however far away it lies.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records

#: The channels, as indices of SIGNS: heart rate, SpO2, respiration and temperature of a bracelet, then heart rate and
#: respiration of a mat.
CHANNELS: Final = (0, 1, 2, 3, 0, 2)
#: Parts of the day, four hours each from midnight on.
PARTS: Final = 6
PART_H: Final = 24 // PARTS
#: How far away, in spreads, an hour may pull.
_PULL: Final = 3.0
#: Mean absolute deviation to standard deviation, for what is distributed normally.
_TO_SPREAD: Final = 1.2533
_MOST_HOURS: Final = 255
#: Those of bracelets, and those of mats, in the order of `alerts.detectors.sources`.
COLUMNS: Final = (slice(0, 4), slice(4, 6))


def part_of(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of the day (n,) of hours counted from 1970 by the local clock."""
    result: NDArray[np.int64] = hour % 24 // PART_H
    return result


def learn(
    state: Records,
    kind: int,
    row: NDArray[np.integer],
    part: NDArray[np.int64],
    mean: NDArray[np.float64],
    least: NDArray[np.float64],
    forget_h: NDArray[np.int64],
) -> None:
    """Let hours (r,) of different rows teach `level`, `spread` and `hours` of `state`, which are written.

    `mean` (r, channels of the kind) is NaN where an hour tells nothing; `least` (r, all channels) is a deviation that
    is believed however small the spread seems so far; `forget_h` (r,) hours are remembered.
    """
    columns = COLUMNS[kind]
    level = state["level"][row, :, part][:, columns].astype(np.float64)
    spread = state["spread"][row, :, part][:, columns].astype(np.float64)
    hours = state["hours"][row, :, part][:, columns].astype(np.int64)
    told = np.isfinite(mean)
    share = 1.0 / np.minimum(hours + 1, forget_h[:, np.newaxis])
    far = np.maximum(_PULL * spread, least[:, columns])
    pull = np.where(told, np.where(hours == 0, mean - level, np.clip(mean - level, -far, far)), 0.0)
    level += share * pull
    spread += np.where(told & (hours > 0), share * (_TO_SPREAD * np.abs(pull) - spread), 0.0)
    hours = np.minimum(hours + told, _MOST_HOURS)
    at = (row[:, np.newaxis], np.arange(columns.start, columns.stop), part[:, np.newaxis])
    state["level"][at], state["spread"][at], state["hours"][at] = level, spread, hours
