"""Fences that do not cry wolf."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alerts.detectors.geofence import Geofence
from alerts.detectors.zones import Hours, Zone, ZoneTable
from alerts.findings import Change, Condition, Priority
from ingest.contract import Crs
from ingest.coordinates import convert
from ingest.readings import Location

T0_MS = 1_760_000_000_000
LAT, LON = 36.64, 117.96
NORTH_M = 110_990.0

GARDEN = Zone("garden", "safe", Crs.WGS84, circle=(LAT, LON, 100.0))
POND = Zone("pond", "forbidden", Crs.WGS84, circle=(LAT + 300 / NORTH_M, LON, 20.0))


@pytest.fixture
def fence(fed: Any) -> Any:
    return fed(Geofence(ZoneTable([GARDEN, POND], {0: [0], 1: [1], 2: [0, 1]})))


@pytest.fixture
def fixes(readings: Any) -> Any:
    """Fixes some metres north of the garden's middle."""

    def make(at_s: Any, north_m: Any, row: Any = 0, accuracy_m: Any = 8.0, **columns: Any) -> Any:
        lat = LAT + np.asarray(north_m) / NORTH_M
        return readings(Location, at_s, row, lat_deg=lat, lon_deg=LON, accuracy_m=accuracy_m, crs=0, **columns)

    return make


def causes(found: Any) -> list[tuple[str, str]]:
    return [(f.cause, f.change.value) for f in found if f.change is not Change.WITNESSED]


def test_walking_out_is_an_exit_and_coming_back_for_certain_its_end(fence: Any, fixes: Any, said: Any) -> None:
    found = fence(fixes(np.arange(5) * 30, [20, 80, 120, 150, 180], speed_m_s=1.0, battery_pct=40.0))
    assert said(found) == [("left_safe_zone", "began", 60.0)]
    assert (found[0].condition, found[0].priority) == (Condition.GEOFENCE, Priority.HIGH)
    evidence = dict(found[0].evidence)
    assert (evidence["zone"], evidence["direction"]) == ("garden", "N")
    assert evidence["distance_m"] == pytest.approx(80, abs=0.5)
    assert (evidence["accuracy_m"], evidence["speed_m_s"], evidence["battery_pct"]) == (8.0, 1.0, 40.0)
    assert evidence["lat_deg"] == pytest.approx(LAT + 180 / NORTH_M)
    assert evidence["lon_deg"] == LON
    assert causes(fence(fixes([300, 330], [105, 70]))) == []
    assert said(fence(fixes([360, 390], [60, 40])))[-1] == ("left_safe_zone", "ended", 60.0)


def test_an_open_alarm_follows_the_person(fence: Any, fixes: Any) -> None:
    found = fence(fixes(np.arange(30) * 10, 300 + np.arange(30) * 10))
    assert causes(found) == [("left_safe_zone", "began")]
    told = [f for f in found if f.change is Change.WITNESSED]
    assert len(told) == 9  # every half minute
    assert dict(told[-1].evidence)["distance_m"] > dict(told[0].evidence)["distance_m"]
    assert len({f.onset_ms for f in found}) == 1


def test_found_outside_without_ever_having_been_inside(fence: Any, fixes: Any) -> None:
    assert causes(fence(fixes([0, 10, 20], 5000))) == [("left_safe_zone", "began")]


def test_one_wild_fix_is_no_exit(fence: Any, fixes: Any) -> None:
    assert fence(fixes(np.arange(20) * 30, np.where(np.arange(20) % 4 == 3, 3000, 10))) == []


def test_a_jump_nobody_can_make_says_nothing(fence: Any, fixes: Any) -> None:
    at_s = np.repeat(np.arange(10), 2) * 60 + np.tile([0, 1], 10)
    assert fence(fixes(at_s, np.where(np.arange(20) % 4 == 3, 90_000, 10), source=0)) == []
    # One that stays where it jumped to was no jump.
    assert causes(fence(fixes([700, 710, 720, 730], 90_000, source=0))) == [("left_safe_zone", "began")]


def test_jitter_at_the_edge_is_no_exit(fence: Any, fixes: Any) -> None:
    noise_m = np.random.default_rng(1).normal(0, 10, 5000)
    assert fence(fixes(np.arange(5000) * 10, 80 + noise_m, accuracy_m=15.0)) == []


def test_a_cell_tower_is_no_exit_and_brings_nobody_home(fence: Any, fixes: Any) -> None:
    assert fence(fixes(np.arange(20) * 30, 1200, accuracy_m=1000.0)) == []
    assert fence(fixes(np.arange(600, 1200, 30), 900, accuracy_m=np.nan, source=2)) == []
    assert causes(fence(fixes([2000, 2030, 2060], 500))) == [("left_safe_zone", "began")]
    assert causes(fence(fixes(np.arange(2100, 2400, 30), 0, accuracy_m=1000.0))) == []
    assert causes(fence(fixes([2500, 2530, 2560], 0))) == [("left_safe_zone", "ended")]


