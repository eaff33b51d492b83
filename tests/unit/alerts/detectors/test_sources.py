"""Of bracelet and mat the better counts, in the early-warning score and where it is shown."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bank import Bank
from alerts.detectors.early_warning import EarlyWarning, EarlyWarningSettings, standing
from alerts.detectors.fused import FusedSign, fused
from alerts.detectors.fusion import Fusion
from alerts.detectors.medical import Medical
from alerts.detectors.news2 import INPUTS
from alerts.detectors.scored import Score
from alerts.detectors.signs import SIGNS
from ingest.readings import Bed, Vitals
from tests.unit.alerts.detectors.conftest import T0_MS, Fed, _readings
from tests.unit.alerts.detectors.test_news2 import EDGES

BETTER_S, EXPIRES_S = 120.0, 900.0


def bracelet(at_s: Any, quality: Any = np.nan, **columns: Any) -> Any:
    return _readings(Vitals, at_s, **{"worn": 1, "quality": quality} | columns)


def mat(at_s: Any, quality: Any = np.nan, **columns: Any) -> Any:
    return _readings(Bed, at_s, **{"present": 1, "quality": quality} | columns)


def score_of(early: Fed, at_s: float) -> Score:
    return standing(early.state[:1], early.params[:1], T0_MS + round(at_s * 1000))[0]


def heart(early: Fed, at_s: float) -> tuple[str, float, float | None]:
    counts = score_of(early, at_s).inputs[0].counts
    assert counts is not None
    return counts.source, counts.value, counts.quality


@pytest.mark.parametrize(
    ("bracelet_s", "bracelet_quality", "mat_s", "mat_quality", "counts"),
    [
        (100, 0.6, 60, 0.95, "bed_mat"),
        (100, 0.95, 60, 0.6, "bracelet"),
        (60, 0.6, 100, 0.95, "bed_mat"),
        (60, 0.95, 100, 0.6, "bracelet"),
        # The better, but not so much earlier.
        (60 + BETTER_S, 0.6, 60, 0.95, "bed_mat"),
        (61 + BETTER_S, 0.6, 60, 0.95, "bracelet"),
        (60, 0.95, 61 + BETTER_S, 0.6, "bed_mat"),
        # Equally good: the bracelet's.
        (60, 0.8, 100, 0.8, "bracelet"),
        (100, np.nan, 100, np.nan, "bracelet"),
        # Of unsaid quality: better than 0.59, and not than 0.6.
        (100, np.nan, 100, 0.61, "bed_mat"),
        (100, np.nan, 100, 0.6, "bracelet"),
        (100, 0.59, 100, np.nan, "bed_mat"),
        # Poor: as if never sent.
        (100, 0.49, 60, 0.5, "bed_mat"),
    ],
)
def test_the_better_of_two_counts(
    bracelet_s: float, bracelet_quality: float, mat_s: float, mat_quality: float, counts: str
) -> None:
    parts = [bracelet(bracelet_s, bracelet_quality, heart_rate_bpm=92), mat(mat_s, mat_quality, heart_rate_bpm=66)]
    for order in itertools.permutations(parts):
        early = Fed(EarlyWarning())
        for part in order:
            early(part)
        source, value, quality = heart(early, 200)
        assert (source, value) == (counts, 92.0 if counts == "bracelet" else 66.0)
        expected = bracelet_quality if counts == "bracelet" else mat_quality
        assert quality is None if np.isnan(expected) else quality == expected


def test_what_has_expired_stands_against_nothing() -> None:
    early = Fed(EarlyWarning(EarlyWarningSettings(better_s=2 * EXPIRES_S)))
    early(mat(0, 0.95, heart_rate_bpm=66))
    early(bracelet(60, 0.6, heart_rate_bpm=92))
    assert heart(early, EXPIRES_S) == ("bed_mat", 66.0, 0.95)
    assert heart(early, EXPIRES_S + 1) == ("bracelet", 92.0, 0.6)
    assert score_of(early, EXPIRES_S + 61).inputs[0].known is False


def test_poor_readings_of_one_neither_raise_nor_hide_against_the_better() -> None:
    ill, well = (
        {"heart_rate_bpm": 135.0, "respiration_per_min": 26.0},
        {"heart_rate_bpm": 66.0, "respiration_per_min": 14.0},
    )
    at_s = np.arange(0, 600, 30)
    for ill_quality, well_quality, raised in [(0.55, 0.95, False), (0.95, 0.55, True)]:
        for first, second in ((bracelet, mat), (mat, bracelet)):
            early, found = Fed(EarlyWarning()), []
            for moment_s in at_s:
                found += early(second(moment_s, well_quality, **well))
                found += early(first(moment_s + 10, ill_quality, **ill))
            assert bool(found) is raised


def test_an_alarm_says_whose_values_it_counts_and_what_the_other_says() -> None:
    early, found = Fed(EarlyWarning()), []
    for moment_s in (0, 30, 60):
        found += early(bracelet(moment_s, 0.6, heart_rate_bpm=70.0, spo2_pct=91))
        found += early(mat(moment_s + 5, 0.9, heart_rate_bpm=115.0, respiration_per_min=22.0))
    evidence = dict(found[0].evidence)
    assert (evidence["heart_rate_bpm"], evidence["measured_by_heart_rate_bpm"]) == (115.0, "bed_mat")
    assert evidence["other_heart_rate_bpm"] == 70.0
    assert not any(name.endswith(("by_respiration_per_min", "by_spo2_pct")) for name in evidence)


def test_whoever_left_the_bed_is_not_judged_by_the_mat() -> None:
    early, found = Fed(EarlyWarning()), []
    early(mat(0, 0.95, heart_rate_bpm=66.0, respiration_per_min=14.0))
    for moment_s in range(5, 300, 5):
        found += early(mat(moment_s, 0.95, present=0))
        found += early(bracelet(moment_s, 0.7, heart_rate_bpm=135.0, respiration_per_min=26.0))
    assert [(f.onset_ms - T0_MS) / 1000 for f in found] == [BETTER_S + 5]


MOMENT_S = st.integers(0, 1200)
RATE = st.none() | st.integers(20, 150)
QUALITY = st.sampled_from([np.nan, 0.4, 0.6, 0.8, 0.95])
READING = st.tuples(st.booleans(), MOMENT_S, QUALITY, RATE, st.none() | st.integers(5, 30))


def _fed(early: Fed, readings: Any) -> Fed:
    for on_mat, at_s, quality, heart_rate, respiration in readings:
        rates = {"heart_rate_bpm": heart_rate, "respiration_per_min": respiration}
        early((mat if on_mat else bracelet)(at_s, quality, **{k: np.nan if v is None else v for k, v in rates.items()}))
    return early


@settings(max_examples=100, deadline=None)
@given(st.lists(READING, max_size=12), st.randoms(use_true_random=False))
def test_whichever_is_heard_first_the_score_is_that_of_the_definition(readings: list[Any], random: Any) -> None:
    """Reckoned once more, reading by reading, from what is written: nothing of the detector is used for it."""
    shuffled = list(readings)
    random.shuffle(shuffled)
    early = _fed(Fed(EarlyWarning()), shuffled)
    now_s = max((one[1] for one in readings), default=0) + 30
    score = score_of(early, now_s)
    for sign, column in ((0, 3), (2, 4)):
        latest: dict[bool, Any] = {}
        for one in readings:
            if one[column] is not None and not one[2] < 0.5:
                key = (one[1], 1023 if np.isnan(one[2]) else one[2], one[column])
                latest[one[0]] = max(latest.get(one[0], key), key)
        fresh = {on_mat: key for on_mat, key in latest.items() if now_s - key[0] <= EXPIRES_S}
        newest_s = max((key[0] for key in fresh.values()), default=0)
        stand = {on_mat: key for on_mat, key in fresh.items() if newest_s - key[0] <= BETTER_S}
        best = max(
            stand, key=lambda on_mat: (0.6 if stand[on_mat][1] == 1023 else stand[on_mat][1], not on_mat), default=None
        )
        counts = score.inputs[sign].counts
        assert score.inputs[sign].known is (best is not None)
        if best is not None:
            assert counts is not None
            assert (counts.source, counts.value) == ("bed_mat" if best else "bracelet", stand[best][2])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(READING, max_size=8),
    st.sampled_from(range(len(SIGNS))),
    st.booleans(),
    QUALITY,
    st.integers(20, 130),
    st.sampled_from([None, "air", "oxygen"]),
    st.sampled_from([1, 2]),
)
def test_a_further_input_never_widens_the_interval(
    readings: list[Any], sign: int, on_mat: bool, quality: float, value: int, oxygen: Any, scale: Any
) -> None:
    """Whichever source and quality: what becomes known narrows it; another word on what is known leaves it as wide."""
    early = Fed(EarlyWarning())
    early.params = EarlyWarning().of_residents([Medical("r", scale, oxygen)] * 4)
    _fed(early, readings)
    now_s = 1200.0
    before = score_of(early, now_s)
    kind = mat if on_mat and sign in (0, 2) else bracelet
    early(kind(now_s, quality, **{SIGNS[sign]: value}))
    after = score_of(early, now_s)
    for score in (before, after):
        interval = score.interval
        assert interval.known == sum(one.known for one in score.inputs) < len(INPUTS)
        assert interval.name == "early_warning_score"
        assert (interval.lowest, interval.highest) == (
            sum(one.fewest for one in score.inputs), sum(one.most for one in score.inputs)
        )  # fmt: skip
    assert after.interval.highest - after.interval.lowest <= before.interval.highest - before.interval.lowest
    if not before.inputs[sign].known:
        assert before.interval.lowest <= after.interval.lowest <= after.interval.highest <= before.interval.highest


def test_with_all_six_that_can_be_known_it_is_still_not_called_news2() -> None:
    early = Fed(EarlyWarning())
    early.params = EarlyWarning().of_residents([Medical("r", 1, "air")] * 4)
    early(mat(0, 0.9, heart_rate_bpm=132.0, respiration_per_min=26.0))
    early(bracelet(10, 0.6, heart_rate_bpm=70.0, spo2_pct=97, temperature_c=36.5, systolic_mmhg=120))
    (finding,) = early(mat(70, 0.9, heart_rate_bpm=132.0, respiration_per_min=26.0))
    assert dict(finding.evidence)["inputs_known"] == 6
    assert dict(finding.evidence)["score"] == "early_warning_score"
    assert "news2" not in repr(finding)


@pytest.mark.parametrize(("name", "medical", "value", "expected"), EDGES)
def test_every_edge_of_the_chart_counts_by_the_better_source(
    name: str, medical: Medical | None, value: float, expected: int
) -> None:
    both = name in ("heart_rate_bpm", "respiration_per_min")
    for better, poorer in ((bracelet, mat), (mat, bracelet)) if both else ((bracelet, mat),):
        early = Fed(EarlyWarning())
        early.params = EarlyWarning().of_residents([medical] * 4)
        early(better(50, 0.9, **{name: value}))
        early(poorer(60, 0.6, heart_rate_bpm=70.0, respiration_per_min=15.0))
        one = score_of(early, 70).inputs[SIGNS.index(name)]
        assert (one.fewest, one.most) == (expected, expected)
        assert one.counts is not None
        assert one.counts.source == ("bracelet" if better is bracelet else "bed_mat")


def test_signs_are_shown_with_the_other_beside_them_and_whether_they_are_apart() -> None:
    def shown(at_s: float) -> dict[str, FusedSign]:
        score, _ = standing(early.state[:1], early.params[:1], T0_MS + round(at_s * 1000))
        view = fused(score, round(BETTER_S * 1000), fusion.state[:1], fusion.params[:1])
        assert view.disagree_since_ms is None
        return {one.name: one for one in view.signs}

    early, fusion = Fed(EarlyWarning()), Fed(Fusion())
    for part in (bracelet(100, 0.6, heart_rate_bpm=90.0, spo2_pct=96.0), mat(60, 0.95, heart_rate_bpm=66.0)):
        early(part)
        fusion(part)
    one = shown(130)["heart_rate_bpm"]
    assert one.best is not None
    assert (one.best.source, one.best.value, one.best.quality, one.best.age_ms) == ("bed_mat", 66.0, 0.95, 70_000)
    assert one.other is not None
    assert (one.other.source, one.other.value, one.apart) == ("bracelet", 90.0, True)
    spo2 = shown(130)["spo2_pct"]
    assert spo2.best is not None
    assert (spo2.best.source, spo2.other, spo2.apart) == ("bracelet", None, False)
    assert shown(130)["temperature_c"].best is None
    assert shown(2000)["heart_rate_bpm"] == FusedSign("heart_rate_bpm", None, None, False)
    early(bracelet(300, 0.6, heart_rate_bpm=90.0))
    later = shown(300)["heart_rate_bpm"]
    assert later.best is not None
    assert (later.best.source, later.other is not None, later.apart) == ("bracelet", True, False)


def test_two_devices_of_a_resident_are_the_two_sources() -> None:
    bank = Bank([EarlyWarning()], 3)
    bank.lead(["r", None, "r"])
    bank.update([_readings(Vitals, 10, 2, heart_rate_bpm=92, quality=0.6)], T0_MS)
    bank.update([_readings(Bed, 0, 0, heart_rate_bpm=66, quality=0.9, present=1)], T0_MS)
    state, params = bank.of_resident("early_warning", "r")
    counts = standing(state, params, T0_MS)[0].inputs[0].counts
    assert counts is not None
    assert (counts.source, counts.value) == ("bed_mat", 66.0)
