"""When samples were truly taken, from the bursts in which they were written down.

Phones and watches hand samples over in bursts: four at once, then nothing for a tenth of a second, or nothing for
three seconds and then a hundred. The sensor itself samples evenly. A bracelet's firmware knows its sensor's clock
and sends the time of a packet's first sample and a rate; to replay a recording as the bracelet would have sent it,
that clock has to be found again:

- the rate is measured from the recording (WEDA-FALL's 50 Hz is in truth 39.8 Hz for some of the watches), and the
  nominal rate stands in where the measured one is not within a factor of two of it;
- a sample cannot have been taken after it was written, nor after a later sample was written less the samples
  between them: the earliest such time within three seconds is its time;
- where even so more than half a second is missing, samples were truly lost and the stream is cut in two;
- within a piece the samples are evenly spaced; where that is more than half a second off, the rate changed
  and the piece is cut there.

Half a second both times, because that is what the fall detector takes for jitter of a stamp: a clock that was found
again is to be no worse than one it has to bear with.

Samples are never interpolated, invented or dropped.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.ndimage import minimum_filter1d

from simulators.stream import Float

_LOOK_AHEAD_S: Final = 3.0
_JITTER_S: Final = 0.5
_BELIEVED: Final = 2.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples `first` to `end` (end not included), evenly spaced from `start_s` on at `rate_hz`."""

    first: int
    end: int
    start_s: float
    rate_hz: float

    @property
    def time_s(self) -> Float:
        """The time of each sample of the piece (n,)."""
        return self.start_s + np.arange(self.end - self.first) / self.rate_hz


def pieces(t_s: Float, nominal_hz: float) -> tuple[Piece, ...]:
    """The evenly sampled pieces of a recording with write-down times `t_s` (n,), not decreasing, in seconds."""
    count = len(t_s)
    rate_hz = _measured_hz(t_s, nominal_hz)
    even_s = np.arange(count) / rate_hz
    ahead = max(1, round(_LOOK_AHEAD_S * rate_hz))
    # origin shifts the window so that it covers sample i and the ahead - 1 samples after it.
    slack_s = minimum_filter1d(t_s - even_s, size=ahead, mode="nearest", origin=-(ahead // 2))
    taken_s = np.maximum.accumulate(even_s + slack_s)
    cuts = np.flatnonzero(np.diff(taken_s) > _JITTER_S) + 1
    bounds = [0, *cuts.tolist(), count]
    return _in_turn(
        [piece for first, end in pairwise(bounds) if end > first for piece in _split(taken_s, first, end, rate_hz)]
    )


def _split(taken_s: Float, first: int, end: int, rate_hz: float) -> list[Piece]:
    """Even pieces from `first` to `end`: cut again where even spacing is more than _JITTER_S off."""
    found: list[Piece] = []
    pending = [(first, end)]
    # Cutting is a tree walk over at most a few hundred pieces of a recording.
    while pending:
        first, end = pending.pop()
        count = end - 1 - first
        even_s = np.linspace(taken_s[first], taken_s[end - 1], count + 1)
        stray_s = np.abs(taken_s[first:end] - even_s)
        worst = int(np.argmax(stray_s))
        if stray_s[worst] > _JITTER_S and 0 < worst < count:
            pending += [(first + worst, end), (first, first + worst)]
            continue
        span_s = float(taken_s[end - 1] - taken_s[first])
        own_hz = count / span_s if span_s > 0 else rate_hz
        # A short piece cannot tell its rate from the jitter of its ends, and no sensor changes its rate wildly.
        lowest, highest = (0.5, 8.0) if span_s >= _LOOK_AHEAD_S else (1.0, 8.0)
        own_hz = min(max(own_hz, lowest * rate_hz), highest * rate_hz)
        found.append(Piece(first, end, float(taken_s[first]), own_hz))
    return found


def _in_turn(found: list[Piece]) -> tuple[Piece, ...]:
    """The same pieces, none beginning before the one before it has ended."""
    done: list[Piece] = []
    free_s = -np.inf
    # Each start depends on the end before it, and a recording has few pieces.
    for piece in found:
        start_s = max(piece.start_s, free_s)
        done.append(replace(piece, start_s=start_s))
        free_s = start_s + (piece.end - piece.first) / piece.rate_hz
    return tuple(done)


def _measured_hz(t_s: Float, nominal_hz: float) -> float:
    """Samples in a usual second; the median, so that stalls and the bursts after them do not count."""
    if len(t_s) < 2 or t_s[-1] - t_s[0] < 1.0:
        return nominal_hz
    seconds = np.arange(t_s[0], t_s[-1] - 1.0 + 1e-9, 1.0)
    within = np.searchsorted(t_s, seconds + 1.0) - np.searchsorted(t_s, seconds)
    rate_hz = float(np.median(within[within > 0]))
    overall_hz = (len(t_s) - 1) / float(t_s[-1] - t_s[0])
    if abs(overall_hz - rate_hz) <= 0.05 * rate_hz:
        rate_hz = overall_hz  # nothing was lost: the whole recording tells the rate more exactly
    return rate_hz if nominal_hz / _BELIEVED <= rate_hz <= nominal_hz * _BELIEVED else nominal_hz