def test_different_cells_far_away_do_add_up(fence: Any, fixes: Any) -> None:
    cells_m = 5000 + np.arange(8) * 700
    assert causes(fence(fixes(np.arange(8) * 120, cells_m, accuracy_m=800.0, source=2))) == [
        ("left_safe_zone", "began")
    ]


def test_a_fix_that_cannot_tell_between_two_that_can_is_passed_over(fence: Any, fixes: Any) -> None:
    assert len(causes(fence(fixes([0, 10, 20], [500, 700, 500], accuracy_m=[8, 900, 8], source=0)))) == 1


def test_without_accuracy_fixes_soon_after_one_another_are_one(fence: Any, fixes: Any) -> None:
    fence(fixes(np.arange(0, 100, 5), 0, accuracy_m=np.nan, source=0))
    # A reflection for a quarter of a minute, and then somebody who is really gone.
    burst = fixes(np.arange(100, 200, 5), np.where(np.arange(20) < 3, 300, 0), accuracy_m=np.nan, source=0)
    assert fence(burst) == []
    (began, *_) = fence(fixes(np.arange(200, 300, 5), 300, accuracy_m=np.nan, source=0))
    assert 30_000 <= began.found_ms - began.onset_ms <= 45_000


def test_the_first_fix_after_an_unusual_silence_says_little(fence: Any, fixes: Any) -> None:
    fence(fixes(np.arange(0, 100, 5), [0] * 17 + [160] * 3, accuracy_m=np.nan, source=0))
    assert fence(fixes(900, 300, accuracy_m=np.nan, source=0)) == []
    # Where fixes are always so far apart two of them decide.
    assert fence(fixes(np.arange(0, 5) * 600, 0, row=2, accuracy_m=np.nan, source=0)) == []
    assert len(causes(fence(fixes([3000, 3600], 200, row=2, accuracy_m=np.nan, source=0)))) == 1


def test_cells_say_nothing_up_to_a_masts_distance(fence: Any, fixes: Any) -> None:
    random = np.random.default_rng(5)
    fence(fixes([0, 30], 0))
    jumps_m = random.uniform(200, 1500, 1000) * random.choice([-1, 1], 1000)
    at_s = np.arange(60, 60 + 1000 * 60, 60)
    assert fence(fixes(at_s, jumps_m, accuracy_m=np.nan, source=2)) == []
    assert fence(fixes(at_s + 70_000, jumps_m, accuracy_m=300.0, source=2)) == []


def test_into_the_pond_and_out_of_it(fence: Any, fixes: Any, said: Any) -> None:
    found = fence(fixes([0, 30, 60, 90, 120, 150, 180], [0, 290, 295, 300, 360, 400, 420], row=1, source=0))
    assert causes(found) == [("entered_forbidden_zone", "began"), ("entered_forbidden_zone", "ended")]
    assert dict(found[0].evidence)["zone"] == "pond"
    assert dict(found[0].evidence)["distance_m"] < 0


def test_one_may_have_several_zones(fence: Any, fixes: Any) -> None:
    found = fence(fixes([0, 30, 60], 300, row=2))
    assert sorted(f.cause for f in found if f.change is Change.BEGAN) == ["entered_forbidden_zone", "left_safe_zone"]


def test_two_safe_zones_are_one_safe_place(fed: Any, fixes: Any) -> None:
    hall = Zone("hall", "safe", Crs.WGS84, circle=(LAT + 500 / NORTH_M, LON, 100.0))
    fence = fed(Geofence(ZoneTable([GARDEN, hall], {0: [0, 1]})))
    assert fence(fixes([0, 30, 60, 90], [0, 0, 500, 520])) == []
    assert len(causes(fence(fixes([120, 150, 180], 250)))) == 1


def test_who_has_no_zone_is_nowhere_wrong(fence: Any, fixes: Any) -> None:
    assert fence(fixes([0, 30, 60], 90_000, row=3)) == []


def test_a_fix_without_a_place_is_passed_over(fence: Any, fixes: Any) -> None:
    assert fence(fixes([0, 30, 60], np.nan)) == []


def test_a_backlog_older_than_what_is_known_rings_no_bell(fence: Any, fixes: Any) -> None:
    fence(fixes([1000, 1030], 0))
    assert fence(fixes(np.arange(0, 1000, 30), 900)) == []


def test_a_late_backlog_rings_only_for_what_is_true_at_its_end(fence: Any, fixes: Any) -> None:
    # An hour of going out and coming back again, received in two parts at once.
    assert fence(fixes(np.arange(0, 1800, 60), 900, latency_s=3600 - np.arange(0, 1800, 60))) == []
    assert fence.tick(3605) == []
    assert fence(fixes(np.arange(1800, 3600, 60), 0, latency_s=3606 - np.arange(1800, 3600, 60))) == []
    assert fence.tick(3700) == []
    # And one at whose end the person is still out.
    assert fence(fixes(np.arange(4000, 5000, 60), 900, latency_s=9000 - np.arange(4000, 5000, 60))) == []
    assert fence.tick(9005) == []
    assert causes(fence.tick(9020)) == [("left_safe_zone", "began")]
    assert fence.tick(9030) == []
    assert causes(fence(fixes([9100, 9130, 9160, 9190], 0))) == [("left_safe_zone", "ended")]


