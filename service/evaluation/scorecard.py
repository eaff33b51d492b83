"""How well falls were found in recordings whose truth is known: rates with their uncertainty, pure arithmetic."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import rankdata

from simulators.recording import Entry

#: The 97.5 % quantile of the normal distribution, for 95 % intervals.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm: seconds into the recording at which it was out, and its score, 0 to 1."""

    t_s: float
    score: float


@dataclass(frozen=True, slots=True)
class Result:
    """A recording, what was raised in it, how long it was, and the highest score in it, an alarm or not."""

    entry: Entry
    alarms: tuple[Raised, ...]
    duration_s: float
    score: float

    @property
    def is_fall(self) -> bool:
        """Whether somebody fell in it."""
        return self.entry.event == "fall"

    @property
    def hit_s(self) -> float:
        """When the fall was found: the first alarm not before its labelled onset; NaN where it was missed."""
        after_s = 0.0 if math.isnan(self.entry.onset_s) else self.entry.onset_s
        return min((alarm.t_s for alarm in self.alarms if alarm.t_s >= after_s), default=math.nan)

    @property
    def right(self) -> bool:
        """A fall found, or no alarm where nobody fell."""
        return not math.isnan(self.hit_s) if self.is_fall else not self.alarms


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with Wilson's 95 % interval (Wilson 1927); all NaN where there is nothing."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest share that fit."""
        if not self.total:
            return math.nan, math.nan
        n, p = self.total, self.value
        middle = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
        half = _Z / (1 + _Z * _Z / n) * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Rates over a set of recordings; what cannot be told is NaN.

    By recording: `sensitivity` is the share of recordings with a fall in which an alarm came at or after the onset,
    `specificity` the share without a fall in which none came. False alarms are counted in recordings without a
    fall and divided by their hours. Delays run from the labelled onset to the moment the alarm is out, the packet's
    own length included. `auc` is the area under the ROC curve of each recording's highest score.
    """

    sensitivity: Share
    specificity: Share
    auc: float
    false_alarms: int
    quiet_hours: float
    hours: float
    early_alarms: int
    delay_p50_s: float
    delay_p95_s: float

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms an hour worn without a fall."""
        return self.false_alarms / self.quiet_hours if self.quiet_hours else math.nan


def scorecard(results: Sequence[Result]) -> Scorecard:
    """The scorecard of any recordings."""
    falls = [result for result in results if result.is_fall]
    quiet = [result for result in results if not result.is_fall]
    delays_s = [r.hit_s - r.entry.onset_s for r in falls if not math.isnan(r.hit_s - r.entry.onset_s)]
    p50, p95 = np.percentile(delays_s, [50, 95]).tolist() if delays_s else (math.nan, math.nan)
    return Scorecard(
        sensitivity=Share(sum(r.right for r in falls), len(falls)),
        specificity=Share(sum(r.right for r in quiet), len(quiet)),
        auc=area_under_roc([r.score for r in falls], [r.score for r in quiet]),
        false_alarms=sum(len(r.alarms) for r in quiet),
        quiet_hours=sum(r.duration_s for r in quiet) / 3600,
        hours=sum(r.duration_s for r in results) / 3600,
        early_alarms=sum(alarm.t_s < r.entry.onset_s for r in falls for alarm in r.alarms),
        delay_p50_s=p50,
        delay_p95_s=p95,
    )


def by_group(results: Sequence[Result], group: Callable[[Entry], str]) -> dict[str, Scorecard]:
    """A scorecard a group, groups in order; recordings of no group are left out."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if name := group(result.entry):
            groups.setdefault(name, []).append(result)
    return {name: scorecard(groups[name]) for name in sorted(groups)}


def area_under_roc(falls: Sequence[float], quiet: Sequence[float]) -> float:
    """The chance that a fall scores higher than a recording without one, ties counting half (Mann and Whitney 1947)."""
    if not falls or not quiet:
        return math.nan
    ranks = rankdata(np.array([*falls, *quiet]))
    wins = float(ranks[: len(falls)].sum()) - len(falls) * (len(falls) + 1) / 2
    return wins / (len(falls) * len(quiet))
