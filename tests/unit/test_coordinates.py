"""Coordinates of China, both ways."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contract import Crs
from ingest.coordinates import convert, distance_m, from_wgs84, from_wgs84_coded, metres_per_degree, to_wgs84
from ingest.readings import CRSS


def over_china(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    return random.uniform(18.0, 53.5, count), random.uniform(73.6, 135.0, count)


def test_the_published_check_pair_is_met() -> None:
    lat, lon = from_wgs84(31.1774276, 121.5272106, Crs.GCJ02)
    assert float(lat) == pytest.approx(31.17530398364597, abs=1e-12)
    assert float(lon) == pytest.approx(121.531541859215, abs=1e-12)


def test_bd09_follows_baidus_own_formula() -> None:
    lat, lon = 39.915, 116.404
    turns = np.pi * 3000 / 180
    radius = np.sqrt(lon**2 + lat**2) + 0.00002 * np.sin(lat * turns)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * turns)
    got = convert(lat, lon, Crs.GCJ02, Crs.BD09)
    assert float(got[0]) == pytest.approx(radius * np.sin(angle) + 0.006, abs=1e-12)
    assert float(got[1]) == pytest.approx(radius * np.cos(angle) + 0.0065, abs=1e-12)


@pytest.mark.parametrize(("there", "back"), [p for p in itertools.product(Crs, Crs) if p[0] is not p[1]])
def test_there_and_back_is_where_it_was_all_over_china(there: Crs, back: Crs) -> None:
    lat, lon = over_china()
    again = convert(*convert(lat, lon, there, back), back, there)
    assert distance_m(lat, lon, *again).max() < 0.001
    assert np.abs(again[0] - lat).max() < 1e-8
    assert np.abs(again[1] - lon).max() < 1e-8


@pytest.mark.parametrize("crs", [Crs.GCJ02, Crs.BD09])
def test_the_systems_really_differ(crs: Crs) -> None:
    lat, lon = over_china()
    apart_m = distance_m(lat, lon, *from_wgs84(lat, lon, crs))
    assert 300 < np.median(apart_m) < 1300
    assert apart_m.max() < 2000


def test_each_position_is_converted_from_its_own_system() -> None:
    lat, lon = over_china(999)
    code = (np.arange(999) % 3).astype(np.int8)
    spoken = from_wgs84_coded(lat, lon, code)
    back = to_wgs84(*spoken, code)
    assert distance_m(lat, lon, *back).max() < 0.001
    for index, crs in enumerate(CRSS):
        mine = code == index
        np.testing.assert_array_equal(spoken[0][mine], from_wgs84(lat[mine], lon[mine], crs)[0])


def test_abroad_nothing_is_shifted() -> None:
    lat, lon = np.array([48.85, 90.0, -90.0, 0.0]), np.array([2.35, 180.0, -180.0, 0.0])
    for there, back in itertools.product(Crs, Crs):
        new_lat, new_lon = convert(lat, lon, there, back)
        np.testing.assert_array_equal(new_lat, lat)
        np.testing.assert_array_equal(new_lon, lon)


def test_an_unknown_position_stays_unknown_in_silence() -> None:
    nan = np.array([np.nan, 36.6])
    lat, _ = to_wgs84(nan, nan, np.array([1, 2], dtype=np.int8))
    assert np.isnan(lat[0])
    assert np.isfinite(lat[1])


def test_a_position_in_an_unknown_system_is_no_position() -> None:
    lat, lon = to_wgs84([36.6, 36.6], [117.9, 117.9], np.array([-1, 0], dtype=np.int8))
    np.testing.assert_array_equal(np.isnan(lat), [True, False])
    np.testing.assert_array_equal(np.isnan(lon), [True, False])


def test_a_code_nobody_gave_is_our_own_error() -> None:
    with pytest.raises(ValueError, match="code 3"):
        to_wgs84([36.6], [117.9], np.array([3], dtype=np.int8))


def test_inputs_are_not_changed_and_nothing_is_a_batch_too() -> None:
    lat, lon = over_china(10)
    before = lat.copy(), lon.copy()
    to_wgs84(lat, lon, np.ones(10, dtype=np.int8))
    np.testing.assert_array_equal(lat, before[0])
    np.testing.assert_array_equal(lon, before[1])
    empty = np.empty(0)
    assert to_wgs84(empty, empty, np.empty(0, dtype=np.int8))[0].shape == (0,)


@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(0, 2 * np.pi), st.floats(1, 2000))
def test_flat_metres_agree_with_the_sphere_nearby(lat: float, lon: float, bearing: float, away_m: float) -> None:
    north, east = metres_per_degree(lat)
    there = lat + away_m * np.cos(bearing) / float(north), lon + away_m * np.sin(bearing) / float(east)
    assert float(distance_m(lat, lon, *there)) == pytest.approx(away_m, rel=0.01)
