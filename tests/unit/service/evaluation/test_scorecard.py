"""Scores against figures worked out by hand."""

import math

import pytest

from service.evaluation.scorecard import Raised, Result, Share, area_under_roc, by_group, scorecard
from simulators.recording import Entry


def result(
    event: str,
    *alarms: float | tuple[float, float],
    onset_s: float = math.nan,
    hours: float = 1.0,
    group: str = "a",
    score: float = 0.0,
) -> Result:
    entry = Entry("x.npz", "motion", group, "young", "F01", event, onset_s, math.nan, hours * 3600, 50.0)
    raised = tuple(Raised(*alarm) if isinstance(alarm, tuple) else Raised(alarm, 0.9) for alarm in alarms)
    return Result(entry, raised, hours * 3600, score)


def test_an_interval_is_wilsons() -> None:
    # 8 of 10: 0.4902 to 0.9433 (Agresti, Coull 1998, and any textbook).
    low, high = Share(8, 10).interval
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Share(10, 10).interval == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert math.isnan(Share(0, 0).value)


def test_rates_are_by_recording() -> None:
    card = scorecard(
        [
            result("fall", 6.0, 9.0, onset_s=5.0),
            result("fall", onset_s=5.0),
            result(""),
            result("", 1.0, 2.0, hours=3.0),
        ]
    )
    assert (card.sensitivity.hits, card.sensitivity.total) == (1, 2)
    assert (card.specificity.hits, card.specificity.total) == (1, 2)
    assert card.false_alarms_per_hour == pytest.approx(2 / 4)
    assert card.hours == pytest.approx(6.0)
    assert card.delay_p50_s == pytest.approx(1.0)


def test_an_alarm_before_the_onset_finds_no_fall() -> None:
    card = scorecard([result("fall", 3.0, onset_s=5.0)])
    assert card.sensitivity.hits == 0
    assert card.early_alarms == 1
    assert math.isnan(card.delay_p50_s)


def test_a_fall_without_a_labelled_onset_is_found_by_any_alarm_and_has_no_delay() -> None:
    card = scorecard([result("fall", 3.0)])
    assert card.sensitivity.hits == 1
    assert math.isnan(card.delay_p50_s)


def test_the_area_under_the_curve_counts_ties_half() -> None:
    assert area_under_roc([1.0, 1.0, 0.0], [0.0, 1.0]) == pytest.approx((0.5 + 1 + 0.5 + 1 + 0.5 + 0) / 6)
    assert area_under_roc([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert math.isnan(area_under_roc([], [1.0]))


def test_the_curve_is_that_of_the_highest_scores_whether_they_raised_an_alarm_or_not() -> None:
    results = [result("fall", (6.0, 0.9), score=0.9), result("fall", score=0.4), result("", score=0.5), result("")]
    assert scorecard(results).auc == pytest.approx(3 / 4)


def test_groups_are_told_apart() -> None:
    cards = by_group([result("", group="b"), result("", 1.0, group="a"), result("", group="")], lambda e: e.subject)
    assert list(cards) == ["a", "b"]
    assert [card.specificity.hits for card in cards.values()] == [0, 1]
