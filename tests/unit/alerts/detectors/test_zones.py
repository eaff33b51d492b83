"""Zones and their measures."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.zones import Hours, Zone, ZoneTable
from ingest.contract import Crs
from ingest.coordinates import distance_m

SQUARE = ((36.0, 117.0), (36.0, 117.01), (36.01, 117.01), (36.01, 117.0))


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({}, "circle, a polygon or areas"),
        ({"circle": (36.0, 117.0, 5.0), "polygon": SQUARE}, "circle, a polygon or areas"),
        ({"circle": (36.0, 117.0, 0.0)}, "radius"),
        ({"circle": (36.0, 117.0, float("nan"))}, "radius"),
        ({"circle": (96.0, 117.0, 5.0)}, "latitude"),
        ({"circle": (float("nan"), 117.0, 5.0)}, "latitude"),
        ({"polygon": SQUARE[:2]}, "three corners"),
        ({"polygon": (SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3])}, "Self-intersection"),
        ({"polygon": ((10.0, 100.0), (10.0, 120.0), (30.0, 110.0))}, "across"),
        ({"rule": "maybe", "circle": (36.0, 117.0, 5.0)}, "neither safe nor forbidden"),
    ],
)
def test_a_zone_that_is_none_says_why(wrong: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        Zone(**{"zone": "z", "rule": "safe", "crs": Crs.WGS84, **wrong})


def test_a_row_with_a_zone_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="row 3"):
        ZoneTable([], {3: [0]})


def test_distances_to_polygons_are_metres_on_the_ground() -> None:
    table = ZoneTable([Zone("square", "safe", Crs.WGS84, polygon=SQUARE)])
    lat, lon = np.array([36.005, 36.005, 36.02, 36.005]), np.array([117.005, 117.02, 117.005, 116.999])
    outside = table.outside_m(np.zeros(4, dtype=np.intp), lat, lon)
    expected = [
        -float(distance_m(36.005, 117.005, 36.005, 117.01)),
        float(distance_m(36.005, 117.01, 36.005, 117.02)),
        float(distance_m(36.01, 117.005, 36.02, 117.005)),
        float(distance_m(36.005, 116.999, 36.005, 117.0)),
    ]
    np.testing.assert_allclose(outside, expected, rtol=0.005)


def test_a_circle_and_the_polygon_drawn_around_it_agree() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    north, east = 500 / 110_962.0, 500 / (111_413.0 * np.cos(np.radians(36.0)))
    ring = tuple(zip((36.0 + north * np.sin(angle)).tolist(), (117.0 + east * np.cos(angle)).tolist(), strict=True))
    table = ZoneTable(
        [Zone("a", "safe", Crs.WGS84, circle=(36.0, 117.0, 500.0)), Zone("b", "safe", Crs.WGS84, polygon=ring)]
    )
    random = np.random.default_rng(2)
    lat, lon = random.uniform(35.98, 36.02, 500), random.uniform(116.98, 117.02, 500)
    zone = np.zeros(500, dtype=np.intp)
    np.testing.assert_allclose(table.outside_m(zone, lat, lon), table.outside_m(zone + 1, lat, lon), atol=3.0)


def test_a_zone_may_lie_on_the_date_line() -> None:
    table = ZoneTable([Zone("line", "safe", Crs.WGS84, circle=(10.0, 179.999, 1000.0))])
    assert table.outside_m(np.zeros(1, dtype=np.intp), np.array([10.0]), np.array([-179.999]))[0] < 0


def test_rows_with_the_same_zones_share_a_set() -> None:
    circle = (36.0, 117.0, 5.0)
    zones = [Zone(name, "safe", Crs.WGS84, circle=circle) for name in "abc"]
    table = ZoneTable(zones, {4: [2, 0, 2], 1: [1], 5: [0, 2], 9: [1]})
    sets = table.sets(6)
    assert sets[4] == sets[5] != sets[1]
    assert (sets[[0, 2, 3]] == -1).all()
    assert len(table.sets(2)) == 2


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"from_min": 1440, "until_min": 0}, "from is not a minute"),
        ({"from_min": 0, "until_min": -1}, "until is not a minute"),
        ({"from_min": 60, "until_min": 60}, "the same"),
        ({"from_min": 0, "until_min": 60, "days": (7,)}, "days of the week"),
        ({"from_min": 0, "until_min": 60, "days": ()}, "days of the week"),
    ],
)
def test_hours_that_are_none_say_why(wrong: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        Hours(**wrong)


def test_a_night_begins_on_its_days_and_ends_on_the_next() -> None:
    saturday_night = Hours(22 * 60, 6 * 60, days=(5,))
    table = ZoneTable([Zone("z", "safe", Crs.WGS84, circle=(36.0, 117.0, 5.0), hours=saturday_night)], {0: [0]})
    first_monday_min = 4 * 24 * 60  # 1970-01-05
    minutes = first_monday_min + np.arange(7 * 24 * 60)
    away_m, _ = table.nearest(
        np.zeros(len(minutes), dtype=np.intp),
        np.full(len(minutes), 36.0),
        np.full(len(minutes), 117.0),
        minutes * 60_000,
        np.full(len(minutes), 100.0),
        0,
    )
    counts = np.flatnonzero(~np.isnan(away_m[0]))
    saturday = 5 * 24 * 60
    assert counts.tolist() == list(range(saturday + 22 * 60, saturday + 30 * 60))
