"""Silent devices and low batteries."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.findings import Condition, Priority
from ingest.readings import Location, Sos, Status, Vitals


@pytest.fixture
def watch(fed: Any) -> Any:
    return fed(Supervision(SupervisionSettings(silent_s=600)))


def ticks(watch: Any, start_s: int, end_s: int) -> list[Any]:
    return [finding for at_s in range(start_s, end_s, 10) for finding in watch.tick(at_s)]


def test_a_device_that_never_spoke_is_missed_too(watch: Any, said: Any) -> None:
    found = ticks(watch, 0, 700)
    assert [(f.row, f.cause, f.priority) for f in found] == [(r, "silent", Priority.LOW) for r in range(4)]
    assert said(found)[0] == ("silent", "began", 0.0)
    assert ("heard", "never") in found[0].evidence
    assert found[0].condition is Condition.DEVICE


def test_silence_begins_ends_and_begins_again(watch: Any, readings: Any, said: Any) -> None:
    ticks(watch, 0, 100)
    watch(readings(Sos, np.full(4, 100), np.arange(4)))
    found = ticks(watch, 110, 800)
    assert said(found)[0] == ("silent", "began", 100.2)
    assert len(found) == 4
    found = watch(readings(Vitals, [810, 815], 2))
    assert said(found) == [("silent", "ended", 100.2)]
    assert found[0].row == 2
    assert [f.row for f in ticks(watch, 820, 1430)] == [2]


def test_any_word_counts_also_a_late_one(watch: Any, readings: Any) -> None:
    ticks(watch, 0, 500)
    watch(readings(Vitals, [5, 5, 5, 5], np.arange(4), latency_s=490))
    assert ticks(watch, 500, 1000) == []


def test_a_restart_does_not_report_the_whole_fleet(watch: Any, readings: Any) -> None:
    ticks(watch, 0, 100)
    watch(readings(Vitals, np.full(4, 90), np.arange(4)))
    assert ticks(watch, 10_000, 10_590) == []
    assert len(ticks(watch, 10_590, 10_610)) == 4


def test_a_clock_put_back_reports_nobody_and_watches_on(watch: Any, readings: Any) -> None:
    ticks(watch, 4000, 4100)
    watch(readings(Vitals, np.full(4, 4090), np.arange(4)))
    assert ticks(watch, 100, 690) == []
    assert len(ticks(watch, 690, 710)) == 4


def test_a_device_may_be_left_out(watch: Any) -> None:
    watch.params["silent_s"][1] = 0
    assert [f.row for f in ticks(watch, 0, 700)] == [0, 2, 3]


@pytest.mark.parametrize("kind", [Vitals, Location, Status])
def test_a_battery_is_low_once_until_it_is_well_again(watch: Any, readings: Any, said: Any, kind: Any) -> None:
    found = watch(readings(kind, np.arange(6), battery_pct=[16, 15, 16, 14, 24, 25]))
    assert said(found) == [("battery_low", "began", 1.0), ("battery_low", "ended", 1.0)]
    assert found[0].evidence == (("battery_pct", 15.0), ("limit_pct", 15.0))


def test_a_battery_on_the_charger_is_in_good_hands(watch: Any, readings: Any, said: Any) -> None:
    found = watch(readings(Status, [0, 1, 2], battery_pct=[10, 11, 12], charging=[0, 1, 1]))
    assert said(found) == [("battery_low", "began", 0.0), ("battery_low", "ended", 0.0)]
