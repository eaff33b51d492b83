"""A bracelet on the table, on the charger, and on the wrist again."""

from typing import Any

import numpy as np

from alerts.detectors.wear import Wear
from alerts.findings import Condition, Priority
from ingest.readings import Status, Vitals

HALF_HOUR_S = 1800


def test_half_an_hour_on_the_table_is_told_once_and_ends_when_worn(fed: Any, readings: Any, said: Any) -> None:
    wear = fed(Wear())
    assert wear(readings(Vitals, np.arange(0, HALF_HOUR_S, 60), worn=0, heart_rate_bpm=0)) == []
    (finding,) = wear(readings(Vitals, [HALF_HOUR_S, HALF_HOUR_S + 60], worn=0))
    assert (finding.condition, finding.cause, finding.priority) == (Condition.DEVICE, "not_worn", Priority.LOW)
    assert finding.evidence == (("not_worn_s", 1800.0), ("limit_not_worn_s", 1800.0))
    assert said(wear(readings(Vitals, 3600, worn=1))) == [("not_worn", "ended", 0.0)]


def test_being_worn_in_between_begins_the_time_anew(fed: Any, readings: Any) -> None:
    at_s = np.arange(0, 2 * HALF_HOUR_S - 60, 60)
    assert fed(Wear())(readings(Vitals, at_s, worn=at_s == HALF_HOUR_S - 60)) == []


def test_a_reading_that_does_not_say_changes_nothing(fed: Any, readings: Any, said: Any) -> None:
    found = fed(Wear())(readings(Vitals, [0, 900, 1800], worn=[0, -1, 0]))
    assert said(found) == [("not_worn", "began", 0.0)]


def test_on_the_charger_it_is_where_it_belongs(fed: Any, readings: Any, said: Any) -> None:
    wear = fed(Wear())
    wear(readings(Status, 0, charging=1))
    assert wear(readings(Vitals, np.arange(0, 4000, 60), worn=0)) == []
    wear(readings(Status, 4000, charging=0))
    assert wear(readings(Vitals, np.arange(4060, 4060 + HALF_HOUR_S, 60), worn=0)) == []
    assert said(wear(readings(Vitals, 6000, worn=0))) == [("not_worn", "began", 4060.0)]
    assert said(wear(readings(Status, 6100, charging=1))) == [("not_worn", "ended", 4060.0)]


def test_being_worn_takes_it_off_the_charger(fed: Any, readings: Any, said: Any) -> None:
    wear = fed(Wear())
    wear(readings(Status, 0, charging=1, worn=0))
    wear(readings(Vitals, 60, worn=1))
    assert len(wear(readings(Vitals, [120, 2000], worn=0))) == 1


def test_a_status_tells_it_too(fed: Any, readings: Any, said: Any) -> None:
    assert said(fed(Wear())(readings(Status, [0, 2000], worn=0))) == [("not_worn", "began", 0.0)]
