"""A long pause in breathing."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.breathing_pause import BreathingPause
from alerts.findings import Priority
from ingest.readings import Bed

STILL = {"present": 1, "heart_rate_bpm": 58.0, "moving_share": 0.0, "quality": 0.9}


def night(readings: Any, at_s: Any, respiration_per_min: Any, **columns: Any) -> Any:
    return readings(Bed, at_s, respiration_per_min=respiration_per_min, **STILL | columns)


def test_a_pause_of_twenty_seconds_is_told_and_ends_with_a_breath(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BreathingPause())
    at_s = np.arange(100)
    found = mat(night(readings, at_s, np.where((at_s >= 30) & (at_s < 60), 0.0, 14.0)))
    assert said(found) == [("breathing_pause", "began", 30.0), ("breathing_pause", "ended", 30.0)]
    assert found[0].priority is Priority.HIGH
    assert dict(found[0].evidence) == {
        "respiration_per_min": 0.0,
        "held_s": 20.0,
        "limit_s": 20.0,
        "heart_rate_bpm": 58.0,
        "quality": 0.9,
    }
    assert found[1].found_ms - found[0].onset_ms == 30_000


def test_a_mat_that_reports_every_ten_seconds_says_it_three_times(fed: Any, readings: Any) -> None:
    mat = fed(BreathingPause())
    assert mat(night(readings, [0, 10, 20, 30], [14.0, 14.0, 0.0, 0.0])) == []
    assert len(mat(night(readings, 40, 0.0))) == 1


def test_an_apnoea_of_the_kind_people_have_every_night_is_not_told(fed: Any, readings: Any) -> None:
    at_s = np.arange(3600)
    assert fed(BreathingPause())(night(readings, at_s, np.where(at_s % 60 < 19, 0.0, 14.0))) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"present": -1},
        {"moving_share": 0.5},
        {"moving_share": np.nan},
        {"quality": 0.4},
        {"quality": np.nan},
        {"present": 0},
    ],
)
def test_only_good_readings_of_a_still_sleeper_count(columns: dict[str, float], fed: Any, readings: Any) -> None:
    mat = fed(BreathingPause())
    mat(night(readings, np.arange(30), 14.0))
    assert mat(night(readings, np.arange(30, 200), 0.0, **columns)) == []


def test_what_never_breathed_is_no_sleeper(fed: Any, readings: Any) -> None:
    """A suitcase, a mat that cannot measure respiration, and whoever has just come back."""
    mat = fed(BreathingPause())
    assert mat(night(readings, np.arange(200), 0.0)) == []
    mat(night(readings, np.arange(200, 230), 14.0))
    mat(night(readings, 230, np.nan, present=0))
    assert mat(night(readings, np.arange(231, 400), 0.0)) == []


def test_respiration_that_is_not_sent_beside_a_heart_beat_takes_longer(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BreathingPause())
    at_s = np.arange(200)
    found = mat(night(readings, at_s, np.where(at_s < 50, 14.0, np.nan)))
    assert said(found) == [("breathing_pause", "began", 50.0)]
    assert dict(found[0].evidence)["held_s"] == 60.0
    assert dict(found[0].evidence)["respiration_per_min"] == "not_measured"
    assert found[0].priority is Priority.MEDIUM
    mat = fed(BreathingPause())
    assert mat(night(readings, at_s, np.where(at_s < 50, 14.0, np.nan), heart_rate_bpm=np.nan)) == []


def test_what_was_lost_and_is_then_zero_is_told_again_as_more_urgent(fed: Any, readings: Any, said: Any) -> None:
    """As a beginning of its own, at the time from which it was 0; one end ends both."""
    mat = fed(BreathingPause())
    at_s = np.arange(200)
    respiration = np.select([at_s < 50, at_s < 120, at_s < 160], [14.0, np.nan, 0.0], 14.0)
    found = mat(night(readings, at_s, respiration))
    pause = "breathing_pause"
    assert said(found) == [(pause, "began", 50.0), (pause, "began", 120.0), (pause, "ended", 50.0)]
    assert [one.priority for one in found] == [Priority.MEDIUM, Priority.HIGH, Priority.HIGH]
    assert [one.found_ms - found[0].onset_ms for one in found] == [60_000, 90_000, 110_000]


def test_lost_readings_are_no_pause(fed: Any, readings: Any) -> None:
    mat = fed(BreathingPause())
    at_s = np.array([0, 5, 10, 15, 60, 65, 70, 75])
    assert mat(night(readings, at_s, [14.0, 14.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])) == []
    assert len(mat(night(readings, 81, 0.0))) == 1


def test_getting_up_ends_it_and_movement_does_not(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BreathingPause())
    at_s = np.arange(60)
    mat(night(readings, at_s, np.where(at_s < 30, 14.0, 0.0)))
    assert mat(night(readings, [60, 61], np.nan, moving_share=0.9)) == []
    assert said(mat(night(readings, 62, np.nan, present=0))) == [("breathing_pause", "ended", 30.0)]
