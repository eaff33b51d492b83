"""Fences that do not cry wolf."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.geofence import Geofence
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Condition, Priority
from ingest.contract import Crs
from ingest.coordinates import convert
from ingest.readings import Location

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


def test_walking_out_is_an_exit_and_coming_back_its_end(fence: Any, fixes: Any, said: Any) -> None:
    found = fence(fixes(np.arange(6) * 30, [20, 80, 120, 150, 180, 210]))
    assert said(found) == [("left_safe_zone", "began", 90.0)]
    assert (found[0].condition, found[0].priority) == (Condition.GEOFENCE, Priority.HIGH)
    evidence = dict(found[0].evidence)
    assert evidence["zone"] == "garden"
    assert evidence["distance_m"] == pytest.approx(80, abs=0.5)
    assert evidence["accuracy_m"] == 8.0
    assert evidence["lat_deg"] == pytest.approx(LAT + 180 / NORTH_M)
    assert evidence["lon_deg"] == LON
    assert said(fence(fixes([300, 330], [105, 70]))) == [("left_safe_zone", "ended", 90.0)]


def test_found_outside_without_ever_having_been_inside(fence: Any, fixes: Any) -> None:
    assert len(fence(fixes([0, 10], 5000))) == 1


def test_one_wild_fix_is_no_exit(fence: Any, fixes: Any) -> None:
    assert fence(fixes(np.arange(20) * 30, np.where(np.arange(20) % 4 == 3, 3000, 10))) == []


def test_jitter_at_the_edge_is_no_exit(fence: Any, fixes: Any) -> None:
    noise_m = np.random.default_rng(1).normal(0, 10, 5000)
    assert fence(fixes(np.arange(5000) * 10, 95 + noise_m, accuracy_m=15.0)) == []


def test_a_cell_tower_is_no_exit_and_brings_nobody_home(fence: Any, fixes: Any) -> None:
    assert fence(fixes(np.arange(20) * 30, 1200, accuracy_m=1000.0)) == []
    assert fence(fixes(np.arange(600, 1200, 30), 900, accuracy_m=np.nan, source=2)) == []
    assert len(fence(fixes([2000, 2030], 500))) == 1
    assert fence(fixes(np.arange(2100, 2400, 30), 0, accuracy_m=1000.0)) == []
    assert len(fence(fixes(2500, 0))) == 1


def test_a_fix_that_cannot_tell_between_two_that_can_is_passed_over(fence: Any, fixes: Any) -> None:
    assert len(fence(fixes([0, 10, 20], [500, 700, 500], accuracy_m=[8, 900, 8]))) == 1


def test_into_the_pond_and_out_of_it(fence: Any, fixes: Any, said: Any) -> None:
    found = fence(fixes([0, 30, 60, 90], [0, 295, 300, 360], row=1))
    assert said(found) == [("entered_forbidden_zone", "began", 30.0), ("entered_forbidden_zone", "ended", 30.0)]
    assert dict(found[0].evidence)["zone"] == "pond"
    assert dict(found[0].evidence)["distance_m"] < 0


def test_one_may_have_several_zones(fence: Any, fixes: Any) -> None:
    found = fence(fixes([0, 30], 300, row=2))
    assert sorted(f.cause for f in found) == ["entered_forbidden_zone", "left_safe_zone"]


def test_two_safe_zones_are_one_safe_place(fed: Any, fixes: Any) -> None:
    hall = Zone("hall", "safe", Crs.WGS84, circle=(LAT + 500 / NORTH_M, LON, 100.0))
    fence = fed(Geofence(ZoneTable([GARDEN, hall], {0: [0, 1]})))
    assert fence(fixes([0, 30, 60, 90], [0, 0, 500, 520])) == []
    assert len(fence(fixes([120, 150], 250))) == 1


def test_who_has_no_zone_is_nowhere_wrong(fence: Any, fixes: Any) -> None:
    assert fence(fixes([0, 30, 60], 90_000, row=3)) == []


def test_a_fix_without_a_place_is_passed_over(fence: Any, fixes: Any) -> None:
    assert fence(fixes([0, 30, 60], np.nan)) == []


def test_a_late_backlog_rings_no_bell(fence: Any, fixes: Any) -> None:
    fence(fixes([1000, 1030], 0))
    assert fence(fixes(np.arange(0, 1000, 30), 900)) == []


def test_new_zones_keep_what_is_known(fed: Any, fixes: Any) -> None:
    fence = fed(Geofence(ZoneTable([GARDEN], {0: [0]})))
    assert len(fence(fixes([0, 30], 300))) == 1
    fence.detector = Geofence(ZoneTable([Zone("wide", "safe", Crs.WGS84, circle=(LAT, LON, 900.0))], {0: [0]}))
    (ended,) = fence(fixes(60, 300))
    assert ended.change == "ended"


@pytest.mark.parametrize("crs", list(Crs))
def test_a_zone_means_its_own_coordinates(fed: Any, fixes: Any, crs: Crs) -> None:
    lat, lon = convert(LAT, LON, Crs.WGS84, crs)
    round_zone = Zone("garden", "safe", crs, circle=(float(lat), float(lon), 100.0))
    square_zone = Zone("garden", "safe", crs, polygon=square(float(lat), float(lon), 100.0))
    for zone in (round_zone, square_zone):
        fence = fed(Geofence(ZoneTable([zone], {0: [0]})))
        assert fence(fixes([0, 30, 60], 60)) == []
        found = fence(fixes([90, 120], 160))
        assert dict(found[0].evidence)["distance_m"] == pytest.approx(60, abs=0.6)


def square(lat: float, lon: float, half_m: float) -> tuple[tuple[float, float], ...]:
    north, east = half_m / NORTH_M, half_m / (NORTH_M * 1.003 * np.cos(np.radians(lat)))
    return ((lat - north, lon - east), (lat - north, lon + east), (lat + north, lon + east), (lat + north, lon - east))
