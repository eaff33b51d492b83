"""Silent devices and low batteries."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.findings import Change, Condition, Priority
from ingest.directory import DeviceType
from ingest.readings import Location, Sos, Status, Vitals


@pytest.fixture
def watch(fed: Any) -> Any:
    return fed(Supervision(SupervisionSettings(silent_s=600)))


def ticks(watch: Any, start_s: int, end_s: int) -> list[Any]:
    return [finding for at_s in range(start_s, end_s, 10) for finding in watch.tick(at_s)]


def test_never_seen_devices_are_supervised(watch: Any, said: Any) -> None:
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
    found = watch(readings(Vitals, [810, 815, 821], 2))
    assert said(found) == [("silent", "ended", 100.2)]
    assert found[0].row == 2
    assert dict(found[0].evidence)["silent_s"] == 710.0, "to its first word"
    assert [f.row for f in ticks(watch, 820, 1440)] == [2]


def test_a_device_on_the_edge_of_its_limit_is_one_alarm_and_does_not_chatter(
    watch: Any, readings: Any, said: Any
) -> None:
    """It speaks every 590 s or 610 s, by turns, where 600 s is silence; then as it should."""
    found, at_s = [], 0
    for gap_s in [590, 610] * 10:
        found += ticks(watch, at_s, at_s + gap_s)
        at_s += gap_s
        found += watch(readings(Vitals, at_s, 0))
    mine = [f for f in found if f.row == 0]
    assert {f.change for f in mine} == {Change.BEGAN}, "it never ends"
    assert len({f.onset_ms for f in mine}) == len(mine) == 10, "each is an occurrence of its own"
    assert [f for f in watch(readings(Vitals, at_s + 5, 0)) if f.row == 0] == []
    assert said(watch(readings(Vitals, at_s + 65, 0)))[0][:2] == ("silent", "ended")


def test_a_button_is_heard_again_with_its_first_word(fed: Any, readings: Any, said: Any) -> None:
    detector = Supervision(SupervisionSettings(silent_s=600, silent_button_s=1200))
    watch = fed(detector)
    watch.params = detector.expecting([DeviceType.BUTTON, DeviceType.BRACELET, None, None], ["s"] * 4)
    assert [f.row for f in ticks(watch, 0, 1190)] == [1]
    assert [f.row for f in ticks(watch, 1190, 1300)] == [0]
    found = watch(readings(Sos, [1300, 1300], [0, 1]))
    assert [(f.row, f.change) for f in found] == [(0, Change.ENDED)]


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


def test_a_low_battery_tells_how_long_it_will_last(watch: Any, readings: Any) -> None:
    """3 % an hour, read every quarter of an hour, and one reading that is far off."""
    at_h = np.arange(0, 13, 0.25)
    battery_pct = 50 - 3 * at_h
    battery_pct[20] = 31.0
    found = watch(readings(Status, at_h * 3600, battery_pct=battery_pct))
    assert dict(found[0].evidence) == {"battery_pct": 14.75, "limit_pct": 15.0, "battery_left_h": 4.9}


def test_how_long_it_will_last_is_by_the_time_since_it_was_charged(watch: Any, readings: Any) -> None:
    before = np.arange(0, 20)
    watch(readings(Status, before * 3600, battery_pct=95.0 - before * 0.1))
    watch(readings(Status, 20 * 3600, battery_pct=99.0))
    after = np.arange(21, 40)
    found = watch(readings(Status, after * 3600, battery_pct=99.0 - (after - 20) * 5.0))
    assert dict(found[0].evidence)["battery_left_h"] == pytest.approx(14 / 5, abs=0.11)


@pytest.mark.parametrize("battery_pct", [[16, 15], [15, 15, 15, 15]])
def test_nothing_is_said_of_how_long_where_too_little_is_known(watch: Any, readings: Any, battery_pct: Any) -> None:
    (found,) = watch(readings(Status, np.arange(len(battery_pct)) * 3600, battery_pct=battery_pct))
    assert "battery_left_h" not in dict(found.evidence)


def test_of_a_device_that_falls_silent_with_an_empty_battery_this_is_the_likely_reason(
    watch: Any, readings: Any
) -> None:
    ticks(watch, 0, 20)
    watch(readings(Status, [10, 10], [0, 1], battery_pct=[4.0, 60.0]))
    likely = {f.row: dict(f.evidence).get("likely") for f in ticks(watch, 20, 700)}
    assert likely == {0: "battery_empty", 1: None, 2: None, 3: None}


def test_a_battery_on_the_charger_is_in_good_hands(watch: Any, readings: Any, said: Any) -> None:
    found = watch(readings(Status, [0, 1, 2], battery_pct=[10, 11, 12], charging=[0, 1, 1]))
    assert said(found) == [("battery_low", "began", 0.0), ("battery_low", "ended", 0.0)]
