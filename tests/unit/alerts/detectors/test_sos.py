"""Presses."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.sos import Press
from alerts.findings import Condition, Priority
from ingest.readings import Sos

PRESS, CANCEL, TEST = 0, 1, 2


@pytest.mark.parametrize("action", [PRESS, -1])
def test_a_press_is_an_alarm_at_once(fed: Any, readings: Any, action: int) -> None:
    (finding,) = fed(Press())(readings(Sos, 5, 2, action=action))
    assert (finding.row, finding.condition, finding.cause) == (2, Condition.SOS, "press")
    assert finding.priority is Priority.HIGH
    assert not finding.drill


def test_a_press_on_a_bad_fix_is_never_held_back_and_tells_how_bad(fed: Any, readings: Any) -> None:
    (finding,) = fed(Press())(readings(Sos, 5, action=PRESS, lat_deg=36.6, lon_deg=117.9, accuracy_m=9000.0, source=2))
    assert dict(finding.evidence) == {"lat_deg": 36.6, "lon_deg": 117.9, "accuracy_m": 9000.0, "source": "lbs"}


def test_a_shaking_finger_presses_once_but_a_second_call_is_a_second_call(fed: Any, readings: Any, said: Any) -> None:
    found = fed(Press())(readings(Sos, [0, 0.5, 1.5, 30], action=PRESS))
    assert said(found) == [("press", "began", 0.0), ("press", "began", 30.0)]


def test_a_cancel_calls_off_the_press_before_it(fed: Any, readings: Any, said: Any) -> None:
    button = fed(Press())
    assert said(button(readings(Sos, [0, 1], action=PRESS))) == [("press", "began", 0.0)]
    assert said(button(readings(Sos, 20, action=CANCEL))) == [("press", "cancelled", 0.0)]
    assert said(button(readings(Sos, 21, action=CANCEL))) == []
    assert said(button(readings(Sos, 21.5, action=PRESS))) == [("press", "began", 21.5)]


def test_a_cancel_without_a_press_is_nothing(fed: Any, readings: Any) -> None:
    assert fed(Press())(readings(Sos, 0, action=CANCEL)) == []


def test_press_and_cancel_of_one_moment_are_told_in_that_order(fed: Any, readings: Any, said: Any) -> None:
    found = fed(Press())(readings(Sos, [3, 3], action=[CANCEL, PRESS]))
    assert said(found) == [("press", "began", 3.0), ("press", "cancelled", 3.0)]


def test_a_test_is_a_drill_and_hides_no_press(fed: Any, readings: Any) -> None:
    button = fed(Press())
    (drill,) = button(readings(Sos, 10, action=TEST))
    assert drill.drill
    (late_press,) = button(readings(Sos, 5, action=PRESS))
    assert not late_press.drill


def test_a_clock_put_back_does_not_silence_the_button(fed: Any, readings: Any, said: Any) -> None:
    button = fed(Press())
    assert len(button(readings(Sos, 3600, action=PRESS, latency_s=-3600))) == 1
    assert said(button(readings(Sos, 60, action=PRESS))) == [("press", "began", 60.0)]


def test_a_clock_set_back_within_what_is_past_does_not_silence_the_button(fed: Any, readings: Any, said: Any) -> None:
    button = fed(Press())
    assert said(button(readings(Sos, 3600, action=PRESS))) == [("press", "began", 3600.0)]
    # An hour later, by a clock that was set back by ninety minutes.
    assert said(button(readings(Sos, 1800, action=PRESS, latency_s=5400))) == [("press", "began", 1800.0)]
    assert said(button(readings(Sos, 1810, action=CANCEL, latency_s=5400))) == [("press", "cancelled", 1800.0)]
    assert said(button(readings(Sos, 1820, action=TEST, latency_s=5400))) == [("press", "began", 1820.0)]


def test_a_late_press_rings_and_what_was_heard_does_not(fed: Any, readings: Any, said: Any) -> None:
    button = fed(Press())
    assert len(button(readings(Sos, 100, action=PRESS))) == 1
    assert said(button(readings(Sos, [40, 100], action=PRESS, latency_s=500))) == [("press", "began", 40.0)]
    assert button(readings(Sos, [100, 40, 40], action=PRESS, latency_s=900)) == []


def test_a_late_cancel_of_an_earlier_press_calls_off_no_later_one(fed: Any, readings: Any, said: Any) -> None:
    button = fed(Press())
    button(readings(Sos, 100, action=PRESS))
    assert button(readings(Sos, [45, 100.5], action=[CANCEL, PRESS], latency_s=500)) == []
    assert said(button(readings(Sos, 110, action=CANCEL))) == [("press", "cancelled", 100.0)]


def test_many_rows_at_once(fed: Any, readings: Any) -> None:
    found = fed(Press())(readings(Sos, np.zeros(4), [3, 1, 0, 2], action=PRESS))
    assert sorted(f.row for f in found) == [0, 1, 2, 3]
