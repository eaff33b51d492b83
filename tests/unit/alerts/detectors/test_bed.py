"""Leaving the bed."""

from typing import Any

import numpy as np

from alerts.detectors.bed import BedExit, BedSettings
from alerts.findings import Condition, Priority
from ingest.readings import Bed


def test_out_and_not_back_is_an_exit_and_coming_back_its_end(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit())
    found = mat(readings(Bed, [0, 5, 10, 15], present=[1, 0, 0, 0]))
    assert said(found) == [("bed_exit", "began", 5.0)]
    assert (found[0].condition, found[0].priority) == (Condition.BED, Priority.MEDIUM)
    assert found[0].evidence == (("away_s", 10.0), ("limit_s", 10.0))
    assert said(mat(readings(Bed, 60, present=1))) == [("bed_exit", "ended", 5.0)]


def test_turning_over_is_no_exit(fed: Any, readings: Any) -> None:
    assert fed(BedExit())(readings(Bed, np.arange(60), present=np.arange(60) % 9 > 1)) == []


def test_a_lost_reading_is_no_exit(fed: Any, readings: Any) -> None:
    mat = fed(BedExit())
    assert mat(readings(Bed, [0, 120], present=1)) == []
    assert mat(readings(Bed, np.arange(130, 200, 5), present=-1)) == []
    assert mat.tick(500) == []


def test_a_bed_never_occupied_was_not_left(fed: Any, readings: Any) -> None:
    mat = fed(BedExit())
    assert mat(readings(Bed, np.arange(100), present=0)) == []
    assert mat.tick(1000) == []


def test_a_mat_that_speaks_only_of_changes_is_overdue(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(BedExit())
    mat(readings(Bed, [0, 5], present=[1, 0]))
    assert mat.tick(15) == []
    assert said(mat.tick(15.2)) == [("bed_exit", "began", 5.0)]
    assert mat.tick(16) == []
    assert mat(readings(Bed, 20, present=0)) == []
    assert said(mat(readings(Bed, 40, present=1))) == [("bed_exit", "ended", 5.0)]


def test_by_night_only_if_so_set(fed: Any, readings: Any) -> None:
    # 1_760_000_000 is 2025-10-09 16:53:20 in China.
    evening = BedSettings(night_start_min=16 * 60, night_end_min=17 * 60)
    across_midnight = BedSettings(night_start_min=16 * 60 + 50, night_end_min=6 * 60)
    night = BedSettings(night_start_min=21 * 60, night_end_min=6 * 60)
    utc = BedSettings(night_start_min=8 * 60, night_end_min=9 * 60, utc_offset_min=0)
    for settings, exits in ((evening, 1), (across_midnight, 1), (night, 0), (utc, 1)):
        mat = fed(BedExit(settings))
        assert len(mat(readings(Bed, [0, 5, 60], present=[1, 0, 0]))) == exits
        assert len(mat.tick(90)) == 0


def test_who_rose_before_the_night_did_not_leave_the_bed_in_it(fed: Any, readings: Any) -> None:
    mat = fed(BedExit(BedSettings(night_start_min=17 * 60, night_end_min=6 * 60)))
    assert mat(readings(Bed, [0, 5, 3600], present=[1, 0, 0])) == []
    assert mat.tick(7200) == []