def test_silence_is_unknown_and_never_inside(fence: Any, fixes: Any) -> None:
    fence(fixes([0, 30], 0))
    assert fence.tick(1700) == []
    (unknown,) = fence.tick(1900)
    assert (unknown.cause, unknown.priority) == ("position_unknown", Priority.LOW)
    assert fence.tick(2500) == []
    assert causes(fence(fixes(3000, 0))) == [("position_unknown", "ended")]


def test_a_locator_that_dies_near_the_edge_is_told_apart(fence: Any, fixes: Any) -> None:
    fence(fixes([0, 30], [60, 90], speed_m_s=1.0))
    (lost,) = fence.tick(1900)
    assert (lost.cause, lost.priority) == ("lost_near_edge", Priority.MEDIUM)


def test_in_company_nobody_is_missed_until_the_outing_ends(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(ZoneTable([GARDEN], {0: [0]}, {0: T0_MS + 600_000})))
    assert fence(fixes(np.arange(0, 600, 30), 900)) == []
    assert causes(fence(fixes([600, 630, 660], 900))) == [("left_safe_zone", "began")]


def test_a_zone_counts_in_its_hours_alone(fed: Any, fixes: Any) -> None:
    midnight_s = -(((T0_MS // 1000) + 8 * 3600) % 86400)  # local midnight before the beginning
    at_night = Hours(22 * 60, 6 * 60)
    fence = fed(Geofence(ZoneTable([replace(GARDEN, hours=at_night)], {0: [0]})))
    by_day = midnight_s + 86400 + np.arange(12 * 3600, 12 * 3600 + 300, 30)
    assert fence(fixes(by_day, 900)) == []
    by_night = midnight_s + 86400 + np.arange(23 * 3600, 23 * 3600 + 90, 30)
    assert causes(fence(fixes(by_night, 900))) == [("left_safe_zone", "began")]
    assert causes(fence(fixes(midnight_s + 2 * 86400 + 7 * 3600, 900))) == [("left_safe_zone", "ended")]


def test_of_a_thousand_zones_the_near_ones_are_asked(fed: Any, fixes: Any) -> None:
    ponds = [
        Zone(f"pond-{i}", "forbidden", Crs.WGS84, circle=(LAT + i * 100 / NORTH_M, LON, 20.0)) for i in range(1000)
    ]
    fence = fed(Geofence(ZoneTable([GARDEN, *ponds], {0: range(1001)})))
    found = fence(fixes([0, 30, 60], [55_500, 55_501, 55_502], source=0))
    zones = {f.cause: dict(f.evidence)["zone"] for f in found if f.change is Change.BEGAN}
    assert zones == {"left_safe_zone": "garden", "entered_forbidden_zone": "pond-555"}


def test_a_hole_in_a_zone_is_outside(fed: Any, fixes: Any) -> None:
    ring, hole = square(LAT, LON, 300.0), square(LAT, LON, 100.0)
    fence = fed(Geofence(ZoneTable([Zone("yard", "safe", Crs.WGS84, areas=((ring, hole),))], {0: [0]})))
    assert fence(fixes([0, 30, 60], 200)) == []
    found = fence(fixes([90, 120, 150], 0))
    assert causes(found) == [("left_safe_zone", "began")]
    assert dict(found[0].evidence)["distance_m"] == pytest.approx(100, abs=0.6)


def test_new_zones_keep_what_is_known(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(ZoneTable([GARDEN], {0: [0]})))
    assert causes(fence(fixes([0, 30], 300, source=0))) == [("left_safe_zone", "began")]
    fence.detector = Geofence(ZoneTable([Zone("wide", "safe", Crs.WGS84, circle=(LAT, LON, 900.0))], {0: [0]}))
    assert causes(fence(fixes([60, 90, 120], 300))) == [("left_safe_zone", "ended")]


@pytest.mark.parametrize("crs", list(Crs))
def test_a_zone_means_its_own_coordinates(fed: Any, fixes: Any, crs: Crs) -> None:
    lat, lon = convert(LAT, LON, Crs.WGS84, crs)
    round_zone = Zone("garden", "safe", crs, circle=(float(lat), float(lon), 100.0))
    square_zone = Zone("garden", "safe", crs, polygon=square(float(lat), float(lon), 100.0))
    for zone in (round_zone, square_zone):
        fence = fed(Geofence(ZoneTable([zone], {0: [0]})))
        assert fence(fixes([0, 30, 60], 60)) == []
        found = fence(fixes([90, 120, 150], 160))
        assert dict(found[0].evidence)["distance_m"] == pytest.approx(60, abs=0.6)


def square(lat: float, lon: float, half_m: float) -> tuple[tuple[float, float], ...]:
    north, east = half_m / NORTH_M, half_m / (NORTH_M * 1.003 * np.cos(np.radians(lat)))
    return ((lat - north, lon - east), (lat - north, lon + east), (lat + north, lon + east), (lat + north, lon - east))
