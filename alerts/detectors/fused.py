"""A resident's signs as they stand: of two sources the better, whose it is, how old, and what the other says."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from alerts.detectors.contract import Records
from alerts.detectors.fusion import SOURCES, Source
from alerts.detectors.segments import NEVER
from alerts.detectors.signs import SIGNS

#: A source that says nothing of its quality stands here: above what is called poor, below what is called good.
_UNSAID: Final = 0.6


@dataclass(frozen=True, slots=True)
class Measured:
    """What one source last measured; `quality` 0–1, None where it said none."""

    source: Source
    value: float
    time_ms: int
    quality: float | None


@dataclass(frozen=True, slots=True)
class FusedSign:
    """One sign: `best` of the sources that measured it lately (None: none did), and the `others`.

    `apart`: they differ by more than two good devices do; one such moment is not yet an alarm.
    """

    name: str
    best: Measured | None
    others: tuple[Measured, ...]
    apart: bool


@dataclass(frozen=True, slots=True)
class Fused:
    """All signs, and since when the sources have been disagreeing for so long that it is an alarm."""

    signs: tuple[FusedSign, ...]
    disagree_since_ms: int | None


def fused(state: Records, params: Records, now_ms: int) -> Fused:
    """How a resident stands at `now_ms`; `state` and `params` (1,) are theirs in Fusion."""
    mine, own = state[0], params[0]
    signs = []
    for sign, name in enumerate(SIGNS):  # five, for one resident
        known = [
            _measured(source, mine["value"][at, sign], mine["time_ms"][at, sign], mine["quality"][at, sign])
            for at, source in enumerate(SOURCES)
            if mine["time_ms"][at, sign] != NEVER and now_ms - mine["time_ms"][at, sign] <= own["fresh_ms"][sign]
        ]
        # Of two equally good the later; of two at the same moment the bracelet, which is the resident's for sure.
        known.sort(key=lambda one: (-_quality(one), -one.time_ms, SOURCES.index(one.source)))
        signs.append(FusedSign(name, known[0] if known else None, tuple(known[1:]), _apart(name, known, own)))
    since_ms = int(mine["onset_ms"]) if mine["active"].any() else None
    return Fused(tuple(signs), since_ms)


def _measured(source: Source, value: float, time_ms: int, quality: float) -> Measured:
    # Kept in fewer digits than a device sends, and more than it means.
    told = round(float(quality), 3) if np.isfinite(quality) else None
    return Measured(source, round(float(value), 2), int(time_ms), told)


def _quality(one: Measured) -> float:
    return _UNSAID if one.quality is None else one.quality


def _apart(name: str, known: list[Measured], own: np.void) -> bool:
    if len(known) < len(SOURCES):
        return False
    first, second = known[0].value, known[1].value
    most = own["apart"][0 if name == SIGNS[0] else 1]
    if name == SIGNS[0]:
        most = max(most, own["share"] * (first + second) / 2)
    return bool(abs(first - second) > most)
