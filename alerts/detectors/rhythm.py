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

All windows are the rows of one array and are worked on at once, in float32. Filters run over the window alone, both
ways, with its ends mirrored: nothing later than its last sample is used.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Signal = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Flag = NDArray[np.bool_]
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
#: Heights of the hysteresis, of the signal's own root mean square.
_HEIGHTS: Final = np.array([[0.1], [0.25], [0.4]], dtype=np.float32)
#: About a beat, 0.75 s: what is slower than it is no pulse.
_BEAT_SAMPLES: Final = 15
#: A signal so many times as large as its pulses is one of breaths. Recordings of finger pulses are at most 1.9 times as
#: large, simulated mats at least 3.0 times.
_BREATHS: Final = np.float32(2.4)
#: What is left of a wave when its mean over five samples, 0.25 s, a swing of the push of a beat, is taken off it twice.
_PUSH_TAPS: Final = np.array([0.04, 0.08, -0.28, -0.24, 0.8, -0.24, -0.28, 0.08, 0.04], dtype=np.float32)
#: A bump is the mean over about the rise of a pulse wave, 0.2 s.
_BUMP_SAMPLES: Final = 4
_BUMP_BAND_HZ: Final = (0.5, 4.0)
#: Bands in which beats are counted, of the rate first guessed.
_BEAT_LOW: Final = np.array([0.4, 0.5, 0.6], dtype=np.float32).reshape(-1, 1, 1)
_BEAT_HIGH: Final = np.array([1.5, 1.6, 1.4], dtype=np.float32).reshape(-1, 1, 1)
#: The first peak of the autocorrelation this near the highest is the period: later ones are its multiples.
_FIRST_SHARE: Final = 0.8
#: The count of beats that knows no guess: how high a bump must rise, and how far from the others it may be (share).
_PLAIN_HEIGHT: Final = np.float32(0.5)
_PLAIN_SHARE: Final = np.float32(0.3)
#: Samples mirrored at the ends of the window.
_HEART_PAD: Final = 2 * HEART_HZ
#: A ratio of frequencies beyond which a filter lets nothing through.
_FAR: Final = np.float32(1e3)
_NOWHERE: Final[Index] = np.empty(0, dtype=np.intp)
#: Fewer tops are no rhythm.
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Rates (k,) of k windows, NaN where there is no rhythm, and how far the counts lie apart (k,), then infinite."""

    per_min: Signal
    spread_per_min: Signal


def breathing(window: Signal) -> Rhythm:
    """Breaths a minute in windows (k, n) at BREATHING_HZ; spread is the mean distance of all counts from the rate."""
    n = window.shape[1]
    ramp = np.linspace(-1, 1, n, dtype=np.float32)
    drift: Signal = (window @ ramp / (ramp @ ramp))[:, np.newaxis] * ramp
    bands = _Bands(window - drift, BREATHING_HZ, pad=n // 2)
    wave = bands.passed(*_BREATHING_BAND_HZ, doublings=2)
    waves = np.tile(wave, (len(_HEIGHTS), 1))
    counts = _rate(waves, _crests(waves, (_HEIGHTS * wave.std(axis=1)).reshape(-1)), BREATHING_HZ)
    alike = bands.autocorrelation(*_BREATHING_BAND_HZ, doublings=2)
    return _agreed(counts, _first_period_s(alike, BREATHING_HZ, BREATHING_PER_MIN))


def heartbeat(window: Signal) -> Rhythm:
    """Beats a minute in windows (k, n) at HEART_HZ; spread as in `breathing`.

    The counts follow a first guess, and would follow it to a part of the true rate too: so where a count that
    knows nothing of the guess is far from them, there is no rhythm.
    """
    bands = _Bands(_bumps(window), HEART_HZ, _HEART_PAD, summed=_BUMP_SAMPLES)
    period_s = _first_period_s(bands.autocorrelation(*_BUMP_BAND_HZ, doublings=3), HEART_HZ, HEART_PER_MIN)
    guess_hz: Signal = np.float32(1) / period_s[:, np.newaxis]
    beats = bands.passed(_BEAT_LOW * guess_hz, _BEAT_HIGH * guess_hz, doublings=3, thin=2)
    beats = beats.reshape(-1, window.shape[1] // 2)
    found = _agreed(_rate(beats, _tops(beats), HEART_HZ // 2), period_s)
    plain = bands.passed(*_BUMP_BAND_HZ, doublings=3, thin=2)
    over = plain > (_PLAIN_HEIGHT * plain.std(axis=1))[:, np.newaxis]
    count = np.count_nonzero(over[:, 1:] & ~over[:, :-1], axis=1) * np.float32(60 * HEART_HZ / window.shape[1])
    near = np.abs(count - found.per_min) <= _PLAIN_SHARE * found.per_min
    return Rhythm(found.per_min, np.where(near, found.spread_per_min, np.float32(np.inf)))


def _agreed(counts: Signal, period_s: Signal) -> Rhythm:
    """The median of several counts (c · k,), and their and the period's (k,) mean distance from it."""
    counts = counts.reshape(-1, len(period_s))
    rate: Signal = np.median(counts, axis=0).astype(np.float32)  # NaN where any count is
    apart = np.abs(counts - rate).sum(axis=0) + np.abs(np.float32(60) / period_s - rate)
    spread = apart / np.float32(len(counts) + 1)
    return Rhythm(rate, np.where(np.isnan(spread), np.float32(np.inf), spread))


