"""A fall as the wrist feels it: a hard impact, then lying still."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors import motion_bins
from alerts.detectors.contract import Records, Result
from alerts.detectors.motion_bins import Bins
from alerts.detectors.segments import NEVER, Segments
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Motion

Float = NDArray[np.float64]
Index = NDArray[np.intp]

#: Windows in bins of 0.25 s around the impact's bin: [from, to).
_IMPACT: Final = (-1, 2)
_BEFORE: Final = (-8, 0)
_AFTER: Final = (4, 10)
_LATEST: Final = _AFTER[1] - 1
_KEPT: Final = _LATEST - _BEFORE[0]


@dataclass(frozen=True, slots=True)
class FallSettings:
    """The rule's levels, in g of movement: the standard deviation of the acceleration vector, gravity left out.

    Chosen on WEDA-FALL (Marques, Moreno 2023) with every axis clipped to ±2 g, so that they hold for the poorest
    bracelet: of the rules tried (peak, movement, free fall, turning of the wrist, and pairs of them) the one with the
    best sum of sensitivity and specificity; figures in docs/detectors/overview.md.
    `impact_g`: movement within 0.75 s around the impact, at least.
    `still_g`: movement from 1 to 2.5 s after it, at most; generous, for people stir after a fall.
    `contrast`: movement of the impact against that of the 2 s before it, at least this many times; walking and
    clapping are as wild before as at their wildest.
    `quiet_s`: impacts with less than this between them are one fall.
    """

    impact_g: float = 1.1
    still_g: float = 0.4
    contrast: float = 1.5
    quiet_s: float = 15.0


class ImpactStillness:
    """Impact and stillness in the motion of a wrist, found 2.5 s after the impact; the alarm latches.

    Needs continuous motion with gravity at 15 to 200 Hz, packets of any length, 2 s before and 2.5 s after the
    impact without a gap; see `motion_bins` for how a stream is kept.
    Misses: slow slides, falls caught with the other arm, people who get up at once or whose arm goes on moving;
    takes for a fall: a blow of the wrist followed by rest.
    """

    name: ClassVar[str] = "impact_stillness"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.MOTION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype([*motion_bins.state_dtype(_KEPT).descr, ("impact_ms", "<i8")])
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [("impact_g", "<f8"), ("still_g", "<f8"), ("contrast", "<f8"), ("quiet_s", "<f8")]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: FallSettings | None = None) -> None:
        self._settings = settings or FallSettings()

    def initial(self, count: int) -> Records:
        """Rows that sent no motion yet."""
        state = motion_bins.initial(count, self.state_dtype)
        state["impact_ms"] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        for field in self.params_dtype.names or ():
            params[field] = getattr(self._settings, field)
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take packets of motion in; see the class."""
        assert isinstance(readings, Motion)
        state, bins = motion_bins.take(state, readings)
        if bins is None or not len(bins.new):
            return state, []
        decided = np.flatnonzero(bins.stream[bins.new] == bins.stream[bins.new - _KEPT])
        impact = bins.new[decided] - _LATEST
        sums = np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(bins.sum_mg, axis=0)])
        squares = np.concatenate([[0], np.cumsum(bins.square_mg2)])

        def movement_g(window: tuple[int, int]) -> Float:
            begin, end = impact + window[0], impact + window[1]
            count = (bins.samples[impact] * (window[1] - window[0])).astype(np.float64)
            mean_mg = (sums[end] - sums[begin]) / count[:, np.newaxis]
            variance_mg2 = (squares[end] - squares[begin]) / count - (mean_mg * mean_mg).sum(axis=1)
            result: Float = np.sqrt(np.maximum(variance_mg2, 0.0)) / 1000.0
            return result

        hard = movement_g(_IMPACT) >= params["impact_g"][bins.row[impact]]
        impact, decided = impact[hard], decided[hard]
        if not len(impact):
            return state, []
        row = bins.row[impact]
        hit_g, before_g, after_g = movement_g(_IMPACT), movement_g(_BEFORE), movement_g(_AFTER)
        falls = np.flatnonzero((after_g <= params["still_g"][row]) & (hit_g >= params["contrast"][row] * before_g))
        if not len(falls):
            return state, []
        return state, _findings(
            state,
            params,
            bins,
            impact[falls],
            bins.end_ms[decided[falls]],
            hit_g[falls],
            before_g[falls],
            after_g[falls],
        )

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone moves no wrist."""
        return state, []


def _findings(
    state: Records,
    params: Records,
    bins: Bins,
    impact: Index,
    found_ms: NDArray[np.int64],
    hit_g: Float,
    before_g: Float,
    after_g: Float,
) -> list[Finding]:
    """One finding a fall, of impacts (n,) that are one; `state` is the caller's own and is written."""
    around = impact[:, np.newaxis] + np.arange(*_IMPACT)
    strongest = around[np.arange(len(impact)), bins.peak_mg2[around].argmax(axis=1)]
    onset_ms = bins.peak_ms[strongest]
    row = bins.row[impact]
    segments = Segments.of(row)
    earlier_ms = np.where(segments.first, state["impact_ms"][row], np.roll(onset_ms, 1))
    quiet_ms = (params["quiet_s"] * 1000.0).astype(np.int64)[row]
    began = (earlier_ms == NEVER) | (onset_ms - earlier_ms >= quiet_ms)
    # A row's last impact is written last.
    state["impact_ms"][row] = onset_ms
    return [
        Finding(
            row=int(row[i]),
            condition=Condition.FALL,
            cause="impact_then_still",
            change=Change.BEGAN,
            priority=Priority.HIGH,
            onset_ms=int(onset_ms[i]),
            found_ms=int(found_ms[i]),
            evidence=(
                ("peak_g", round(float(np.sqrt(bins.peak_mg2[strongest[i]])) / 1000.0, 3)),
                ("impact_g", round(float(hit_g[i]), 3)),
                ("before_g", round(float(before_g[i]), 3)),
                ("still_g", round(float(after_g[i]), 3)),
                ("limit_impact_g", float(params["impact_g"][row[i]])),
                ("limit_still_g", float(params["still_g"][row[i]])),
            ),
        )
        for i in np.flatnonzero(began)
    ]
