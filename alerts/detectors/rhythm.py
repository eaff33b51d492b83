"""Rates of breathing and of the heart from a window of signal, by several counts that must agree.

No single count is to be trusted: an autocorrelation answers twice or half the rate now and then, a count of peaks loses
or gains one at a notch or a sigh. They fail in different ways, so where they agree they are right, and how far they are
apart is the quality (as reference rates are made of two methods that agree: Charlton et al. 2016, Physiol Meas
37:610). The rate given is 60 (n - 1) / (last - first) of the peaks counted, as a person counts.

Breathing is counted on the signal itself, with hysteresis at three heights (after Schäfer and Kratky 2008, who count
between thresholds, Ann Biomed Eng 36:476); its period by autocorrelation is the second opinion.
The heart is counted on a wave with one smooth bump a beat, band-passed in three ways around the rate that its
autocorrelation gives. Where pulses are the signal that bump is the slope sum (Zong et al. 2003, Computers in Cardiology
30:259). Where breaths are, as on a mat, they are ten times as large as the beats and their harmonics lie where a heart
rate may; there the bump is the size of what swings faster than 3 Hz, the push of a beat against the mattress, where no
breath reaches.

All windows are the rows of one array and are worked on at once, in float32, by filters over the window alone.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from alerts.detectors.bands import Float, Signal, alike, banded, filtered, frequencies_hz, gain, mirrored, size

Index = NDArray[np.intp]

#: Samples a second that `breathing` and `heartbeat` are given.
BREATHING_HZ: Final = 5
HEART_HZ: Final = 20

#: Breaths a minute looked for.
BREATHING_PER_MIN: Final = (4.0, 60.0)
#: Beats a minute looked for.
HEART_PER_MIN: Final = (30.0, 200.0)

#: Breathing is between these (Hz): slower is drift, faster the heart.
_BREATHING_BAND_HZ: Final = (0.07, 1.0)
_BREATHING_ORDER: Final = 2
#: Heights of the hysteresis, of the signal's own root mean square.
_HEIGHTS: Final = np.array([[0.1], [0.25], [0.4]], dtype=np.float32)
#: Bumps are slower than a signal: they are taken at so many samples a second, the means of two of its own.
_BUMP_HZ: Final = HEART_HZ // 2
_BUMP_BAND_HZ: Final = (0.5, 4.0)
#: What is left of a signal at that rate when its mean over half a second is taken off it.
_PULSE: Final = banded(-0.2, -0.2, 0.8, -0.2, -0.2)
#: A signal so many times as large as that is one of breaths. Recordings of finger pulses are at most 2.6 times as
#: large, simulated mats at least 3.9 times.
_BREATHS: Final = np.float32(3.2)
#: About a beat, 0.75 s: what is slower than it is no pulse.
_BEAT_SAMPLES: Final = 15
#: What is left of a wave when its mean over five samples, 0.25 s, a swing of the push of a beat, is taken off it twice.
_PUSH: Final = banded(0.04, 0.08, -0.28, -0.24, 0.8, -0.24, -0.28, 0.08, 0.04)
#: Bands in which beats are counted, of the rate first guessed.
_BEAT_LOW: Final = np.array([0.4, 0.5, 0.6])
_BEAT_HIGH: Final = np.array([1.5, 1.6, 1.4])
_BEAT_ORDER: Final = 4
#: The first peak of the autocorrelation this near the highest is the period: later ones are its multiples.
_FIRST_SHARE: Final = np.float32(0.8)
#: The count of beats that knows no guess: how high a bump must rise, and how far from the others it may be (share).
_PLAIN_HEIGHT: Final = np.float32(0.5)
_PLAIN_SHARE: Final = np.float32(0.3)
_NOWHERE: Final[Index] = np.empty(0, dtype=np.intp)
#: Fewer tops are no rhythm.
_FEWEST: Final = 3
_LEAST: Final = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Rates (k,) of k windows, NaN where there is no rhythm, and how far the counts lie apart (k,), then infinite."""

    per_min: Signal
    spread_per_min: Signal


