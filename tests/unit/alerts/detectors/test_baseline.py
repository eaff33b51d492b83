"""Slow change against the resident's own usual, in hours that a person can check."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.baseline import Baseline
from alerts.findings import Condition, Priority
from ingest.readings import Bed, Vitals

HOUR_S = 3600
DAY_S = 24 * HOUR_S
#: The fixed moment of the tests is 16:53:20 in China; from here on days begin at midnight.
MIDNIGHT_S = 7 * HOUR_S + 400
USUAL_BPM = 70


def at(day: float, hour: float, count: int = 1) -> Any:
    """Seconds of readings, six an hour, for `count` hours from an hour of a day on."""
    return MIDNIGHT_S + day * DAY_S + hour * HOUR_S + np.arange(6 * count) * 600.0


@pytest.fixture
def known(fed: Any, readings: Any) -> Any:
    """A detector that knows four days of somebody whose heart beats 70 times a minute at rest."""
    baseline = fed(Baseline(), 1)
    assert baseline(readings(Vitals, at(0, 0, 4 * 24), heart_rate_bpm=USUAL_BPM, steps=100.0)) == []
    return baseline


def test_what_is_far_from_the_usual_for_six_hours_is_told(known: Any, readings: Any, said: Any) -> None:
    assert known(readings(Vitals, at(4, 0, 6), heart_rate_bpm=88, steps=100.0)) == []
    (finding,) = known(readings(Vitals, at(4, 6), heart_rate_bpm=88, steps=100.0))
    assert (finding.condition, finding.cause) == (Condition.VITALS, "heart_rate_above_usual")
    assert finding.priority is Priority.MEDIUM
    assert said([finding]) == [("heart_rate_above_usual", "began", MIDNIGHT_S + 4 * DAY_S)]
    assert finding.evidence == (
        ("heart_rate_bpm", 88.0), ("usual_heart_rate_bpm", 70.7), ("held_s", 6.0 * HOUR_S),
        ("learned_s", 17.0 * 6 * HOUR_S), ("measured_by", "bracelet"),
    )  # fmt: skip


def test_it_ends_with_an_hour_that_is_nearly_as_usual(known: Any, readings: Any, said: Any) -> None:
    known(readings(Vitals, at(4, 0, 7), heart_rate_bpm=88, steps=100.0))
    assert known(readings(Vitals, at(4, 7, 2), heart_rate_bpm=80, steps=100.0)) == []
    found = known(readings(Vitals, at(4, 9, 2), heart_rate_bpm=72, steps=100.0))
    assert said(found) == [("heart_rate_above_usual", "ended", MIDNIGHT_S + 4 * DAY_S)]


def test_an_hour_as_usual_in_between_begins_the_count_anew(known: Any, readings: Any) -> None:
    heart_rate_bpm = np.repeat([88, 88, 88, 70, 88, 88, 88, 88, 88, 70], 6)
    assert known(readings(Vitals, at(4, 0, 10), heart_rate_bpm=heart_rate_bpm, steps=100.0)) == []


def test_it_needs_days(fed: Any, readings: Any) -> None:
    baseline = fed(Baseline(), 1)
    baseline(readings(Vitals, at(0, 0, 3 * 24), heart_rate_bpm=USUAL_BPM))
    assert baseline(readings(Vitals, at(3, 0, 20), heart_rate_bpm=120)) == []


@pytest.mark.parametrize(
    "columns",
    [{"worn": 0}, {"quality": 0.3}, {"steps": np.arange(60) * 10.0 + 200}],
    ids=["on the table", "poor", "walking"],
)
def test_only_rest_counts(known: Any, readings: Any, columns: dict[str, Any]) -> None:
    assert known(readings(Vitals, at(4, 0, 10), heart_rate_bpm=110, **{"steps": 100.0} | columns)) == []


def test_after_a_long_gap_the_hours_begin_anew(known: Any, readings: Any) -> None:
    known(readings(Vitals, at(4, 0, 5), heart_rate_bpm=88, steps=100.0))
    assert known(readings(Vitals, at(4, 13, 5), heart_rate_bpm=88, steps=100.0)) == []
    assert len(known(readings(Vitals, at(4, 18, 3), heart_rate_bpm=88, steps=100.0))) == 1


def test_bracelet_and_mat_make_one_alarm_that_the_last_of_them_ends(known: Any, readings: Any, said: Any) -> None:
    usual = {"heart_rate_bpm": 66, "moving_share": 0.1, "present": 1}
    assert known(readings(Bed, at(0, 0, 4 * 24), **usual)) == []
    began = [
        *known(readings(Vitals, at(4, 0, 7), heart_rate_bpm=88, steps=100.0)),
        *known(readings(Bed, at(4, 1, 7), **usual | {"heart_rate_bpm": 84})),
    ]
    assert said(began) == [("heart_rate_above_usual", "began", MIDNIGHT_S + 4 * DAY_S)]
    assert known(readings(Vitals, at(4, 7, 2), heart_rate_bpm=USUAL_BPM, steps=100.0)) == []
    ended = known(readings(Bed, at(4, 8, 2), **usual))
    assert said(ended) == [("heart_rate_above_usual", "ended", MIDNIGHT_S + 4 * DAY_S)]
    assert dict(ended[0].evidence)["measured_by"] == "bed_mat"


def test_turning_over_is_not_rest(fed: Any, readings: Any) -> None:
    baseline = fed(Baseline(), 1)
    baseline(readings(Bed, at(0, 0, 4 * 24), heart_rate_bpm=66, present=1))
    assert baseline(readings(Bed, at(4, 0, 10), heart_rate_bpm=90, present=1, moving_share=0.4)) == []


@pytest.mark.parametrize(
    ("sign", "usual", "nearly", "odd", "cause"),
    [
        ("heart_rate_bpm", 70, 59, 55, "heart_rate_below_usual"),
        ("spo2_pct", 97, 95, 93, "spo2_below_usual"),
        ("respiration_per_min", 15, 18, 20, "respiration_above_usual"),
        ("temperature_c", 36.5, 37.2, 37.5, "temperature_above_usual"),
    ],
)
def test_each_sign_in_its_direction(
    fed: Any, readings: Any, sign: str, usual: float, nearly: float, odd: float, cause: str
) -> None:
    baseline = fed(Baseline(), 1)
    assert baseline(readings(Vitals, at(0, 0, 4 * 24), **{sign: usual})) == []
    assert baseline(readings(Vitals, at(4, 0, 8), **{sign: nearly})) == []
    assert baseline(readings(Vitals, at(4, 8, 2), **{sign: usual})) == []
    (finding,) = baseline(readings(Vitals, at(4, 10, 8), **{sign: odd}))
    assert finding.cause == cause
    assert dict(finding.evidence)[sign] == odd


def test_a_day_of_fever_is_no_new_habit(known: Any, readings: Any) -> None:
    known(readings(Vitals, at(4, 0, 24), heart_rate_bpm=110, steps=100.0))
    level = known.state["level"][0, 0]
    assert (level >= USUAL_BPM).all()
    assert (level < USUAL_BPM + 4).all()


def test_a_record_is_small() -> None:
    assert Baseline.state_dtype.itemsize == 548
