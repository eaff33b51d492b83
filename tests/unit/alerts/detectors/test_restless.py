"""Restless nights."""

from typing import Any

import numpy as np

from alerts.detectors.restless import Restless, RestlessSettings
from alerts.findings import Priority
from ingest.readings import Bed

#: Readings begin at 16:53:20 in China; this is 22:00 there.
TEN_S = 5 * 3600 + 400
DAY_S = 86_400


def nights(readings: Any, count: int, moving_share: float, first: int = 0, hours: float = 8.0, **columns: Any) -> Any:
    at_s = np.concatenate(
        [TEN_S + night * DAY_S + np.arange(0, hours * 3600, 10) for night in range(first, first + count)]
    )
    return readings(Bed, at_s, moving_share=moving_share, **{"present": 1} | columns)


def test_moving_far_more_than_usual_for_half_an_hour_of_the_night_is_told(fed: Any, readings: Any, said: Any) -> None:
    mat = fed(Restless())
    assert mat(nights(readings, 3, 0.03)) == []
    found = mat(nights(readings, 1, 0.35, first=3, hours=2))
    assert said(found) == [("restless", "began", TEN_S + 3 * DAY_S)]
    assert found[0].priority is Priority.LOW
    assert dict(found[0].evidence) == {"moving_share": 0.35, "usual_moving_share": 0.032, "held_s": 1800.0}
    quiet = readings(Bed, TEN_S + 3 * DAY_S + 7200 + np.arange(0, 1300, 10), present=1, moving_share=0.02)
    assert said(mat(quiet)) == [("restless", "ended", TEN_S + 3 * DAY_S)]


def test_nothing_is_said_before_the_usual_is_known_nor_of_who_is_always_so(fed: Any, readings: Any) -> None:
    mat = fed(Restless())
    assert mat(nights(readings, 2, 0.03)) == []
    assert fed(Restless())(nights(readings, 1, 0.5)) == []
    assert fed(Restless())(nights(readings, 6, 0.25)) == []


def test_by_day_and_out_of_bed_nobody_is_restless(fed: Any, readings: Any) -> None:
    mat = fed(Restless())
    mat(nights(readings, 3, 0.03))
    day = readings(Bed, TEN_S + 3 * DAY_S - 8 * 3600 + np.arange(0, 4 * 3600, 10), present=1, moving_share=0.6)
    assert mat(day) == []
    assert mat(nights(readings, 1, 0.6, first=3, present=0)) == []


def test_less_than_half_an_hour_or_with_a_quiet_block_is_not_told(fed: Any, readings: Any) -> None:
    mat = fed(Restless())
    mat(nights(readings, 3, 0.03))
    at_s = TEN_S + 3 * DAY_S + np.arange(0, 4 * 3600, 10)
    quiet = (at_s - TEN_S) % 1800 < 600
    assert mat(readings(Bed, at_s, present=1, moving_share=np.where(quiet, 0.02, 0.5))) == []


def test_a_level_may_be_stated_alone(fed: Any, readings: Any) -> None:
    mat = fed(Restless(RestlessSettings(times=0.0, hours_min=1, moving_share=0.4)))
    assert len(mat(nights(readings, 2, 0.45))) >= 1
