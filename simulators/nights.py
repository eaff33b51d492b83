"""Nights on a bed mat with their truth: when somebody really left the bed, among all that only looks like it.

What lifts a sleeper off the sensor is drawn as spans of time; a mat then says, at its period, whether anybody lies on
it. Nothing here is a recording: how often people turn over, and for how long that frees the sensor, is our guess.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.stream import Float, Int

#: Lying down takes a moment; before and after it nobody else gets up.
_APART_S: Final = 1_200.0
_ALONE_S: Final = 10.0
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class MatHabits:
    """How a mat and its link behave.

    `period_s` between words, each `jitter_s` off (deviation); None: only what changes is told, when it does.
    `steady_s`: the mat itself says "absent" only after so long without weight. `lost_share` of single packets are lost
    and `outages` times a night all for 5–30 s; what is not lost arrives `latency_s` after it was said (mean).
    """

    period_s: float | None = 1.0
    jitter_s: float = 0.03
    steady_s: float = 0.0
    lost_share: float = 0.01
    outages: int = 2
    latency_s: float = 0.3


@dataclass(frozen=True, slots=True)
class SleeperHabits:
    """What somebody does in a night of `hours`.

    `exits` times out of bed for 2–15 min. `turns_per_h` free the sensor for 0.3 s to `turn_most_s`; so does, for up to
    1 s, whatever makes a mat flicker. `sits` times on the edge for 20–60 s, now on the sensor and now not.
    """

    hours: float = 8.0
    exits: int = 2
    turns_per_h: float = 4.0
    turn_most_s: float = 1.9
    flickers_per_h: float = 2.0
    sits: int = 1


@dataclass(frozen=True, slots=True)
class Night:
    """What arrived (n,), in the order in which it did, and the truth (e,): when the bed was left and come back to."""

    time_ms: Int
    received_ms: Int
    present: NDArray[np.bool_]
    left_ms: Int
    back_ms: Int


def night(rng: np.random.Generator, start_ms: int, mat: MatHabits, sleeper: SleeperHabits) -> Night:
    """One night from `start_ms` on, in bed from the first minute to the last."""
    length_s = sleeper.hours * 3600.0
    left_s = _apart(rng, sleeper.exits, length_s)
    back_s = left_s + rng.uniform(120.0, 900.0, sleeper.exits)
    turns = rng.poisson(sleeper.turns_per_h * sleeper.hours)
    flickers = rng.poisson(sleeper.flickers_per_h * sleeper.hours)
    brief_s = rng.uniform(60.0, length_s - 60.0, turns + flickers)
    lasting_s = np.concatenate([rng.uniform(0.3, sleeper.turn_most_s, turns), rng.uniform(0.1, 1.0, flickers)])
    # Two in a row would be one longer one.
    order = np.argsort(brief_s)
    brief_s, lasting_s = brief_s[order], lasting_s[order]
    alone = np.diff(brief_s, prepend=-_ALONE_S) > _ALONE_S
    brief_s, lasting_s = brief_s[alone], lasting_s[alone]
    sits_s, sat_s = _sitting(rng, sleeper.sits, length_s)
    starts = np.concatenate([left_s, brief_s, sits_s])
    ends = np.concatenate([back_s, brief_s + lasting_s, sat_s])
    # A span that begins just before somebody leaves would put off the truth: then it was the leaving.
    near = ((starts[:, None] < left_s) & (starts[:, None] > left_s - 30.0)).any(axis=1)
    inside = ((starts[:, None] > left_s) & (starts[:, None] < back_s + 30.0)).any(axis=1)
    starts, ends = starts[~near & ~inside], ends[~near & ~inside]

    if mat.period_s is None:
        said_s, off = _changes(starts, ends, mat.steady_s)
    else:
        said_s = np.arange(mat.period_s, length_s, mat.period_s)
        said_s = np.sort(said_s + np.clip(rng.normal(0, mat.jitter_s, len(said_s)), -0.3, 0.3) * min(mat.period_s, 1.0))
        off = _off(starts, ends, mat.steady_s, said_s)
    lost = rng.random(len(said_s)) < mat.lost_share
    outage_s = rng.uniform(0, length_s, mat.outages)
    lost |= ((said_s[:, None] > outage_s) & (said_s[:, None] < outage_s + rng.uniform(5, 30, mat.outages))).any(axis=1)
    said_s, off = said_s[~lost], off[~lost]
    # One link keeps its order, so what was held up holds up what comes after it.
    received_s = np.maximum.accumulate(said_s + rng.exponential(mat.latency_s, len(said_s)))
    return Night(
        time_ms=_ms(start_ms, said_s),
        received_ms=_ms(start_ms, received_s),
        present=~off,
        left_ms=_ms(start_ms, left_s),
        back_ms=_ms(start_ms, back_s),
    )


def nights(rng: np.random.Generator, start_ms: int, mat: MatHabits, sleeper: SleeperHabits, count: int) -> Night:
    """So many nights of one mat, a day apart."""
    all_ = [night(rng, start_ms + at * _DAY_MS, mat, sleeper) for at in range(count)]
    return Night(*(np.concatenate([getattr(one, field.name) for one in all_]) for field in fields(Night)))


def _apart(rng: np.random.Generator, count: int, length_s: float) -> Float:
    """Times (count,) in order, `_APART_S` apart and from both ends."""
    free_s = length_s - (count + 1) * _APART_S
    result: Float = np.sort(rng.uniform(0, free_s, count)) + _APART_S * np.arange(1, count + 1)
    return result


def _sitting(rng: np.random.Generator, count: int, length_s: float) -> tuple[Float, Float]:
    """Spans off the sensor of those who sit on the edge: 0.3–1.5 s off, 0.5–3 s on."""
    off_s, on_s = rng.uniform(0.3, 1.5, (count, 15)), rng.uniform(0.5, 3.0, (count, 15))
    start_s = rng.uniform(60.0, length_s - 120.0, (count, 1)) + np.cumsum(off_s + on_s, axis=1)
    return start_s.reshape(-1), (start_s + off_s).reshape(-1)


def _off(starts: Float, ends: Float, steady_s: float, at_s: Float) -> NDArray[np.bool_]:
    """Whether at times (n,) any span that has lasted for `steady_s` goes on."""
    late = starts + steady_s
    lasts = late < ends
    began = np.searchsorted(np.sort(late[lasts]), at_s, side="right")
    ended = np.searchsorted(np.sort(ends[lasts]), at_s, side="right")
    result: NDArray[np.bool_] = began > ended
    return result


def _changes(starts: Float, ends: Float, steady_s: float) -> tuple[Float, NDArray[np.bool_]]:
    """When what a mat feels changes (n,), and to what; at first somebody lies down."""
    at_s = np.unique(np.concatenate([[0.0], starts + steady_s, ends]))
    off = _off(starts, ends, steady_s, at_s)
    changed = np.append(True, off[1:] != off[:-1])
    return at_s[changed], off[changed]


def _ms(start_ms: int, at_s: Float) -> Int:
    return start_ms + np.rint(at_s * 1000.0).astype(np.int64)
