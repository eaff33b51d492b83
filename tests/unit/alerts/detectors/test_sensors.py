"""One sensor dead in a device that is alive."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.sensors import Sensors, SensorSettings
from alerts.findings import Change, Condition, Finding, Priority
from ingest.directory import DeviceType
from ingest.readings import Bed, Location, Motion, Status, Vitals
from tests.unit.alerts.detectors.conftest import Fed, _readings

BAND, MAT, LOCATOR, FENCED = range(4)
HOUR_S = 3600


class Worn:
    """A bracelet, a mat and two locators, one with zones, all of which speak each minute."""

    def __init__(self, settings: SensorSettings | None = None) -> None:
        detector = Sensors(settings)
        self.fed = Fed(detector)
        types = [DeviceType.BRACELET, DeviceType.BED_MAT, DeviceType.LOCATOR, DeviceType.LOCATOR]
        self.fed.params = detector.expecting(types, [FENCED])
        self.at_s = 0

    def run(self, until_s: float, kind: type, row: int = BAND, every_s: int = 60, **values: Any) -> list[Finding]:
        """Let one device say the same until then, and time pass each minute."""
        found: list[Finding] = []
        while self.at_s < until_s:
            self.at_s += every_s
            assert self.fed(_readings(kind, self.at_s, row, **values)) == []
            found += self.fed.tick(self.at_s)
        return found


def told(found: list[Finding]) -> list[tuple[str, str]]:
    assert all(f.cause == "sensor_dead" for f in found)
    return [(f.subject, f.change.value) for f in found]


def test_one_sensor_dead_while_the_device_is_alive() -> None:
    home = Worn()
    found = home.run(2 * HOUR_S, Vitals, worn=1, steps=100)
    (dead,) = found
    assert (dead.row, dead.condition, dead.priority) == (BAND, Condition.DEVICE, Priority.LOW)
    assert (dead.subject, dead.change) == ("heart_rate", Change.BEGAN)
    assert dict(dead.evidence)["sensor"] == "heart_rate"
    assert 3600 <= dict(dead.evidence)["unmeasured_s"] <= 3720  # type: ignore[operator]
    assert told(home.run(home.at_s + 60, Vitals, worn=1, heart_rate_bpm=70)) == [("heart_rate", "ended")]


def test_a_bracelet_that_measures_is_well() -> None:
    home = Worn()
    assert home.run(10 * HOUR_S, Vitals, worn=1, heart_rate_bpm=70) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [(Vitals, {"worn": 0}), (Vitals, {}), (Status, {"charging": 1, "worn": 1}), (Vitals, {"worn": -1, "steps": 3})],
)
def test_who_does_not_wear_a_bracelet_has_no_pulse_to_miss(kind: type, values: Any) -> None:
    assert Worn().run(30 * HOUR_S, kind, every_s=300, **values) == []


def test_zero_is_not_a_pulse() -> None:
    assert told(Worn().run(2 * HOUR_S, Vitals, worn=1, heart_rate_bpm=0)) == [("heart_rate", "began")]


def test_time_on_the_charger_and_time_in_silence_do_not_count() -> None:
    home = Worn()
    home.run(HOUR_S / 2, Vitals, worn=1)
    home.run(10 * HOUR_S, Status, charging=1)
    home.at_s += 20 * HOUR_S
    assert home.run(home.at_s + 900, Vitals, worn=1) == [], "30 min, 15 min of silence at most, and 15 min"
    assert told(home.run(home.at_s + 1200, Vitals, worn=1)) == [("heart_rate", "began")]


def test_what_it_never_sent_is_not_missed_but_what_its_type_sends() -> None:
    assert told(Worn().run(100 * HOUR_S, Status, every_s=600, worn=1)) == [("heart_rate", "began")]


@pytest.mark.parametrize("sensor", ["temperature_c", "spo2_pct"])
def test_what_it_used_to_send_is_missed(sensor: str) -> None:
    home = Worn()
    values: Any = {"every_s": 600, "worn": 1, "heart_rate_bpm": 70}
    home.run(72 * HOUR_S, Vitals, **values | {sensor: 36.5})
    found = home.run(90 * HOUR_S, Vitals, **values)
    assert told(found) == [(sensor.rpartition("_")[0], "began")]
    assert dict(found[0].evidence)["limit_unmeasured_s"] == 12 * HOUR_S


def test_what_was_not_sent_for_a_week_is_not_missed() -> None:
    home = Worn()
    home.run(HOUR_S, Vitals, worn=1, heart_rate_bpm=70, spo2_pct=97)
    home.run(9 * 24 * HOUR_S, Vitals, every_s=600, worn=0)
    assert home.run(home.at_s + 40 * HOUR_S, Vitals, worn=1, heart_rate_bpm=70) == []


def test_light_that_fails_is_one_alarm() -> None:
    home = Worn()
    home.run(72 * HOUR_S, Vitals, every_s=600, worn=1, heart_rate_bpm=70, spo2_pct=97)
    assert told(home.run(110 * HOUR_S, Vitals, every_s=600, worn=1)) == [("heart_rate", "began")]
    found = home.run(110 * HOUR_S + 120, Vitals, worn=1, heart_rate_bpm=70)
    assert told(found) == [("heart_rate", "ended"), ("spo2", "began")], "the pulse is back, oxygen is not"


def motion(packed: Any, at_s: float) -> Motion:
    moved: Motion = packed(np.tile([0.0, 0.0, 1.0], (50, 1)), 50.0, start_s=at_s)
    return moved


def test_a_bracelet_that_stops_sending_motion_is_told_by_how_often_it_did(packed: Any) -> None:
    home = Worn()
    for at_s in range(0, 5 * 24 * HOUR_S, 300):
        home.fed(motion(packed, at_s))
        assert home.run(at_s + 300, Vitals, every_s=300, worn=1, heart_rate_bpm=70) == []
    found = home.run(home.at_s + 2 * HOUR_S, Vitals, worn=1, heart_rate_bpm=70)
    assert told(found) == [("motion", "began")]
    assert dict(found[0].evidence)["limit_unmeasured_s"] <= 1.5 * HOUR_S  # type: ignore[operator]


def test_a_bracelet_that_sends_a_burst_now_and_then_is_not_missed_between_two(packed: Any) -> None:
    home = Worn()
    random = np.random.default_rng(1)
    for _ in range(20):
        home.fed(motion(packed, home.at_s))
        gap_s = float(random.uniform(1, 7)) * HOUR_S
        assert home.run(home.at_s + gap_s, Vitals, every_s=300, worn=1, heart_rate_bpm=70) == []


def test_a_mat_that_only_says_who_is_there_has_nothing_to_miss() -> None:
    assert Worn().run(20 * HOUR_S, Bed, MAT, present=1) == []


def test_a_mat_that_measured_and_does_not_any_more_is_told_once_somebody_lies_on_it() -> None:
    home = Worn()
    home.run(4 * 24 * HOUR_S, Bed, MAT, every_s=300, present=1, heart_rate_bpm=60)
    assert home.run(home.at_s + 20 * HOUR_S, Bed, MAT, present=0) == []
    assert told(home.run(home.at_s + 2 * HOUR_S, Bed, MAT, present=1)) == [("bed_signal", "began")]


def test_a_locator_that_never_had_a_fix_is_told_after_a_day() -> None:
    for row in (LOCATOR, FENCED):
        found = Worn().run(25 * HOUR_S, Status, row, battery_pct=50)
        assert [(f.row, f.subject) for f in found] == [(row, "position")]


def test_where_the_fence_tells_that_the_position_is_unknown_it_is_not_told_twice() -> None:
    for row, expected in ((LOCATOR, [("position", "began")]), (FENCED, [])):
        home = Worn()
        home.run(3 * 24 * HOUR_S, Location, row, every_s=300, lat_deg=36.0, lon_deg=117.0)
        assert told(home.run(home.at_s + 30 * HOUR_S, Status, row, every_s=300, battery_pct=50)) == expected


def test_a_fix_of_a_bracelet_is_no_pulse() -> None:
    home = Worn()
    home.run(60, Vitals, worn=1)
    assert told(home.run(2 * HOUR_S, Location, lat_deg=36.0, lon_deg=117.0)) == [("heart_rate", "began")]


def test_a_late_reading_is_not_a_sign_of_life_now() -> None:
    home = Worn()
    home.run(HOUR_S / 2, Vitals, worn=1)
    home.fed(_readings(Vitals, 300, BAND, worn=1, heart_rate_bpm=70))
    assert told(home.run(HOUR_S + 120, Vitals, worn=1)) == [("heart_rate", "began")]


def test_a_packet_that_took_as_long_to_fill_as_others_to_come_counts(packed: Any) -> None:
    """Its time is that of its first sample, a minute before; what is measured at its end has been seen by then."""
    home = Worn()
    for _ in range(24 * 60):
        home.run(home.at_s + 60, Vitals, worn=1, heart_rate_bpm=70)
        home.fed(motion(packed, home.at_s - 60))
    assert home.run(home.at_s + 60, Vitals, worn=1, heart_rate_bpm=70) == []
