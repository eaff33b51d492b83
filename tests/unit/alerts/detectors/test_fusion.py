"""A bracelet and a mat side by side."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bank import Bank
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
    fusion(bracelet(0, heart_rate_bpm=70.0))
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


def minutes_apart(minutes: Any, source: Any, heart_rate_bpm: float) -> Any:
    return source(M0_S + 60.0 * np.asarray(minutes), heart_rate_bpm=heart_rate_bpm)


@pytest.mark.parametrize("ahead", [bracelet, mat])
def test_a_source_that_jumps_ahead_overwrites_nothing_that_is_not_compared_yet(ahead: Any, fed: Any) -> None:
    behind = mat if ahead is bracelet else bracelet
    fusion = met(fed, FusionSettings(held_min=5))
    fusion(minutes_apart([0, 1, 2, 3], ahead, 95.0))
    fusion(minutes_apart([0, 1, 2, 3, 4, 5], behind, 66.0))
    # Minutes 3 and 4 are over for the one behind; the batch that says so of the other goes on for a quarter of an hour.
    found = fusion(minutes_apart(np.arange(4, 20), ahead, 95.0))
    assert told(found) == [("sources_disagree", "began", M0_S, M0_S + 300.0)]


@pytest.mark.parametrize("gap_min", [7, 8, 9, 12, 16, 20])
@pytest.mark.parametrize("first", [0, 1])
def test_the_last_minute_before_both_fell_silent_is_compared(gap_min: int, first: int, fed: Any) -> None:
    pair = [(bracelet, 95.0), (mat, 66.0)]
    fusion = met(fed, FusionSettings(held_min=5))
    for source, rate in pair:
        assert fusion(minutes_apart(np.arange(5), source, rate)) == []
    found = []
    for source, rate in (pair[first], pair[1 - first]):
        found += fusion(minutes_apart([4 + gap_min], source, rate))
    assert told(found) == [("sources_disagree", "began", M0_S, M0_S + 300.0)]


def test_a_cuff_that_is_ahead_silences_no_bracelet(fed: Any) -> None:
    fusion = met(fed, FusionSettings(held_min=5))
    fusion(bracelet(MINUTES[30], systolic_mmhg=120.0))
    found = fusion(minutes_apart(np.arange(7), bracelet, 95.0)) + fusion(minutes_apart(np.arange(7), mat, 66.0))
    assert [f.change.value for f in found] == ["began"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_in_whatever_pieces_and_order_both_come_the_findings_are_the_same(seed: int, cuts: list[float]) -> None:
    """Once both were heard, and as long as neither is eight minutes ahead of the other."""
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
        bank.update([bracelet(-60, heart_rate_bpm=70.0), mat(-60)], T0_MS)
        return [repr(f) for piece in pieces for f in bank.update([piece], T0_MS)]

    edges_s = np.append(np.arange(0, 5400, 420), 5400)
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
