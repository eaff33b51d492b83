"""A bracelet and a mat side by side."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bank import Bank
from alerts.detectors.fused import Fused, FusedSign, fused
from alerts.detectors.fusion import Fusion, FusionSettings
from alerts.findings import Condition, Finding, Priority
from ingest.readings import Bed, Vitals
from tests.unit.alerts.detectors.conftest import T0_MS, _readings

#: The first whole minute of the readings.
M0_S = 40
MINUTES = np.arange(60) * 60.0 + M0_S


def bracelet(at_s: Any, **columns: Any) -> Any:
    return _readings(Vitals, at_s, **{"worn": 1, "quality": 0.9} | columns)


def mat(at_s: Any, **columns: Any) -> Any:
    return _readings(Bed, at_s, **{"present": 1, "quality": 0.9, "moving_share": 0.0} | columns)


def met(fed: Any, settings: FusionSettings | None = None) -> Any:
    """Both sources were heard before."""
    fusion = fed(Fusion(settings))
    fusion(bracelet(0))
    fusion(mat(0))
    return fusion


def told(found: list[Finding]) -> list[tuple[str, str, float, float]]:
    return [(f.cause, f.change.value, (f.onset_ms - T0_MS) / 1000, (f.found_ms - T0_MS) / 1000) for f in found]


def test_two_that_agree_say_nothing(fed: Any) -> None:
    fusion = met(fed)
    for minute in MINUTES:
        assert fusion(mat(minute + 5, heart_rate_bpm=61.0, respiration_per_min=12.0)) == []
        assert fusion(bracelet(minute + 7, heart_rate_bpm=70.0, respiration_per_min=15.0, steps=100)) == []


@pytest.mark.parametrize("mat_first", [False, True])
def test_ten_minutes_apart_are_told_with_both_values_and_end_after_five_that_agree(mat_first: bool, fed: Any) -> None:
    fusion = met(fed)
    minute = np.arange(60)
    apart = (minute >= 5) & (minute < 30)
    parts = [
        bracelet(MINUTES, heart_rate_bpm=np.where(apart, 95.0, 70.0)),
        mat(MINUTES + 5, heart_rate_bpm=66.0),
    ]
    found = []
    for first in range(0, 60, 6):
        for part in parts[::-1] if mat_first else parts:
            found += fusion(part.take(np.arange(first, first + 6)))
    began_s, found_s = M0_S + 5 * 60.0, M0_S + 15 * 60.0
    assert told(found) == [
        ("sources_disagree", "began", began_s, found_s),
        ("sources_disagree", "ended", began_s, M0_S + 35 * 60.0),
    ]
    assert (found[0].condition, found[0].priority) == (Condition.DEVICE, Priority.LOW)
    assert dict(found[0].evidence) == {
        "bracelet_heart_rate_bpm": 95.0,
        "bed_mat_heart_rate_bpm": 66.0,
        "apart_most_bpm": 16.1,
        "held_s": 600.0,
    }


def test_respiration_is_compared_too(fed: Any) -> None:
    fusion = met(fed)
    found = []
    for minute in MINUTES[:16]:
        found += fusion(bracelet(minute, respiration_per_min=22.0))
        found += fusion(mat(minute, respiration_per_min=14.0))
    assert [(f.cause, dict(f.evidence)["apart_most_per_min"]) for f in found] == [("sources_disagree", 6.0)]


def test_walking_while_the_mat_says_present_is_told(fed: Any) -> None:
    fusion = met(fed)
    found = []
    for minute in range(20):
        steps = 1000 + max(0, minute - 5) * 60
        found += fusion(bracelet(MINUTES[minute] + 10, steps=float(steps)))
        found += fusion(mat(MINUTES[minute] + np.arange(0, 60, 10)))
    assert told(found)[0] == ("sources_disagree", "began", M0_S + 6 * 60.0, M0_S + 9 * 60.0)
    assert dict(found[0].evidence) == {
        "bed_mat_says": "in_bed",
        "bracelet_steps": 60,
        "limit_steps": 20.0,
        "held_s": 180.0,
    }


@pytest.mark.parametrize(
    ("worn", "on_mat"),
    [
        ({"worn": 0}, {}),
        ({"quality": 0.3}, {}),
        ({}, {"present": 0}),
        ({}, {"quality": 0.3}),
        ({}, {"moving_share": 0.5}),
    ],
)
def test_what_is_not_worn_or_poor_is_not_compared(worn: Any, on_mat: Any, fed: Any) -> None:
    fusion = met(fed)
    for minute in MINUTES:
        assert fusion(bracelet(minute, heart_rate_bpm=100.0, **worn)) == []
        assert fusion(mat(minute + 5, heart_rate_bpm=60.0, **on_mat)) == []


def test_a_late_backlog_changes_nothing(fed: Any) -> None:
    fusion = met(fed)
    for minute in range(40):
        fusion(bracelet(MINUTES[minute], heart_rate_bpm=70.0))
        fusion(mat(MINUTES[minute], heart_rate_bpm=68.0))
    before = fusion.state.tobytes()
    assert fusion(mat(MINUTES[:20] + 7, heart_rate_bpm=120.0)) == []
    assert fusion.state.tobytes() == before


def shown(fusion: Any, at_s: float) -> Fused:
    return fused(fusion.state[:1], fusion.params[:1], T0_MS + round(at_s * 1000))


def sign(view: Fused, name: str) -> FusedSign:
    return next(one for one in view.signs if one.name == name)


def test_the_better_quality_is_shown_and_the_other_beside_it(fed: Any) -> None:
    fusion = fed(Fusion())
    fusion(bracelet(100, heart_rate_bpm=90.0, spo2_pct=96.0, quality=0.6))
    fusion(mat(60, heart_rate_bpm=66.0, quality=0.95))
    heart = sign(shown(fusion, 130), "heart_rate_bpm")
    assert heart.best is not None
    assert (heart.best.source, heart.best.value, heart.best.quality) == ("bed_mat", 66.0, 0.95)
    assert heart.best.time_ms == T0_MS + 60_000
    assert [(one.source, one.value) for one in heart.others] == [("bracelet", 90.0)]
    assert heart.apart
    spo2 = sign(shown(fusion, 130), "spo2_pct")
    assert (spo2.best is not None and spo2.best.source, spo2.others, spo2.apart) == ("bracelet", (), False)
    assert sign(shown(fusion, 130), "temperature_c").best is None
    assert sign(shown(fusion, 2000), "heart_rate_bpm") == FusedSign("heart_rate_bpm", None, (), False)
    assert shown(fusion, 130).disagree_since_ms is None


def test_of_equally_good_ones_the_later_is_shown(fed: Any) -> None:
    fusion = fed(Fusion())
    fusion(bracelet(100, heart_rate_bpm=70.0, quality=np.nan))
    fusion(mat(110, heart_rate_bpm=66.0, quality=np.nan))
    best = sign(shown(fusion, 130), "heart_rate_bpm").best
    assert best is not None
    assert (best.source, best.quality) == ("bed_mat", None)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_in_whatever_pieces_and_order_both_come_the_findings_are_the_same(seed: int, cuts: list[float]) -> None:
    """Once both were heard, each goes on in every minute, and neither is eight minutes ahead of the other.

    A minute that is not over for one source when the other's next batch reaches eight minutes further is not compared.
    """
    random = np.random.default_rng(seed)
    odd = np.cumsum(random.random(90) < 0.1) % 2 == 1
    at_s = np.arange(0, 5400, 30) + random.uniform(0, 30, 180)
    mat_s = np.arange(0, 5400, 15) + random.uniform(0, 15, 360)
    parts = (
        bracelet(at_s, heart_rate_bpm=np.where(odd[(at_s // 60).astype(int)], 100.0, 70.0), steps=at_s // 3),
        mat(mat_s, heart_rate_bpm=68.0),
    )
    quick = FusionSettings(held_min=2, agree_min=2)

    def run(pieces: list[Any]) -> list[str]:
        bank = Bank([Fusion(quick)], 1)
        bank.update([bracelet(-60), mat(-60)], T0_MS)
        return [repr(f) for piece in pieces for f in bank.update([piece], T0_MS)]

    edges_s = np.arange(0, 5401, 300)
    coarse = [
        part.take((part.time_ms >= T0_MS + 1000 * a) & (part.time_ms < T0_MS + 1000 * b))
        for a, b in itertools.pairwise(edges_s)
        for part in parts
    ]
    fine_s = np.unique(np.concatenate([[0], edges_s, np.array(cuts) * 5400])).astype(int)
    fine = []
    for a, b in itertools.pairwise(fine_s):
        for which in random.permutation(2):
            part = parts[which]
            piece = part.take((part.time_ms >= T0_MS + 1000 * a) & (part.time_ms < T0_MS + 1000 * b))
            fine.append(piece.take(random.permutation(len(piece))))
    assert run(fine) == run(coarse)
