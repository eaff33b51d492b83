"""Nights of rates and movement on a mat, with what was planted in them: pauses in breathing, and restless hours.

Nothing here is a recording: how people move in sleep, and what a mat makes of it, is our guess. A mat counts breaths
over the last seconds, so a pause shows as 0 only once it is longer than these.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.stream import Float, Int

_DAY_MS: Final = 86_400_000
_HOUR_S: Final = 3600.0
#: Turning over takes so much of a reading's time.
_TURN_SHARE: Final = (0.4, 0.9)


@dataclass(frozen=True, slots=True)
class SleepHabits:
    """What somebody does in a night of `hours`, and what a mat that reports every `period_s` makes of it.

    `turns_per_h`, each within a reading or two; `wakes` a night to lie awake for 5–20 min, moving a good part of the
    time; nights differ in how much is moved by a factor of e to the power of `night_spread` (deviation).
    `short_pauses` a night of 10–18 s, as many sleepers have. The mat counts breaths over `average_s`. `lost_per_h`
    times it finds none though there are some, for 10–90 s: it says so by nothing, or half of the time by 0, and by a
    poor quality; but in `lost_well_share` of them it says nothing and calls its quality good.
    """

    hours: float = 8.0
    period_s: float = 10.0
    average_s: float = 10.0
    turns_per_h: float = 4.0
    wakes: int = 2
    night_spread: float = 0.3
    short_pauses: int = 20
    lost_per_h: float = 0.5
    lost_well_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Planted:
    """What is to be found in one night, in seconds from its beginning: spans (p,) and, of restless ones, how much of
    the time is moved."""

    begin_s: Float
    end_s: Float
    moving_share: Float

    @classmethod
    def nothing(cls) -> "Planted":
        """A night like any other."""
        return cls(np.empty(0), np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Asleep:
    """What a mat said in one night (n,)."""

    time_ms: Int
    heart_rate_bpm: Float
    respiration_per_min: Float
    moving_share: Float
    quality: Float


def asleep(
    rng: np.random.Generator, start_ms: int, habits: SleepHabits, *, pauses: Planted, restless: Planted
) -> Asleep:
    """A night from `start_ms` on, in bed from its first minute to its last."""
    length_s = habits.hours * _HOUR_S
    at_s = np.arange(habits.period_s, length_s, habits.period_s)
    count = len(at_s)
    much = float(np.exp(habits.night_spread * rng.standard_normal()))

    # Quick turns, a restless spell or lying awake: each reading moves as much as the most lively of them.
    turning = rng.random(count) < 1 - np.exp(-habits.turns_per_h * much * habits.period_s / _HOUR_S)
    moving = np.where(turning, rng.uniform(*_TURN_SHARE, count), rng.uniform(0.0, 0.05, count))
    for begin_s in rng.uniform(0, length_s, habits.wakes):
        lively = _within(at_s, np.array([begin_s]), np.array([begin_s + rng.uniform(300, 1200)]))
        moving = np.where(lively, np.maximum(moving, _moved(rng, count, 0.25)), moving)
    for begin_s, end_s, share in zip(restless.begin_s, restless.end_s, restless.moving_share, strict=True):
        lively = _within(at_s, np.array([begin_s]), np.array([end_s]))
        moving = np.where(lively, np.maximum(moving, _moved(rng, count, float(share))), moving)

    short_s = rng.uniform(60, length_s - 60, habits.short_pauses)
    begins = np.concatenate([pauses.begin_s, short_s])
    ends = np.concatenate([pauses.end_s, short_s + rng.uniform(10, 18, len(short_s))])
    # Only what covers all that is averaged over shows as none at all.
    none = _within(at_s, begins + habits.average_s, ends)
    lost_s = rng.uniform(0, length_s, rng.poisson(habits.lost_per_h * habits.hours))
    lost_for_s = rng.uniform(10, 90, len(lost_s))
    poor = rng.random(len(lost_s)) >= habits.lost_well_share
    zero = poor & (rng.random(len(lost_s)) < 0.5)
    lost = _within(at_s, lost_s, lost_s + lost_for_s)
    lost_poor = _within(at_s, lost_s[poor], lost_s[poor] + lost_for_s[poor])
    lost_zero = _within(at_s, lost_s[zero], lost_s[zero] + lost_for_s[zero])

    respiration = rng.normal(14.0, 0.8, count)
    respiration = np.where(lost, np.where(lost_zero, 0.0, np.nan), respiration)
    respiration = np.where(none, 0.0, respiration)
    quality = np.where(lost_poor, rng.uniform(0.1, 0.5, count), np.clip(0.95 - 0.8 * moving, 0.1, 0.95))
    return Asleep(
        time_ms=start_ms + np.rint(at_s * 1000).astype(np.int64),
        heart_rate_bpm=rng.normal(62.0, 1.5, count),
        respiration_per_min=respiration,
        moving_share=moving,
        quality=quality,
    )


def _moved(rng: np.random.Generator, count: int, mean_share: float) -> Float:
    """How much of each reading's time is moved: now a lot and now little."""
    result: Float = np.clip(rng.gamma(1.5, mean_share / 1.5, count), 0.0, 1.0)
    return result


def _within(at_s: Float, begins: Float, ends: Float) -> NDArray[np.bool_]:
    """Whether times (n,) lie within any of the spans (p,) that last."""
    lasts = begins < ends
    began = np.searchsorted(np.sort(begins[lasts]), at_s, side="right")
    ended = np.searchsorted(np.sort(ends[lasts]), at_s, side="right")
    result: NDArray[np.bool_] = began > ended
    return result
