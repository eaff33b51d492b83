"""Acceleration at a wrist in g, gravity included, while somebody rests, walks, sits down or falls.

Every movement is a function of time, so it can be sampled at any rate and cut anywhere. The figures (arm swing,
heel strike, free fall of a third to half a second, an impact of several g within a tenth of a second, lying
still with breathing) are what public wrist recordings show; they are made to be recognisable, not to train on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.stream import Float

Samples = NDArray[np.float32]

#: From stumbling to lying: what happens after this belongs to LYING.
FALL_S: Final = 2.0
#: When, in a fall, the wrist hits the ground.
IMPACT_S: Final = 1.0
TURN_S: Final = 1.4
_FREE_FALL_S: Final = 0.42
_IMPACT_WIDTH_S: Final = 0.09
_STEP_HZ: Final = 1.7
_BREATH_HZ: Final = 0.27


class Activity(StrEnum):
    """What a wearer is doing; the transients (sitting down, standing up, falling) begin at their start time."""

    RESTING = "resting"
    WALKING = "walking"
    SITTING_DOWN = "sitting_down"
    STANDING_UP = "standing_up"
    FALLING = "falling"
    LYING = "lying"


@dataclass(frozen=True, slots=True)
class Wearers:
    """How k wrists are held: unit vectors (k, 3) of gravity when sitting, standing and lying after a fall."""

    sitting: Float
    standing: Float
    lying: Float

    def __len__(self) -> int:
        return len(self.sitting)

    def take(self, index: NDArray[np.intp]) -> "Wearers":
        """The wearers at `index`."""
        return Wearers(self.sitting[index], self.standing[index], self.lying[index])


def wearers(rng: np.random.Generator, count: int) -> Wearers:
    """`count` people who wear a bracelet each in their own way; a fall turns the wrist by 60 to 120 degrees."""
    standing = _unit(rng.normal(size=(count, 3)) * 0.4 + np.array([0.0, -1.0, 0.0]))
    sitting = _turned(standing, _across(rng, standing), rng.uniform(0.5, 1.0, count))
    lying = _turned(standing, _across(rng, standing), rng.uniform(np.pi / 3, 2 * np.pi / 3, count))
    return Wearers(sitting, standing, lying)


def acceleration(
    rng: np.random.Generator,
    activity: Activity,
    people: Wearers,
    time_s: Float,
    start_s: Float,
    *,
    range_g: float = 16.0,
) -> Samples:
    """Acceleration (k, n, 3) float32 of k people all doing `activity` since `start_s` (k,), at `time_s` (n,).

    `range_g` is where the sensor clips, on each axis.
    """
    elapsed_s = time_s[None, :] - start_s[:, None]
    match activity:
        case Activity.RESTING:
            clean = np.repeat(people.sitting[:, None, :], len(time_s), axis=1)
            noise_g = 0.012
        case Activity.LYING:
            breath = 0.012 * np.sin(2 * np.pi * _BREATH_HZ * time_s)[None, :, None]
            clean = people.lying[:, None, :] * (1 + breath)
            noise_g = 0.006
        case Activity.WALKING:
            clean = _walking(people, time_s)
            noise_g = 0.04
        case Activity.SITTING_DOWN:
            clean = _turning(people.standing, people.sitting, elapsed_s)
            noise_g = 0.03
        case Activity.STANDING_UP:
            clean = _turning(people.sitting, people.standing, elapsed_s)
            noise_g = 0.03
        case Activity.FALLING:
            clean = _falling(rng, people, time_s, elapsed_s)
            noise_g = 0.03
    noisy = clean + rng.normal(0.0, noise_g, clean.shape)
    return np.clip(noisy, -range_g, range_g).astype(np.float32)


def _walking(people: Wearers, time_s: Float) -> Float:
    """The arm swings once in two steps, and each heel strike is felt at the wrist."""
    swing_rad = np.full(len(people), 0.35)[:, None] * np.sin(np.pi * _STEP_HZ * time_s)[None, :]
    gravity = _swung(people.standing, people.sitting, swing_rad)
    step = 2 * np.pi * _STEP_HZ * time_s
    heel_g = 0.18 * np.sin(step) + 0.08 * np.sin(2 * step + 0.7)
    return gravity + people.standing[:, None, :] * heel_g[None, :, None]


def _turning(before: Float, after: Float, elapsed_s: Float) -> Float:
    """Sitting down or standing up: the wrist turns, gets lighter, and is stopped with less than 1.7 g in all."""
    gravity = _between(before, after, _smooth_step(elapsed_s / TURN_S))
    lighter_g = -0.25 * _bump(elapsed_s, 0.35 * TURN_S, 0.5)
    stop_g = 0.5 * _bump(elapsed_s, 0.8 * TURN_S, 0.25)
    return gravity * (1 + lighter_g + stop_g)[:, :, None]


def _falling(rng: np.random.Generator, people: Wearers, time_s: Float, elapsed_s: Float) -> Float:
    """Walking, then free fall, an impact with a rebound, and the body coming to lie."""
    count = len(people)
    gravity = _between(people.standing, people.lying, _smooth_step((elapsed_s - 0.5) / 0.7))
    weight = np.ones_like(elapsed_s)
    falling = (elapsed_s >= IMPACT_S - _FREE_FALL_S) & (elapsed_s < IMPACT_S)
    weight[falling] = 0.25
    peak_g = rng.uniform(5.0, 8.0, count)[:, None]
    direction = _unit(people.lying + 0.4 * _unit(rng.normal(size=(count, 3))))
    impact_g = peak_g * _bump(elapsed_s, IMPACT_S, _IMPACT_WIDTH_S)
    rebound_g = 0.4 * peak_g * _bump(elapsed_s, IMPACT_S + 0.22, 1.5 * _IMPACT_WIDTH_S)
    # The arm is thrown about and swings out within half a second.
    after_s = np.clip(elapsed_s - IMPACT_S, 0.0, None)
    swinging_g = 0.8 * peak_g * np.exp(-after_s / 0.25) * (after_s > 0)
    aside = _across(rng, direction)
    moving = (
        gravity * weight[:, :, None]
        + direction[:, None, :] * (impact_g + rebound_g)[:, :, None]
        + direction[:, None, :] * (swinging_g * np.sin(2 * np.pi * 5.0 * after_s))[:, :, None]
        + aside[:, None, :] * (swinging_g * np.sin(2 * np.pi * 6.5 * after_s))[:, :, None]
    )
    return np.where((elapsed_s < IMPACT_S - _FREE_FALL_S)[:, :, None], _walking(people, time_s), moving)


def _bump(elapsed_s: Float, middle_s: float, width_s: float) -> Float:
    """Half a sine of height 1 and `width_s` wide around `middle_s`, 0 elsewhere."""
    phase = (elapsed_s - middle_s) / width_s + 0.5
    return np.where((phase > 0) & (phase < 1), np.sin(np.pi * np.clip(phase, 0, 1)), 0.0)


def _smooth_step(share: Float) -> Float:
    inside = np.clip(share, 0.0, 1.0)
    return inside * inside * (3 - 2 * inside)


def _between(before: Float, after: Float, share: Float) -> Float:
    return _unit(before[:, None, :] * (1 - share)[:, :, None] + after[:, None, :] * share[:, :, None])


def _swung(along: Float, towards: Float, angle_rad: Float) -> Float:
    """Unit vectors (k, 3) swung by angles (k, n) in the plane of `along` and `towards`."""
    aside = _unit(towards - (towards * along).sum(axis=1, keepdims=True) * along)
    return along[:, None, :] * np.cos(angle_rad)[:, :, None] + aside[:, None, :] * np.sin(angle_rad)[:, :, None]


def _turned(along: Float, aside: Float, angle_rad: Float) -> Float:
    return along * np.cos(angle_rad)[:, None] + aside * np.sin(angle_rad)[:, None]


def _across(rng: np.random.Generator, along: Float) -> Float:
    """A random unit vector at right angles to each of `along` (k, 3)."""
    guess = rng.normal(size=along.shape)
    return _unit(guess - (guess * along).sum(axis=1, keepdims=True) * along)


def _unit(vectors: Float) -> Float:
    unit: Float = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
