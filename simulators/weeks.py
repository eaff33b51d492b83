"""Weeks of vital signs of many people in hourly chunks, with days that differ and illness that comes slowly.

Ground truth for slow change: nothing here is a recording, and people differ from each other, from day to day and from
hour to hour more freely than in `simulators.bracelet`, which is for a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.stream import Float, Int

_HOUR_MS: Final = 3_600_000
_LOWEST_H: Final = 4.5


@dataclass(frozen=True, slots=True)
class Weeks:
    """Who lives through them: `heart_rate_day_bpm` and the like are how much a person's days differ (deviation)."""

    people: int
    period_s: int = 300
    heart_rate_day_bpm: float = 2.5
    heart_rate_hour_bpm: float = 2.0
    active_share: float = 0.25
    poor_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Decline:
    """From `start_ms` on the heart beats faster, up to `heart_rate_bpm` more after `over_h`, and stays so."""

    start_ms: int
    heart_rate_bpm: float
    over_h: float

    def at(self, time_ms: Int) -> Float:
        """How much more at times (n,)."""
        done = np.clip((time_ms - self.start_ms) / (self.over_h * _HOUR_MS), 0.0, 1.0)
        result: Float = self.heart_rate_bpm * done
        return result


@dataclass(frozen=True, slots=True)
class Hour:
    """What k bracelets measure in one hour at n times: `time_ms` (n,), the others (k, n)."""

    time_ms: Int
    heart_rate_bpm: Float
    spo2_pct: Float
    respiration_per_min: Float
    temperature_c: Float
    steps: Float
    quality: Float


def hours(rng: np.random.Generator, weeks: Weeks, start_ms: int, count: int, decline: Decline | None) -> Iterator[Hour]:
    """`count` hours from `start_ms`, a local midnight of UTC+8, in which all suffer `decline`."""
    k, n = weeks.people, 3600 // weeks.period_s
    usual = rng.uniform(58, 82, k)
    swing = rng.uniform(3, 9, k)
    breath, warmth, oxygen = rng.uniform(13, 18, k), rng.uniform(36.2, 36.8, k), rng.uniform(95.5, 98, k)
    keep = 0.7
    wander = rng.normal(0, weeks.heart_rate_hour_bpm, k)
    day = np.zeros(k)
    steps = np.zeros(k)
    for hour in range(count):  # one after the other: the day's steps and the wandering go on
        if hour % 24 == 0:
            day, steps = rng.normal(0, weeks.heart_rate_day_bpm, k), np.zeros(k)
        wander = keep * wander + rng.normal(0, weeks.heart_rate_hour_bpm * np.sqrt(1 - keep * keep), k)
        time_ms = start_ms + hour * _HOUR_MS + np.arange(n) * weeks.period_s * 1000 + 1000
        clock_h = hour % 24 + np.arange(n) * weeks.period_s / 3600
        rhythm = -np.cos(2 * np.pi * (clock_h - _LOWEST_H) / 24)
        awake = 7 <= hour % 24 < 21
        active = (rng.random((k, n)) < weeks.active_share) & awake
        walked = steps[:, None] + np.cumsum(active * rng.integers(20, 200, (k, n)), axis=1)
        steps = walked[:, -1]
        quality = np.where(rng.random((k, n)) < weeks.poor_share, 0.2, 0.9)
        heart = usual[:, None] + swing[:, None] * rhythm + (day + wander)[:, None] + rng.normal(0, 2.0, (k, n))
        heart += active * rng.uniform(5, 35, (k, n))
        if decline is not None:
            heart += decline.at(time_ms)
        yield Hour(
            time_ms,
            np.where(quality < 0.5, rng.uniform(30, 180, (k, n)), heart).round(),
            np.clip(oxygen[:, None] + rng.normal(0, 1.0, (k, n)), 0, 100).round(),
            (breath[:, None] + 0.8 * rhythm + 0.3 * wander[:, None] + rng.normal(0, 1.0, (k, n))).round(),
            (warmth[:, None] + 0.25 * rhythm + rng.normal(0, 0.1, (k, n))).round(1),
            walked,
            quality,
        )
