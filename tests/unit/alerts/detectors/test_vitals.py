"""Limits on vital signs."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.medical import Medical
from alerts.detectors.vitals import LIMITS, Limit, VitalLimits, VitalSettings
from alerts.findings import Condition, Priority
from ingest.readings import Bed, Vitals

COLUMN = {
    "heart_rate": "heart_rate_bpm",
    "spo2": "spo2_pct",
    "respiration": "respiration_per_min",
    "temperature": "temperature_c",
    "systolic": "systolic_mmhg",
}
#: The bands of NEWS2 chart 1 beyond which a sign alone asks for review, and the next value that does not.
EDGES = {
    "heart_rate_low": (40, 41),
    "heart_rate_high": (131, 130),
    "spo2_low": (91, 92),
    "respiration_low": (8, 9),
    "respiration_high": (25, 24),
    "temperature_low": (35.0, 35.1),
    "temperature_high": (39.1, 39.0),
    "systolic_low": (90, 91),
    "systolic_high": (220, 219),
}


def test_every_limit_has_an_edge_here() -> None:
    assert set(LIMITS) == EDGES.keys() | {"spo2_high"}


@pytest.mark.parametrize("cause", EDGES)
def test_each_limit_raises_at_its_band_of_news2_and_not_one_before(fed: Any, readings: Any, cause: str) -> None:
    column = COLUMN[cause.rpartition("_")[0]]
    beyond, within = EDGES[cause]
    at_s = np.arange(0, 61, 5.0)
    (finding,) = fed(VitalLimits())(readings(Vitals, at_s, **{column: beyond}))
    assert finding.cause == cause
    assert finding.condition is Condition.VITALS
    assert finding.priority is Priority.HIGH
    assert dict(finding.evidence)[column] == beyond
    assert [name for name, _ in finding.evidence][1].startswith("limit_")
    assert fed(VitalLimits())(readings(Vitals, at_s, **{column: within})) == []


def test_the_evidence_bears_values_limits_and_units(fed: Any, readings: Any) -> None:
    (finding,) = fed(VitalLimits())(readings(Vitals, [0, 16], spo2_pct=84.0))
    assert finding.evidence == (("spo2_pct", 84.0), ("limit_pct", 91.0), ("held_s", 16.0))
    (finding,) = fed(VitalLimits())(readings(Vitals, [0, 16], heart_rate_bpm=140.0))
    assert dict(finding.evidence)["limit_bpm"] == 131.0


def test_a_short_dip_is_no_alarm(fed: Any, readings: Any) -> None:
    spo2 = fed(VitalLimits())
    assert spo2(readings(Vitals, [0, 5, 10, 14, 20], spo2_pct=[96, 88, 88, 96, 96])) == []


def test_the_delay_counts_an_unbroken_run(fed: Any, readings: Any, said: Any) -> None:
    found = fed(VitalLimits())(readings(Vitals, np.arange(0, 60, 5), spo2_pct=[88, 88, 92, *[88] * 9]))
    assert said(found) == [("spo2_low", "began", 15.0)]
    assert found[0].found_ms - found[0].onset_ms == 15_000


def test_an_alarm_ends_only_well_within_the_limit(fed: Any, readings: Any, said: Any) -> None:
    spo2 = fed(VitalLimits())
    spo2(readings(Vitals, [0, 20], spo2_pct=88))
    assert spo2(readings(Vitals, [25, 30, 35], spo2_pct=92)) == []
    assert said(spo2(readings(Vitals, 40, spo2_pct=93))) == [("spo2_low", "ended", 0.0)]


def test_values_between_the_levels_do_not_make_an_alarm_chatter(fed: Any, readings: Any) -> None:
    values = np.where(np.arange(200) % 2, 91, 92)
    found = fed(VitalLimits(VitalSettings(spo2_low=Limit(91, 93, 0))))(
        readings(Vitals, np.arange(200), spo2_pct=values)
    )
    assert len(found) == 1


def test_a_bracelet_on_the_table_is_never_no_pulse(fed: Any, readings: Any) -> None:
    assert fed(VitalLimits())(readings(Vitals, np.arange(60), heart_rate_bpm=0, spo2_pct=0, worn=0)) == []


def test_taking_the_bracelet_off_ends_no_alarm_and_breaks_a_run(fed: Any, readings: Any, said: Any) -> None:
    vitals = fed(VitalLimits())
    assert said(vitals(readings(Vitals, [0, 20], spo2_pct=85, worn=1))) == [("spo2_low", "began", 0.0)]
    assert vitals(readings(Vitals, [25, 30], spo2_pct=98, worn=0)) == []
    vitals = fed(VitalLimits())
    assert vitals(readings(Vitals, [0, 10, 20], spo2_pct=85, worn=[1, 0, 1])) == []


def test_poor_readings_are_as_if_never_sent(fed: Any, readings: Any, said: Any) -> None:
    vitals = fed(VitalLimits())
    assert vitals(readings(Vitals, np.arange(60), spo2_pct=70, quality=0.2)) == []
    assert said(vitals(readings(Vitals, [60, 70, 80], spo2_pct=[85, 98, 85], quality=[0.9, 0.1, 0.9]))) == [
        ("spo2_low", "began", 60.0)
    ]


def test_a_sign_that_is_not_sent_neither_raises_nor_ends(fed: Any, readings: Any, said: Any) -> None:
    vitals = fed(VitalLimits())
    found = vitals(readings(Vitals, [0, 5, 10, 20], spo2_pct=[85, np.nan, np.nan, 85], heart_rate_bpm=70))
    assert said(found) == [("spo2_low", "began", 0.0)]


def test_a_resident_may_have_other_limits(fed: Any, readings: Any) -> None:
    vitals = fed(VitalLimits())
    hers = Medical("r", limits=(("spo2_low", Limit(85.0, 87.0, 15.0)),))
    vitals.params = VitalLimits().of_residents([None, hers, None, None])
    found = vitals(readings(Vitals, [0, 0, 20, 20], [0, 1, 0, 1], spo2_pct=88))
    assert [f.row for f in found] == [0]


def test_a_mat_measures_while_somebody_lies_on_it(fed: Any, readings: Any, said: Any) -> None:
    found = fed(VitalLimits())(
        readings(Bed, [0, 0, 40, 40], [0, 1, 0, 1], respiration_per_min=30, present=[1, 0, 1, 0])
    )
    assert [(f.row, f.cause) for f in found] == [(0, "respiration_high")]


def test_several_signs_of_several_people_at_once(fed: Any, readings: Any) -> None:
    found = fed(VitalLimits())(
        readings(Vitals, [0, 0, 20, 20], [2, 3, 2, 3], spo2_pct=80, heart_rate_bpm=[150, 70, 150, 70])
    )
    assert sorted((f.row, f.cause) for f in found) == [(2, "heart_rate_high"), (2, "spo2_low"), (3, "spo2_low")]


def test_residents_on_scale_2_have_limits_of_their_own(fed: Any, readings: Any, said: Any) -> None:
    on_air, on_oxygen = Medical("a", 2, "air"), Medical("b", 2, "oxygen")
    for medical, spo2_pct, cause in [
        (on_air, 84, None), (on_air, 83, "spo2_low"), (on_air, 99, None),
        (on_oxygen, 83, "spo2_low"), (on_oxygen, 96, None), (on_oxygen, 97, "spo2_high"),
        (Medical("c", 2), 99, None), (Medical("d", 1, "oxygen"), 99, None), (Medical("d", 1, "oxygen"), 91, "spo2_low"),
    ]:  # fmt: skip
        vitals = fed(VitalLimits(), 1)
        vitals.params = VitalLimits().of_residents([medical])
        found = vitals(readings(Vitals, np.arange(0, 90, 5), spo2_pct=spo2_pct))
        assert [f.cause for f in found] == ([] if cause is None else [cause]), (medical, spo2_pct)


def test_own_limits_stand_before_those_of_the_scale(fed: Any, readings: Any) -> None:
    vitals = fed(VitalLimits(), 1)
    vitals.params = VitalLimits().of_residents([Medical("a", 2, limits=(("spo2_low", Limit(80.0, 82.0, 0.0)),))])
    assert vitals(readings(Vitals, 0, spo2_pct=82)) == []
    assert [f.cause for f in vitals(readings(Vitals, 5, spo2_pct=80))] == ["spo2_low"]


def test_a_limit_taken_away_ends_its_alarm(fed: Any, readings: Any, said: Any) -> None:
    vitals = fed(VitalLimits(), 1)
    vitals.params = VitalLimits().of_residents([Medical("b", 2, "oxygen")])
    assert len(vitals(readings(Vitals, [0, 60], spo2_pct=98))) == 1
    vitals.params = VitalLimits().of_residents([None])
    assert said(vitals(readings(Vitals, 65, spo2_pct=98))) == [("spo2_high", "ended", 0.0)]