def breathing(window: Signal) -> Rhythm:
    """Breaths a minute in windows (k, n) at BREATHING_HZ; spread is the mean distance of all counts from the rate."""
    made_of = _breaths(window.shape[1])
    parts: Signal = (window - window.mean(axis=1, keepdims=True)) @ made_of.parts
    wave: Signal = parts @ made_of.wave
    heights: Signal = _HEIGHTS * size(wave)
    counts = _rate(wave, _crests(wave, heights), len(wave), BREATHING_HZ)
    return _agreed(counts, _first_period_s(parts**2 @ made_of.alike, BREATHING_HZ, BREATHING_PER_MIN))


def heartbeat(window: Signal) -> Rhythm:
    """Beats a minute in windows (k, n) at HEART_HZ; spread as in `breathing`.

    The counts follow a first guess, and would follow it to a part of the true rate too: so where a count that
    knows nothing of the guess is far from them, there is no rhythm.
    """
    bumps = _bumps(window)
    k, n = bumps.shape
    made_of = _beats(n)
    parts: Signal = fft.dct(bumps, axis=1, norm="ortho")
    period_s = _first_period_s(parts**2 @ made_of.alike, HEART_HZ, HEART_PER_MIN)
    weighed: Signal = parts / (_denominators(period_s) @ made_of.powers).reshape(-1, k, n)
    waves: Signal = fft.idct(weighed, axis=2, norm="ortho", overwrite_x=True)
    beats, plain = waves[:-1].reshape(-1, n), waves[-1]
    found = _agreed(_rate(beats, _tops(beats), k, _BUMP_HZ), period_s)
    over = plain > (_PLAIN_HEIGHT * size(plain))[:, np.newaxis]
    count = (over[:, 1:] > over[:, :-1]).sum(axis=1, dtype=np.float32) * np.float32(60 * _BUMP_HZ / n)
    near = np.abs(count - found.per_min) <= _PLAIN_SHARE * found.per_min
    return Rhythm(found.per_min, np.where(near, found.spread_per_min, np.float32(np.inf)))


@dataclass(frozen=True, slots=True)
class _Breaths:
    """Matrices (n, ·): of a window without its level the cosines without drift; of these the wave, and of their power
    the autocorrelation, of what breathing may be."""

    parts: Signal
    wave: Signal
    alike: Signal


@cache
def _breaths(n: int) -> _Breaths:
    hz = frequencies_hz(n, BREATHING_HZ)
    passed = gain(hz, _BREATHING_BAND_HZ, _BREATHING_ORDER)
    ramp, each = np.linspace(-1, 1, n), np.eye(n)
    return _Breaths(
        parts=fft.dct(each - np.outer(ramp, ramp) / (ramp @ ramp), axis=1, norm="ortho").astype(np.float32),
        wave=fft.idct(passed * each, axis=1, norm="ortho").astype(np.float32),
        alike=alike(hz, passed, _lags_s(BREATHING_HZ, BREATHING_PER_MIN)),
    )


@dataclass(frozen=True, slots=True)
class _Beats:
    """Of the power of bumps' cosines the autocorrelation (n, lags); what filters' denominators are sums of (3, n)."""

    alike: Signal
    powers: Signal


@cache
def _beats(n: int) -> _Beats:
    hz = frequencies_hz(n, _BUMP_HZ)
    # A bump is the mean over two of them, 0.2 s, about the rise of a pulse wave.
    smooth = np.cos(np.pi * hz / _BUMP_HZ)
    power = 2 * _BEAT_ORDER
    return _Beats(
        alike=alike(hz, smooth * gain(hz, _BUMP_BAND_HZ, _BEAT_ORDER), _lags_s(HEART_HZ, HEART_PER_MIN)),
        powers=(np.stack([hz**-power, hz**power, np.ones(n)]) / smooth).astype(np.float32),
    )


