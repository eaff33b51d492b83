"""Heart and respiration rates out of raw bed signals, as readings like those that a cleverer mat sends itself.

This stands between decoding and the detectors, which need not know where a rate comes from, and what it finds is stored
with the rest. Nothing is saved over a restart: half a minute later each mat has its window again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from alerts.detectors import bed_wave
from alerts.detectors.bands import Signal, size
from alerts.detectors.bed_wave import EVERY_S, WINDOW_S, Windows
from alerts.detectors.contract import Records
from alerts.detectors.rhythm import BREATHING_HZ, HEART_HZ, Rhythm, breathing, heartbeat
from alerts.detectors.rowwise import put
from ingest.decode import Decoded
from ingest.readings import UNKNOWN, Bcg, Bed, Float, Int, Row

#: A rate whose quality is lower is not given; the limits on vital signs by default take none that is lower either.
QUALITY_MIN: Final = 0.5
#: How far the counts may lie apart on average (/min) for a rate to be given, quality 0.5. Chosen on recordings of 26
#: people; docs/detectors/bed-signal.md says what comes of choosing it on some and judging it on the others.
BREATHING_SPREAD_PER_MIN: Final = 0.8
HEART_SPREAD_PER_MIN: Final = 0.7

#: Movement is looked for in pieces of two seconds: the slopes of one breath are within one.
_PIECE_S: Final = 2
#: Slopes so much steeper than this mat's usual ones are of a body that moves: a beat or a breath never is, a turn in
#: bed far beyond (our choice; in recordings of people lying still less than one window in a hundred is).
_MOVING_FACTOR: Final = 10.0
#: What is usual is the median over so many estimates, two minutes: lying down is not taken for movement for longer.
_USUAL: Final = 12
#: Windows worked on at once: they stay in the processor's cache.
_TOGETHER: Final = 64


@dataclass(frozen=True, slots=True)
class Estimates:
    """Rates (n,) of windows that end at `time_ms`, each with quality 0–1, given or not; NaN where there was no rhythm.

    `moving_share` 0–1 is that of the last ten seconds; while somebody moves anywhere in a window its qualities are 0.
    """

    row: Row
    time_ms: Int
    received_ms: Int
    heart_rate_bpm: Float
    heart_quality: Float
    respiration_per_min: Float
    respiration_quality: Float
    moving_share: Float

    @classmethod
    def none(cls) -> Self:
        """Of no windows."""
        whole = np.empty(0, dtype=np.int64)
        return cls(whole.astype(np.int32), whole, whole, *(np.empty(0) for _ in range(5)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several one after another, at least one."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def readings(self) -> Bed:
        """As a mat's own readings: a rate of too low a quality is not sent; the quality is the lower of those sent."""
        heart = self.heart_quality >= QUALITY_MIN
        breath = self.respiration_quality >= QUALITY_MIN
        lower = np.minimum(
            np.where(heart | ~breath, self.heart_quality, 1.0), np.where(breath | ~heart, self.respiration_quality, 1.0)
        )
        count = len(self.row)
        return Bed(
            row=self.row,
            time_ms=self.time_ms,
            received_ms=self.received_ms,
            seq=np.full(count, UNKNOWN, dtype=np.int64),
            time_assumed=np.zeros(count, dtype=np.bool_),
            present=np.full(count, UNKNOWN, dtype=np.int8),
            heart_rate_bpm=np.where(heart, np.round(self.heart_rate_bpm, 1), np.nan),
            respiration_per_min=np.where(breath, np.round(self.respiration_per_min, 1), np.nan),
            moving_share=self.moving_share,
            quality=np.round(lower, 3).astype(np.float64),
        )


