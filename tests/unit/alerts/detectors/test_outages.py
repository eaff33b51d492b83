"""Many devices of a site that fall silent together: one alarm of the site, and no one lost from sight."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.outages import Standing
from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.findings import Change, Condition, Finding, Priority
from ingest.directory import DeviceType
from ingest.readings import Bed, Sos, Status
from tests.unit.alerts.detectors.conftest import T0_MS, Fed, _readings

MATS = 40
LIMIT_S = 600


class Home:
    """A site of mats that speak each second (in steps of 10 s here), and one of five that is always well."""

    def __init__(self, mats: int = MATS, buttons: int = 0, **settings: Any) -> None:
        detector = Supervision(SupervisionSettings(silent_s=LIMIT_S, **settings))
        types = [DeviceType.BED_MAT] * mats + [DeviceType.BUTTON] * buttons + [DeviceType.BED_MAT] * 5
        self.mats = np.arange(mats)
        self.well = np.arange(len(types) - 5, len(types))
        self.fed = Fed(detector, len(types))
        self.fed.params = detector.expecting(types, ["s"] * (len(types) - 5) + ["well"] * 5)
        self.at_s = 0.0

    def run(self, until_s: float, speaking: Any) -> list[Finding]:
        """Let time pass to `until_s` while these rows speak, and those of the other site."""
        found: list[Finding] = []
        while self.at_s < until_s:
            self.at_s += 10
            rows = np.concatenate([np.asarray(speaking, dtype=np.int32), self.well])
            found += self.fed(_readings(Bed, np.full(len(rows), self.at_s), rows, present=1))
            found += self.fed.tick(self.at_s + 0.5)
        return found

    def standing(self) -> dict[Standing, int]:
        codes, counts = np.unique(self.fed.state["standing"], return_counts=True)
        return dict(zip(map(Standing, codes.tolist()), counts.tolist(), strict=True))


def told(found: list[Finding]) -> list[tuple[str, str]]:
    return [(f.cause, f.change.value) for f in found if f.change not in (Change.LOST, Change.HEARD, Change.WITNESSED)]


def rows_of(found: list[Finding], change: Change) -> list[int]:
    return sorted(row for f in found if f.change is change for row in f.rows)


def test_a_site_whose_link_dies_is_one_alarm_and_says_how_many_devices_it_hides() -> None:
    home = Home()
    assert home.run(100, home.mats) == []
    found = home.run(2000, [])
    assert told(found) == [("link_down", "began")]
    (alarm,) = [f for f in found if f.change is Change.BEGAN]
    assert (alarm.condition, alarm.priority, alarm.of_site) == (Condition.DEVICE, Priority.LOW, True)
    assert dict(alarm.evidence) == {"devices_silent": MATS, "devices_total": MATS}
    assert alarm.onset_ms == T0_MS + 100_200, "since the last word"
    assert rows_of(found, Change.LOST) == home.mats.tolist(), "of none of them is anything known"


def test_the_alarm_ends_when_the_link_is_back_and_every_device_is_heard_again() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    found = home.run(1100, home.mats)
    assert told(found) == [("link_down", "ended")]
    assert rows_of(found, Change.HEARD) == home.mats.tolist()
    assert home.run(1800, home.mats) == []
    assert home.standing() == {Standing.HEARD: MATS + 5}


def test_what_is_still_silent_when_the_link_is_back_is_told_singly() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    found = home.run(1200, home.mats[3:])
    assert told(found) == [("link_down", "ended"), *[("silent", "began")] * 3]
    assert [f.row for f in found if f.cause == "silent" and f.change is Change.BEGAN] == [0, 1, 2]
    assert rows_of(found, Change.HEARD) == list(range(3, MATS))
    assert told(home.run(1300, home.mats)) == [("silent", "ended")] * 3


def test_those_that_come_back_a_little_later_are_told_of_by_nobody() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    assert told(home.run(1040, home.mats[:-4])) == [("link_down", "ended")]
    found = home.run(1200, home.mats)
    assert told(found) == []
    assert rows_of(found, Change.HEARD) == list(range(MATS - 4, MATS))


def test_many_that_stay_silent_when_the_link_is_back_are_one_alarm_again() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    found = home.run(1200, home.mats[10:])
    assert told(found) == [("link_down", "ended"), ("many_silent", "began")]
    (alarm,) = [f for f in found if f.change is Change.BEGAN]
    assert dict(alarm.evidence) == {"devices_silent": 10, "devices_total": MATS}
    found = home.run(1400, home.mats[1:])
    assert told(found) == [("many_silent", "ended"), ("silent", "began")]


def test_a_part_of_a_site_that_falls_silent_together_is_one_alarm() -> None:
    home = Home()
    home.run(100, home.mats)
    found = home.run(900, home.mats[12:])
    assert told(found) == [("many_silent", "began")]
    (alarm,) = [f for f in found if f.change is Change.BEGAN]
    assert dict(alarm.evidence) == {"devices_silent": 12, "devices_total": MATS}
    assert alarm.found_ms - alarm.onset_ms <= (LIMIT_S + 70) * 1000


def test_a_few_are_told_singly_and_at_once() -> None:
    home = Home()
    home.run(100, home.mats)
    found = home.run(800, home.mats[4:])
    assert told(found) == [("silent", "began")] * 4
    assert all(f.found_ms - f.onset_ms < (LIMIT_S + 11) * 1000 for f in found)


def test_devices_that_fall_silent_minutes_apart_are_told_singly() -> None:
    home = Home()
    found = [f for down in range(8) for f in home.run(100 + 120 * down, home.mats[down:])]
    found += home.run(1700, home.mats[8:])
    assert told(found) == [("silent", "began")] * 8


def test_one_more_that_fails_later_is_not_hidden_by_an_open_alarm_of_its_site() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(2000, home.mats[12:])
    assert told(home.run(3000, home.mats[13:])) == [("silent", "began")]


def test_devices_with_other_limits_belong_to_the_link_that_is_down() -> None:
    """Buttons report once a day: a day after the link died they reach their limit, and nobody is called for that."""
    home = Home(buttons=5, silent_button_s=3600)
    buttons = np.arange(MATS, MATS + 5)
    home.fed(_readings(Sos, np.full(5, 5.0), buttons))
    home.run(100, home.mats)
    assert told(home.run(5000, [])) == [("link_down", "began")]
    assert home.standing()[Standing.DOWN] == MATS + 5
    # The buttons go on sleeping until they are pressed: five that are told together.
    assert told(home.run(5200, home.mats)) == [("link_down", "ended"), ("many_silent", "began")]


def test_a_site_of_slow_devices_is_one_alarm_too() -> None:
    """Their last words lie five minutes apart, and they reach their limits one after another."""
    home = Home(mats=30)
    for at_s in range(0, 900, 10):
        home.run(at_s + 10, [at_s // 10 % 30])
    assert told(home.run(2500, [])) == [("link_down", "began")]


def test_a_link_that_comes_and_goes_does_not_chatter() -> None:
    """Every two minutes everybody says one word."""
    home = Home()
    home.run(100, home.mats)
    found = home.run(1000, [])
    for _ in range(10):
        found += home.run(home.at_s + 10, home.mats)
        found += home.run(home.at_s + 110, [])
    assert told(found)[0] == ("link_down", "began")
    assert len(told(found)) <= 2, told(found)


def test_a_restart_during_an_outage_says_nothing_new() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    saved = home.fed.state.tobytes()
    home.fed.state = np.frombuffer(saved, dtype=Supervision.state_dtype)
    home.at_s = 5000
    assert told(home.run(5200, [])) == []
    assert told(home.run(7000, [])) == []
    assert told(home.run(7100, home.mats)) == [("link_down", "ended")]


def test_a_restart_while_devices_wait_to_be_told_gives_them_time_to_speak() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(720, home.mats[12:])
    assert home.standing()[Standing.HELD] == 12
    home.at_s = 5000
    assert told(home.run(5590, [])) == []
    assert told(home.run(6300, home.mats)) == []


def test_a_condition_true_at_start_up_is_told() -> None:
    """A fleet of which nobody was ever heard: one alarm a site after the limit has passed, that says so."""
    home = Home(many_devices=5)
    found = home.run(700, [])
    assert told(found) == [("link_down", "began")]
    (alarm,) = [f for f in found if f.change is Change.BEGAN]
    assert dict(alarm.evidence)["devices_never_heard"] == MATS


def test_a_device_that_left_the_fleet_leaves_its_alarm() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    home.fed.params["silent_s"][: MATS - 4] = 0.0
    assert told(home.run(1100, [])) == [("link_down", "ended"), *[("silent", "began")] * 4]


def test_how_many_are_silent_by_now_is_told_with_the_open_alarm() -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(900, home.mats[20:])
    found = home.run(1200, home.mats[10:])
    counts = [dict(f.evidence)["devices_silent"] for f in found if f.change is Change.WITNESSED]
    assert counts[-1] == 10
    assert len(counts) <= 6, "once a minute"


@pytest.mark.parametrize("count", [4, 5])
def test_how_many_are_many(count: int) -> None:
    home = Home()
    home.run(100, home.mats)
    causes = {cause for cause, _ in told(home.run(900, home.mats[count:]))}
    assert causes == ({"silent"} if count < 5 else {"many_silent"})


def test_battery_reports_of_silent_devices_count_as_words(readings: Any) -> None:
    home = Home()
    home.run(100, home.mats)
    home.run(1000, [])
    for at_s in (1001, 1015):
        home.fed(readings(Status, np.full(MATS, at_s), home.mats, battery_pct=50))
    assert told(home.fed.tick(1016)) == [("link_down", "ended")]
