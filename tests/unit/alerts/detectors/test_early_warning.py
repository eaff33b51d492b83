"""The early-warning score of a resident of whom not everything is known."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from alerts.bank import Bank
from alerts.detectors.early_warning import EarlyWarning, EarlyWarningSettings
from alerts.detectors.medical import Medical
from alerts.findings import Change, Condition, Priority
from ingest.readings import Bed, Vitals

FIVE = {"heart_rate_bpm": 115, "respiration_per_min": 26}  # 2 + 3
SEVEN = FIVE | {"spo2_pct": 93}  # + 2
WELL = {"heart_rate_bpm": 70, "respiration_per_min": 15, "spo2_pct": 97}


def test_a_total_of_five_that_holds_is_of_medium_priority(fed: Any, readings: Any) -> None:
    score = fed(EarlyWarning())
    assert score(readings(Vitals, [0, 30], **FIVE)) == []
    (finding,) = score(readings(Vitals, 60, **FIVE))
    assert (finding.condition, finding.cause) == (Condition.VITALS, "early_warning")
    assert finding.priority is Priority.MEDIUM
    assert finding.found_ms - finding.onset_ms == 60_000


def test_the_evidence_is_the_interval_and_each_input_with_its_points_and_age(fed: Any, readings: Any) -> None:
    score = fed(EarlyWarning())
    score.params = EarlyWarning().of_residents([Medical("r", 1, "air"), None, None, None])
    score(readings(Vitals, 0, temperature_c=38.5))
    (finding,) = score(readings(Vitals, [0, 60], heart_rate_bpm=120, respiration_per_min=22, temperature_c=np.nan))
    assert finding.evidence == (
        ("score", "early_warning_score"), ("score_lowest", 5), ("score_highest", 14), ("inputs_known", 4),
        ("heart_rate_bpm", 120.0), ("points_heart_rate_bpm", 2), ("age_heart_rate_bpm_s", 0.0),
        ("respiration_per_min", 22.0), ("points_respiration_per_min", 2), ("age_respiration_per_min_s", 0.0),
        ("temperature_c", 38.5), ("points_temperature_c", 1), ("age_temperature_c_s", 60.0),
        ("breathes", "air"), ("points_breathes", 0),
        ("held_s", 60.0),
    )  # fmt: skip


def test_seven_at_once_is_one_alarm_and_high(fed: Any, readings: Any) -> None:
    (finding,) = fed(EarlyWarning())(readings(Vitals, [0, 60], **SEVEN))
    assert finding.priority is Priority.HIGH


def test_five_that_become_seven_make_the_alarm_graver(fed: Any, readings: Any, said: Any) -> None:
    score = fed(EarlyWarning())
    found = score(readings(Vitals, [0, 60, 120, 180, 240], **FIVE, spo2_pct=[97, 97, 93, 93, 93]))
    assert [(f.priority, f.onset_ms % 1_000_000 // 1000) for f in found] == [
        (Priority.MEDIUM, 0), (Priority.HIGH, 120),
    ]  # fmt: skip
    assert {f.change for f in found} == {Change.BEGAN}
    assert said(score(readings(Vitals, 300, **WELL))) == [
        ("early_warning", "ended", 0.0), ("early_warning", "ended", 120.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("spo2_pct", "raised"), [(91, 0), (85, 0)])
def test_one_extreme_sign_alone_is_its_own_limits_business(
    fed: Any, readings: Any, spo2_pct: float, raised: int
) -> None:
    found = fed(EarlyWarning())(readings(Vitals, np.arange(0, 600, 60), **WELL | {"spo2_pct": spo2_pct}))
    assert len(found) == raised


def test_it_ends_only_well_below(fed: Any, readings: Any, said: Any) -> None:
    score = fed(EarlyWarning())
    score(readings(Vitals, [0, 60], **FIVE))
    assert score(readings(Vitals, 120, heart_rate_bpm=105, respiration_per_min=26)) == []  # 1 + 3
    assert said(score(readings(Vitals, 180, heart_rate_bpm=105, respiration_per_min=22))) == [
        ("early_warning", "ended", 0.0)  # 1 + 2
    ]


def test_a_short_rise_is_no_alarm(fed: Any, readings: Any) -> None:
    heart_rate_bpm = [115, 115, 80, 115, 115, 80]
    found = fed(EarlyWarning())(
        readings(Vitals, [0, 30, 60, 90, 120, 150], heart_rate_bpm=heart_rate_bpm, respiration_per_min=26)
    )
    assert found == []


@pytest.mark.parametrize(
    ("sign", "value", "expires_s"),
    [("heart_rate_bpm", 135, 900), ("spo2_pct", 90, 900), ("respiration_per_min", 30, 900),
     ("temperature_c", 34, 3600), ("systolic_mmhg", 85, 21_600)],
)  # fmt: skip
def test_an_input_counts_until_it_expires(fed: Any, readings: Any, sign: str, value: float, expires_s: int) -> None:
    other = {"respiration_per_min": 23} if sign == "heart_rate_bpm" else {"heart_rate_bpm": 115}
    for since_s, raised in [(expires_s - 60, True), (expires_s - 59, False)]:
        score = fed(EarlyWarning())
        score(readings(Vitals, 0, **{sign: value}))
        found = score(readings(Vitals, [since_s, since_s + 60], **other))
        assert bool(found) is raised, since_s


def test_an_alarm_does_not_end_because_an_input_expired(fed: Any, readings: Any, said: Any) -> None:
    score = fed(EarlyWarning())
    score(readings(Vitals, 0, systolic_mmhg=85, temperature_c=39.5))  # 3 + 2
    assert len(score(readings(Vitals, [10, 70], heart_rate_bpm=80))) == 1
    later_s = np.arange(100, 40_000, 300)
    assert score(readings(Vitals, later_s, heart_rate_bpm=80)) == []
    assert score(readings(Vitals, 41_000, temperature_c=37.5)) != [], "measured again: 3 points are left"


def test_what_had_expired_before_the_alarm_does_not_hold_it(fed: Any, readings: Any, said: Any) -> None:
    score = fed(EarlyWarning())
    score(readings(Vitals, 0, temperature_c=34))  # 3, expired an hour later
    score(readings(Vitals, [7200, 7260], **FIVE))
    assert said(score(readings(Vitals, 7300, **WELL))) == [("early_warning", "ended", 7200.0)]


def test_poor_readings_and_a_bracelet_on_the_table_are_as_if_never_sent(fed: Any, readings: Any) -> None:
    at_s = np.arange(0, 600, 60)
    assert fed(EarlyWarning())(readings(Vitals, at_s, **SEVEN, worn=0)) == []
    assert fed(EarlyWarning())(readings(Vitals, at_s, **SEVEN, quality=0.4)) == []
    assert len(fed(EarlyWarning())(readings(Vitals, at_s, **SEVEN, worn=1, quality=0.5))) == 1
    assert fed(EarlyWarning())(readings(Bed, at_s, **FIVE, present=0)) == []


def test_oxygen_counts_where_somebody_said_so(fed: Any, readings: Any) -> None:
    score = fed(EarlyWarning())
    people = [Medical("a", 1, "oxygen"), Medical("b", 1, "air"), Medical("c", 2, "oxygen"), Medical("d", 2)]
    score.params = EarlyWarning().of_residents(people)
    at_s, row = np.repeat([0, 60], 4), np.tile(np.arange(4), 2)
    found = score(readings(Vitals, at_s, row, spo2_pct=97, heart_rate_bpm=95, respiration_per_min=22))
    # 2 + 0 + 1 + 2 = 5; 3; 2 + 3 + 1 + 2 = 8; 3 at least
    assert [(f.row, f.priority) for f in found] == [(0, Priority.MEDIUM), (2, Priority.HIGH)]


def test_the_devices_of_a_resident_make_one_score_whatever_their_clocks(readings: Any) -> None:
    """A bracelet, a mat whose clock is ahead, and a cuff: in whichever order their batches come."""
    parts = [
        [readings(Vitals, at_s, 4, heart_rate_bpm=115) for at_s in (0, 60, 120)],
        [readings(Bed, at_s + 100, 1, respiration_per_min=23, present=1) for at_s in (0, 60, 120)],
        [readings(Vitals, 30, 3, systolic_mmhg=105)],
    ]
    for order in permutations(parts):
        bank = Bank([EarlyWarning()], 6)
        bank.lead(["x", "r", None, "r", "r", "x"])
        batches = [batch for part in order for batch in part] + [readings(Vitals, 290, 4, heart_rate_bpm=115)]
        found = [f for batch in batches for f in bank.update([batch], int(batch.received_ms[0]))]
        assert [(f.row, f.change) for f in found] == [(1, Change.BEGAN)]
        assert dict(found[0].evidence)["score_lowest"] == 5


def test_the_graver_level_may_not_be_under_the_other() -> None:
    with pytest.raises(AssertionError):
        EarlyWarning(replace(EarlyWarningSettings(), high_at=4))
    with pytest.raises(AssertionError):
        EarlyWarning(replace(EarlyWarningSettings(), clear_at=5))