class BedSignal:
    """The signals of all mats that send them, by directory row; a row that sends none costs nothing."""

    def __init__(self) -> None:
        self._place = np.empty(0, dtype=np.int64)  # by row, -1 for none
        self._waves: Records = bed_wave.initial(0)
        #: How much each mat's signal moved in its last windows, and how many there have been.
        self._levels: Signal = np.zeros((0, _USUAL), dtype=np.float32)
        self._heard: Int = np.zeros(0, dtype=np.int64)

    def with_rates(self, decoded: Decoded) -> Decoded:
        """The same batch with the readings that its raw bed signals gave; they come after the mats' own."""
        rates = [self.estimate(bcg).readings() for bcg in _bed_signals(decoded)]
        given = tuple(bed for bed in rates if len(bed))
        return replace(decoded, readings=(*decoded.readings, *given)) if given else decoded

    def estimate(self, bcg: Bcg) -> Estimates:
        """Take packets in; the estimates that came due, by row and time."""
        rows, compact = np.unique(bcg.row, return_inverse=True)
        places = self._places(rows)
        after, windows = bed_wave.take(self._waves.take(places), bcg.with_rows(compact.astype(np.int32)))
        put(self._waves, places, after)
        received_ms = np.zeros(len(rows), dtype=np.int64)
        np.maximum.at(received_ms, compact, bcg.received_ms)
        # One pass, but for a backlog that holds more windows than are worked on at once.
        parts = [
            self._estimate(windows.part(first, first + _TOGETHER), rows, places, received_ms)
            for first in range(0, len(windows.row), _TOGETHER)
        ]
        return Estimates.joined(parts) if parts else Estimates.none()

    def _estimate(self, windows: Windows, rows: Row, places: Int, received_ms: Int) -> Estimates:
        heart, breath = _rhythms(windows.signal)
        moving = self._moving(windows, places)
        still = ~moving.any(axis=1)
        last = EVERY_S // _PIECE_S
        return Estimates(
            row=rows[windows.row].astype(np.int32),
            time_ms=windows.end_ms,
            received_ms=received_ms[windows.row],
            heart_rate_bpm=heart.per_min.astype(np.float64),
            heart_quality=_quality(heart, HEART_SPREAD_PER_MIN) * still,
            respiration_per_min=breath.per_min.astype(np.float64),
            respiration_quality=_quality(breath, BREATHING_SPREAD_PER_MIN) * still,
            moving_share=moving[:, -last:].mean(axis=1),
        )

    def _moving(self, windows: Windows, places: Int) -> NDArray[np.bool_]:
        """Which pieces of each window (w, pieces) are movement; remembers what is usual."""
        slope = np.zeros_like(windows.signal)
        np.subtract(windows.signal[:, 1:], windows.signal[:, :-1], out=slope[:, 1:])
        level = size(slope.reshape(-1, _PIECE_S * HEART_HZ)).reshape(len(slope), -1)
        middle = _median(level)
        usual = np.empty_like(middle)
        # Windows of one mat one after another: mostly a single pass, and as many as a backlog holds of one mat.
        nth = _nth(windows.row)
        for n in range(int(nth.max(initial=-1)) + 1):
            at = np.flatnonzero(nth == n)
            place = places[windows.row[at]]
            count, levels = self._heard[place], self._levels[place]
            levels = np.where(count[:, np.newaxis] == 0, middle[at, np.newaxis], levels)
            levels[np.arange(len(at)), count % _USUAL] = middle[at]
            self._heard[place], self._levels[place] = count + 1, levels
            usual[at] = _median(levels)
        least = np.minimum(middle, usual)
        found: NDArray[np.bool_] = level > (_MOVING_FACTOR * least)[:, np.newaxis]
        return found

    def _places(self, rows: Row) -> Int:
        """Where the state of these rows is, with room made for those that are new."""
        if len(rows) and rows[-1] >= len(self._place):
            room = np.full(2 * int(rows[-1]) + 1 - len(self._place), -1, dtype=np.int64)
            self._place = np.concatenate([self._place, room])
        new = rows[self._place[rows] < 0]
        if len(new):
            self._place[new] = len(self._waves) + np.arange(len(new))
            self._waves = np.concatenate([self._waves, bed_wave.initial(len(new))])
            self._levels = np.concatenate([self._levels, np.zeros((len(new), _USUAL), dtype=np.float32)])
            self._heard = np.concatenate([self._heard, np.zeros(len(new), dtype=np.int64)])
        return self._place[rows]


def _rhythms(signal: Signal) -> tuple[Rhythm, Rhythm]:
    half: Signal = signal[:, ::2] + signal[:, 1::2]
    slow: Signal = half[:, ::2] + half[:, 1::2]  # two strided adds are faster than a mean over four
    return heartbeat(signal), breathing(slow)


def _quality(rhythm: Rhythm, spread_per_min: float) -> Float:
    """1 where all counts agree, 0.5 where they lie `spread_per_min` apart, 0 where there is no rhythm."""
    return 1.0 / (1.0 + rhythm.spread_per_min.astype(np.float64) / spread_per_min)


def _median(values: Signal) -> Signal:
    """Of each row (k, m) of an even number; a tenth of the time that np.median takes."""
    ordered = np.sort(values, axis=1)
    half = values.shape[1] // 2
    middle: Signal = (ordered[:, half - 1] + ordered[:, half]) / np.float32(2)
    return middle


def _nth(row: Int) -> Int:
    """How many windows of the same row stand before each (n,), rows in order."""
    if not len(row):
        return row
    first = np.append(True, row[1:] != row[:-1])
    place = np.arange(len(row))
    return place - np.maximum.accumulate(np.where(first, place, 0))


def _bed_signals(decoded: Decoded) -> Iterable[Bcg]:
    return (readings for readings in decoded.readings if isinstance(readings, Bcg))


assert WINDOW_S % (2 * _PIECE_S) == 0
assert _USUAL % 2 == 0
assert HEART_HZ == 4 * BREATHING_HZ
