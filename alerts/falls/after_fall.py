"""What a wrist does after an impact: lie still, or walk again. Pure; over the samples of one fall."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.falls.samples import GAP_S
from ingest.readings import Float

Acceleration = NDArray[np.float32]

#: A second is still where the standard deviation of the acceleration vector stays below this: more than breathing and
#: a tremor, less than any use of the hand (our choice; seated people are so for 87 % of the seconds of daily wear, and
#: a whole minute long in 25 % of the minutes, which is why stillness raises a suspicion and never makes one).
STILL_G: Final = 0.1
#: The first two seconds belong to the impact, and whoever lies still does so within ten.
_SETTLED_S: Final = 2.0
_LATEST_BEGIN_S: Final = 10.0
#: No longer than this is counted.
STILL_MOST_S: Final = 60.0
#: What comes later than this says nothing of lying still.
STILL_UNTIL_S: Final = _LATEST_BEGIN_S + STILL_MOST_S + 1.0
_FEWEST_SAMPLES: Final = 8

#: Steps a second: 1.4 to 2.5, which holds the 1.4 to 2.3 of everyday walking in Straczkiewicz, Huang, Onnela, "A
#: one-size-fits-most walking recognition method", npj Digital Medicine 6, 2023, with some room for hurry.
_SLOWEST_HZ: Final = 1.4
_FASTEST_HZ: Final = 2.5
#: Sustained harmonic walking: ten seconds at a steady step frequency (Urbanek et al., "Prediction of sustained harmonic
#: walking in the free-living environment", Physiological Measurement 39, 2018; people of 70 and more).
WALKED_S: Final = 10.0
_STEADY: Final = 0.25
#: Windows of |a| at an even rate; the limits on spread and periodicity (autocorrelation at one and at two steps) were
#: chosen on recordings: see docs/alarms.md for what they find and what they do not.
_RATE_HZ: Final = 20.0
_FASTEST_LAG: Final = int(np.ceil(_RATE_HZ / _FASTEST_HZ))
_SLOWEST_LAG: Final = int(_RATE_HZ / _SLOWEST_HZ)
_WINDOW_S: Final = 4.0
_HOP_S: Final = 1.0
_SPREAD_G: Final = 0.05
_SPREAD_EACH_SECOND_G: Final = 0.03
_ONE_STEP: Final = 0.4
_TWO_STEPS: Final = 0.3
_FASTER: Final = 0.6


@dataclass(frozen=True, slots=True)
class Walk:
    """When ten seconds of walking were complete, in seconds on the samples' clock, and how many steps a minute."""

    end_s: float
    steps_per_min: float


def still_s(time_s: Float, acc_g: Acceleration) -> float:
    """How long the wrist lay still after an impact at 0, in whole seconds, 0 to STILL_MOST_S.

    `time_s` (n,) in order, `acc_g` (n, 3). Counted from the first still second of the first ten until the first that
    is not still, or of which there are too few samples to say.
    """
    wanted = (time_s >= _SETTLED_S) & (time_s < _LATEST_BEGIN_S + STILL_MOST_S)
    second = np.floor(time_s[wanted]).astype(np.intp)
    if not len(second):
        return 0.0
    acc = acc_g[wanted].astype(np.float64)
    count = np.bincount(second)
    total = np.stack([np.bincount(second, acc[:, axis]) for axis in range(3)], axis=1)
    square = np.bincount(second, (acc * acc).sum(axis=1))
    of = np.maximum(count, 1)
    variance = square / of - ((total / of[:, np.newaxis]) ** 2).sum(axis=1)
    still = (count >= _FEWEST_SAMPLES) & (variance < STILL_G * STILL_G)
    # The last second is still being filled.
    still[-1] &= bool(time_s[-1] - second[-1] > 1 - GAP_S / 2)
    begins = np.flatnonzero(still[: int(_LATEST_BEGIN_S)])
    if not len(begins):
        return 0.0
    rest = still[begins[0] :]
    moved = np.flatnonzero(~rest)
    return min(float(moved[0] if len(moved) else len(rest)), STILL_MOST_S)


def walk(time_s: Float, acc_g: Acceleration) -> Walk | None:
    """The first ten seconds of steady walking in `acc_g` (n, 3) at `time_s` (n,), in order; None where there are none.

    Needs 20 samples a second or more; a gap begins anew. Misses: steps with the hand on a walking frame or in a pocket.
    """
    size_g = np.linalg.norm(acc_g, axis=1).astype(np.float64)
    edges = np.flatnonzero(np.diff(time_s) > GAP_S) + 1
    # A fall has few gaps: each stretch between two is looked at by itself.
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(time_s)], strict=True):
        if end - begin > 1 and (found := _walk_without_gap(time_s[begin:end], size_g[begin:end])):
            return found
    return None


def _walk_without_gap(time_s: Float, size_g: Float) -> Walk | None:
    even_s = np.arange(time_s[0], time_s[-1], 1 / _RATE_HZ)
    window, hop = round(_WINDOW_S * _RATE_HZ), round(_HOP_S * _RATE_HZ)
    if len(even_s) < window:
        return None
    even_g = np.interp(even_s, time_s, size_g)
    windows = np.lib.stride_tricks.sliding_window_view(even_g, window)[::hop]
    windows = windows - windows.mean(axis=1, keepdims=True)
    variance = (windows * windows).mean(axis=1)
    # Half a window of walking is as periodic as a whole one: every second has to move.
    least = windows.reshape(len(windows), round(_WINDOW_S), -1).var(axis=2).min(axis=1)
    if (variance < _SPREAD_G**2).all():
        return None
    alike = _autocovariance(windows, 2 * _SLOWEST_LAG) / np.maximum(variance, 1e-12)[:, np.newaxis]
    each = np.arange(len(windows))
    step = _FASTEST_LAG + alike[:, _FASTEST_LAG : _SLOWEST_LAG + 1].argmax(axis=1)
    # What shakes two or three times as fast as anybody steps is alike at one step as well: a tremor, a seizure.
    faster = np.maximum(alike[each, step // 2], alike[each, np.rint(step / 3).astype(np.intp)])
    once, twice = alike[each, step], alike[each, 2 * step]
    walks = (variance >= _SPREAD_G**2) & (least >= _SPREAD_EACH_SECOND_G**2)
    walks &= (once >= _ONE_STEP) & (twice >= _TWO_STEPS) & (faster <= _FASTER * once)
    steady = np.abs(step[1:] / step[:-1] - 1) < _STEADY
    goes_on = walks[1:] & walks[:-1] & steady
    needed = round((WALKED_S - _WINDOW_S) / _HOP_S)
    run = 0
    for i, on in enumerate(goes_on.tolist(), start=1):  # seconds of one fall
        run = run + 1 if on else 0
        if run >= needed:
            step_s = float(np.median(step[i - needed : i + 1])) / _RATE_HZ
            return Walk(float(even_s[i * hop]) + _WINDOW_S, 60 / step_s)
    return None


def _autocovariance(windows: Float, most: int) -> Float:
    """The autocovariance (w, most + 1) of windows (w, n) at every lag up to `most`."""
    length = windows.shape[1]
    spectrum = np.abs(np.fft.rfft(windows, 2 * length, axis=1)) ** 2
    sums = np.fft.irfft(spectrum, 2 * length, axis=1)[:, : most + 1]
    result: Float = sums / (length - np.arange(most + 1))
    return result