class _Bands:
    """Windows (k, n) whose spectrum is taken once and cut to any bands, with `pad` samples mirrored at both ends.

    `summed`: each sample is first the mean of so many around it.
    """

    def __init__(self, window: Signal, rate_hz: int, pad: int, summed: int = 1) -> None:
        n = window.shape[1]
        level = window - window.mean(axis=1, keepdims=True)
        self._long = n + 2 * pad
        self._pad = pad
        hz = fft.rfftfreq(self._long, 1 / rate_hz)
        self._spectrum: Spectrum = fft.rfft(_mirrored(level, pad), axis=1)
        if summed > 1:
            self._spectrum *= np.sinc(summed * hz / rate_hz).astype(np.float32)
        self._hz = np.maximum(hz, 1e-6).astype(np.float32)

    def passed(self, low_hz: Signal | float, high_hz: Signal | float, doublings: int, thin: int = 1) -> Signal:
        """What lies between two frequencies, a pair for all windows, (k, 1) of each or several (b, k, 1).

        The gain is that of a Butterworth filter of order 2 ** (doublings - 1) run both ways. Of the samples every
        `thin`-th is given, of what is slower than these can tell.
        """
        long, pad = self._long // thin, self._pad // thin
        cut = self._spectrum[:, : long // 2 + 1] * self._gain(self._hz[: long // 2 + 1], low_hz, high_hz, doublings)
        wave: Signal = fft.irfft(cut, long, axis=-1, overwrite_x=True)
        return wave[..., pad : long - pad]

    def autocorrelation(self, low_hz: float, high_hz: float, doublings: int) -> Signal:
        """Of what lies between two frequencies, by lag, 1 at lag 0; the mirrored window goes round in a circle."""
        power = self._spectrum.real**2 + self._spectrum.imag**2
        power *= self._gain(self._hz, low_hz, high_hz, doublings) ** 2
        alike: Signal = fft.irfft(power, self._long, axis=1, overwrite_x=True)
        whole: Signal = np.maximum(alike[:, :1], np.finfo(np.float32).tiny)
        return alike / whole

    @staticmethod
    def _gain(hz: Signal, low_hz: Signal | float, high_hz: Signal | float, doublings: int) -> Signal:
        under, over = np.minimum(low_hz / hz, _FAR), hz / high_hz
        for _ in range(doublings):  # squaring is ten times as fast as a power
            under *= under
            over *= over
        under += 1
        over += 1
        under *= over
        gain: Signal = np.divide(1, under, out=under)
        return gain


def _bumps(window: Signal) -> Signal:
    """One bump a beat in each window (k, n), whether it holds pulses or the pushes of a heart under breaths."""
    window = window - window.mean(axis=1, keepdims=True)
    pulse = _pulse(window)
    breaths = _energy(window) > _BREATHS**2 * _energy(pulse)
    if breaths.all():
        return np.abs(_push(window))
    bump = np.zeros_like(window)
    np.maximum(pulse[:, 1:] - pulse[:, :-1], 0, out=bump[:, 1:])
    if breaths.any():
        bump[breaths] = np.abs(_push(window[breaths]))
    return bump


def _pulse(window: Signal) -> Signal:
    """What of a wave (k, n) is faster than its own mean over the beat around."""
    half = _BEAT_SAMPLES // 2
    total = np.cumsum(_mirrored(window, half + 1), axis=1)
    mean: Signal = total[:, _BEAT_SAMPLES:-1] - total[:, : -_BEAT_SAMPLES - 1]
    mean /= np.float32(_BEAT_SAMPLES)
    return np.subtract(window, mean, out=mean)


def _push(window: Signal) -> Signal:
    """What is faster than the mean over a swing around, and of that again."""
    n, half = window.shape[1], len(_PUSH_TAPS) // 2
    around = _mirrored(window, half)
    push: Signal = window * _PUSH_TAPS[half]
    for tap in range(half):  # a handful, each over all windows: three times as fast as a filter at a time
        pair = around[:, tap : tap + n] + around[:, 2 * half - tap : 2 * half - tap + n]
        pair *= _PUSH_TAPS[tap]
        push += pair
    return push


def _mirrored(window: Signal, pad: int) -> Signal:
    return np.concatenate([window[:, pad - 1 :: -1], window, window[:, : -pad - 1 : -1]], axis=1)


def _energy(wave: Signal) -> Signal:
    energy: Signal = np.einsum("kn,kn->k", wave, wave)
    return energy


def _first_period_s(alike: Signal, rate_hz: int, range_per_min: tuple[float, float]) -> Signal:
    """The shortest lag within the range at which an autocorrelation has a peak that nearly is the highest."""
    slowest, fastest = range_per_min
    first, last = int(rate_hz * 60 / fastest), int(np.ceil(rate_hz * 60 / slowest))
    alike = alike[:, : last + 2]
    middle = alike[:, 1:-1]
    peak = (middle > alike[:, :-2]) & (middle >= alike[:, 2:])
    peak[:, : first - 1] = False
    height = np.where(peak, middle, np.float32(-1))
    chosen = np.argmax(height >= np.float32(_FIRST_SHARE) * height.max(axis=1, keepdims=True), axis=1) + 1
    period_s: Signal = _vertex(alike, np.arange(len(alike)), chosen) / np.float32(rate_hz)
    return period_s


def _tops(wave: Signal) -> Index:
    """Where waves (k, n) have tops, as places in the flattened array; the ends of a wave are none."""
    top = np.zeros(wave.shape, dtype=np.bool_)
    middle = wave[:, 1:-1]
    np.logical_and(middle > wave[:, :-2], middle >= wave[:, 2:], out=top[:, 1:-1])
    places: Index = np.flatnonzero(top).astype(np.intp, copy=False)
    return places


def _turns(wave: Signal) -> Index:
    """Where waves (k, n) turn, up or down, as places in the flattened array."""
    turn = np.zeros(wave.shape, dtype=np.bool_)
    rising = wave[:, 1:] > wave[:, :-1]
    np.not_equal(rising[:, 1:], rising[:, :-1], out=turn[:, 1:-1])
    places: Index = np.flatnonzero(turn)
    return places


def _crests(wave: Signal, height: Signal) -> Index:
    """The highest top of each stretch between dips under -height (k,), if over +height; so wiggles are no breaths."""
    n = wave.shape[1]
    place: Index = _turns(wave)
    value = wave.reshape(-1)[place]
    beyond = np.abs(value) > height[place // n]
    place, value = place[beyond], value[beyond]
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


def _rate(wave: Signal, tops: Index, rate_hz: int) -> Signal:
    """Tops a minute between the first and the last of each wave (k,); NaN for too few."""
    k, n = wave.shape
    bounds = np.searchsorted(tops, np.arange(k + 1) * n)
    count = np.diff(bounds)
    rate = np.full(k, np.nan, dtype=np.float32)
    enough = np.flatnonzero(count >= _FEWEST)
    first, last = tops[bounds[enough]] % n, tops[bounds[enough + 1] - 1] % n
    span = _vertex(wave, enough, last) - _vertex(wave, enough, first)
    rate[enough] = (60 * rate_hz * (count[enough] - 1) / span).astype(np.float32)
    return rate


def _vertex(curve: Signal, row: Index, top: Index) -> Signal:
    """Where the parabola through samples `top` (m,) of rows (m,) and their neighbours is highest, in samples."""
    before, middle, after = curve[row, top - 1], curve[row, top], curve[row, top + 1]
    bend = before - 2 * middle + after
    shift = np.where(bend < 0, (before - after) / np.where(bend < 0, 2 * bend, 1), 0)
    vertex: Signal = (top + np.clip(shift, -1, 1)).astype(np.float32)
    return vertex
