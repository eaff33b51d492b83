"""A resident's signs as they stand: of two sources the one that counts, how old, and what the other says."""

from dataclasses import dataclass

import numpy as np

from alerts.detectors.contract import Records
from alerts.detectors.scored import Input, Measured, Score
from alerts.detectors.signs import SIGNS


@dataclass(frozen=True, slots=True)
class FusedSign:
    """One sign: `best` is what counts in the early-warning score (None: not measured lately), `other` what it stands
    against, if that was measured lately.

    `apart`: measured at about the same time they differ by more than two good devices do; one such moment is not yet an
    alarm.
    """

    name: str
    best: Measured | None
    other: Measured | None
    apart: bool


@dataclass(frozen=True, slots=True)
class Fused:
    """All signs, and since when the sources have been disagreeing for so long that it is an alarm."""

    signs: tuple[FusedSign, ...]
    disagree_since_ms: int | None


def fused(score: Score, better_ms: int, state: Records, params: Records) -> Fused:
    """How a resident with this score stands; `state` and `params` (1,) are theirs in Fusion.

    `better_ms`: how far apart in time two measurements are of about the same time, as the score was made with.
    """
    since_ms = int(state["onset_ms"][0]) if state["active"][0].any() else None
    signs = (one for one in score.inputs if one.name in SIGNS)
    return Fused(tuple(_fused(one, better_ms, params[0]) for one in signs), since_ms)


def _fused(one: Input, better_ms: int, own: np.void) -> FusedSign:
    best = one.counts if one.known else None
    apart = best is not None and one.other is not None and _apart(one.name, best, one.other, better_ms, own)
    return FusedSign(one.name, best, one.other, apart)


def _apart(name: str, first: Measured, second: Measured, better_ms: int, own: np.void) -> bool:
    most = own["apart"][0 if name == SIGNS[0] else 1]
    if name == SIGNS[0]:
        most = max(most, own["share"] * (first.value + second.value) / 2)
    return bool(abs(first.value - second.value) > most and abs(first.age_ms - second.age_ms) <= better_ms)