def _denominators(period_s: Signal) -> Signal:
    """The bands around first guesses (k,), and that of all bumps, by their share of `_Beats.powers` (4 k, 3).

    The gain 1 / ((1 + (low / hz)^8) (1 + (hz / high)^8)) is, multiplied out, 1 / (a / hz^8 + b hz^8 + c): so the
    denominators of all windows in all bands are one product of matrices.
    """
    power = 2 * _BEAT_ORDER
    guessed = (np.float32(1) / period_s) ** power
    shares = np.empty((len(_BEAT_LOW) + 1, len(period_s), 3), dtype=np.float32)
    np.multiply.outer(_BEAT_LOW**power, guessed, out=shares[:-1, :, 0], casting="same_kind")
    np.divide.outer(_BEAT_HIGH**-power, guessed, out=shares[:-1, :, 1], casting="same_kind")
    shares[:-1, :, 2] = (1 + (_BEAT_LOW / _BEAT_HIGH) ** power)[:, np.newaxis]
    low_hz, high_hz = _BUMP_BAND_HZ
    shares[-1] = low_hz**power, high_hz**-power, 1 + (low_hz / high_hz) ** power
    return shares.reshape(-1, 3)


def _agreed(counts: Signal, period_s: Signal) -> Rhythm:
    """The median of three counts (3, k), and their and the period's (k,) mean distance from it."""
    one, other, third = counts
    # A tenth of the time that np.median takes; NaN where any of them is.
    rate: Signal = np.maximum(np.minimum(one, other), np.minimum(np.maximum(one, other), third))
    apart = np.abs(counts - rate).sum(axis=0) + np.abs(np.float32(60) / period_s - rate)
    spread = apart / np.float32(len(counts) + 1)
    return Rhythm(rate, np.where(np.isnan(spread), np.float32(np.inf), spread))


def _bumps(window: Signal) -> Signal:
    """One bump a beat in each window (k, n), whether it holds pulses or the pushes of a heart under breaths.

    At _BUMP_HZ: (k, n / 2).
    """
    window = window - window.mean(axis=1, keepdims=True)
    thin = window[:, ::2] + window[:, 1::2]
    breaths = size(thin) > _BREATHS * size(filtered(thin, _PULSE))
    if breaths.all():
        bumps = filtered(window, _PUSH)
        np.abs(bumps, out=bumps)
    else:
        bumps = _slopes(window)
        if breaths.any():
            bumps[breaths] = np.abs(filtered(window[breaths], _PUSH))
    result: Signal = bumps[:, ::2] + bumps[:, 1::2]
    return result


