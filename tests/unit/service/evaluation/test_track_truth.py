"""Where people stay and when they are away, told with hindsight."""

import numpy as np
import pytest

from service.evaluation.track_truth import Place, Track, exits, far_out, places, smoothed_m

LAT, LON = 39.98, 116.33
NORTH_M = 111_195.0
HOME = Place(LAT, LON, 100.0)


def track(time_s: np.ndarray, north_m: np.ndarray) -> Track:
    return Track(np.asarray(time_s, dtype=float), LAT + np.asarray(north_m) / NORTH_M, np.full(len(time_s), LON))


def test_a_place_is_where_the_minutes_are_dense() -> None:
    random = np.random.default_rng(1)
    time_s = np.arange(0, 5 * 3600, 10.0)
    away_m = np.where(time_s < 2 * 3600, 0.0, np.where(time_s < 4 * 3600, 3000.0, (time_s - 4 * 3600) * 10 + 5000.0))
    found = sorted(places([track(time_s, away_m + random.normal(0, 10, len(time_s)))]), key=lambda p: p.lat_deg)
    assert [(p.lat_deg - LAT) * NORTH_M for p in found] == pytest.approx([0, 3000], abs=10)
    assert all(50 <= p.radius_m <= 60 for p in found)


def test_somebody_who_stays_nowhere_has_one_place_all_the_same() -> None:
    time_s = np.arange(0, 600, 10.0)
    assert len(places([track(time_s, time_s * 10)])) == 1


def test_an_exit_is_a_minute_far_outside_and_a_return_a_minute_inside() -> None:
    time_s = np.arange(0, 1200, 5.0)
    north_m = np.select([time_s < 300, time_s < 600, time_s < 630, time_s < 700], [0, 200, 50, 200], 0)
    (away,) = exits(track(time_s, north_m), [HOME])
    assert (away.begin_s, away.end_s) == (300, 700)


def test_what_is_short_or_in_the_band_is_no_exit() -> None:
    time_s = np.arange(0, 1200, 5.0)
    band = np.where((time_s > 300) & (time_s < 600), 115, 0)
    short = np.where((time_s > 300) & (time_s < 345), 300, 0)
    assert exits(track(time_s, band), [HOME]) == ()
    assert exits(track(time_s, short), [HOME]) == ()
    assert far_out(track(time_s, short), [HOME], 320.0, 60.0)
    assert not far_out(track(time_s, short), [HOME], 600.0, 60.0)


def test_wild_fixes_have_no_say_and_gaps_are_not_looked_across() -> None:
    time_s = np.concatenate([np.arange(0, 300, 60.0), np.arange(4000, 4300, 60.0)])
    north_m = np.array([0, 0, 5000, 0, 0, 200, 200, 200, 200, 200])
    away_m = smoothed_m(track(time_s, north_m), [HOME])
    assert away_m[:5] == pytest.approx(-100, abs=1)
    assert away_m[5:] == pytest.approx(100, abs=1)
    assert track(time_s, north_m).recorded_s[-1] == 480
    (away,) = exits(track(time_s, north_m), [HOME])
    assert (away.begin_s, away.end_s) == (4000, np.inf)


def test_the_nearest_of_several_zones_counts() -> None:
    time_s = np.arange(0, 600, 5.0)
    far = Place(LAT + 1000 / NORTH_M, LON, 100.0)
    assert exits(track(time_s, np.full(len(time_s), 1000.0)), [HOME, far]) == ()