def _slopes(window: Signal) -> Signal:
    """How steeply what is faster than the mean over the beat around rises (k, n)."""
    around = mirrored(window, _BEAT_SAMPLES // 2 + 1)
    total = np.cumsum(around, axis=1)
    pulse = window - (total[:, _BEAT_SAMPLES:-1] - total[:, : -_BEAT_SAMPLES - 1]) / np.float32(_BEAT_SAMPLES)
    slopes: Signal = np.maximum(np.diff(pulse, axis=1, prepend=pulse[:, :1]), 0)
    return slopes


def _lags_s(rate_hz: int, range_per_min: tuple[float, float]) -> Float:
    """Lags up to the slowest rhythm's, and one more."""
    return np.arange(int(np.ceil(rate_hz * 60 / range_per_min[0])) + 2) / rate_hz


def _first_period_s(alike: Signal, rate_hz: int, range_per_min: tuple[float, float]) -> Signal:
    """The shortest lag within the range at which an autocorrelation (k, lags) has a peak that nearly is the highest."""
    shorter = int(rate_hz * 60 / range_per_min[1]) - 1
    before, middle, after = alike[:, shorter:-2], alike[:, shorter + 1 : -1], alike[:, shorter + 2 :]
    height = np.where((middle > before) & (middle >= after), middle, -np.float32(np.inf))
    chosen = np.argmax(height >= _FIRST_SHARE * height.max(axis=1, keepdims=True), axis=1) + shorter + 1
    period_s: Signal = _vertex(alike, np.arange(len(alike)) * alike.shape[1] + chosen) / np.float32(rate_hz)
    return period_s


def _tops(wave: Signal) -> Index:
    """Where waves (k, n) have tops, as places in the flattened array; the ends of a wave are none."""
    flat = wave.reshape(-1)
    rising = flat[1:] > flat[:-1]
    top = np.zeros(wave.shape, dtype=np.bool_)
    np.greater(rising[:-1], rising[1:], out=top.reshape(-1)[1:-1])
    top[:, 0] = top[:, -1] = False
    places: Index = np.flatnonzero(top)
    return places


def _turns(wave: Signal) -> Index:
    """Where waves (k, n) turn, up or down, as places in the flattened array."""
    flat = wave.reshape(-1)
    rising = flat[1:] > flat[:-1]
    turn = np.zeros(wave.shape, dtype=np.bool_)
    np.not_equal(rising[:-1], rising[1:], out=turn.reshape(-1)[1:-1])
    turn[:, 0] = turn[:, -1] = False
    places: Index = np.flatnonzero(turn)
    return places


def _crests(wave: Signal, height: Signal) -> Index:
    """The highest top of each stretch between dips under -height (h, k), if over +height; so wiggles are no breaths.

    As places in the waves (k, n) flattened and h times one after another.
    """
    n = wave.shape[1]
    turn = _turns(wave)
    value = wave.reshape(-1)[turn]
    beyond = np.abs(value) > height[:, turn // n]
    place = (turn + wave.size * np.arange(len(height))[:, np.newaxis])[beyond]
    value = np.broadcast_to(value, beyond.shape)[beyond]
    if not len(place):
        return _NOWHERE
    # What is high are tops and what is low are dips, but for tops under -height and dips over it: they change nothing.
    row, high = place // n, value > 0
    begins = np.append(True, (high[1:] != high[:-1]) | (row[1:] != row[:-1]))
    stretch = np.cumsum(begins) - 1
    highest = np.flatnonzero(high & (value == np.maximum.reduceat(value, np.flatnonzero(begins))[stretch]))
    once = np.append(True, np.diff(stretch[highest]) > 0)[: len(highest)]
    crest: Index = place[highest[once]]
    return crest


def _rate(wave: Signal, tops: Index, k: int, rate_hz: int) -> Signal:
    """Tops a minute between the first and the last of each of three waves of k windows (3, k); NaN for too few.

    `tops` are places in all three flattened, `wave` are these or one (k, n) that stands for all.
    """
    n = wave.shape[1]
    waves = 3 * k
    bounds = np.searchsorted(tops, np.arange(waves + 1) * n)
    count = np.diff(bounds)
    rate = np.full(waves, np.nan, dtype=np.float32)
    enough = np.flatnonzero(count >= _FEWEST)
    ends = np.concatenate([tops[bounds[enough]], tops[bounds[enough + 1] - 1]]) % wave.size
    first, last = _vertex(wave, ends).reshape(2, -1)
    rate[enough] = (60 * rate_hz * (count[enough] - 1) / (last - first)).astype(np.float32)
    return rate.reshape(3, k)


def _vertex(curve: Signal, top: Index) -> Signal:
    """How far into its row the parabola through places `top` (m,) of curves (k, n) and their neighbours is highest."""
    flat = curve.reshape(-1)
    before, middle, after = flat[top - 1], flat[top], flat[top + 1]
    bend = np.minimum(before - middle + after - middle, -_LEAST)
    shift = np.maximum(np.minimum((before - after) / (bend + bend), 1), -1)
    vertex: Signal = (top % curve.shape[1] + shift).astype(np.float32)
    return vertex
