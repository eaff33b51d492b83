"""Pacing, lapping, and being out at night."""

from typing import Any

import numpy as np
import pytest

from alerts.detectors.standard import DetectorSettings, standard_detectors
from alerts.detectors.wandering_signs import WanderingSettings, WanderingSigns
from alerts.detectors.zones import ZoneTable
from alerts.findings import Priority
from ingest.readings import Location

LAT, LON = 36.64, 117.96
NORTH_M, EAST_M = 110_990.0, 89_430.0
T0_MS = 1_760_000_000_000
#: 14:40 in China at the beginning of tests' time.
MIDNIGHT_S = 86_400 - (T0_MS // 1000 + 8 * 3600) % 86_400


@pytest.fixture
def signs(fed: Any) -> Any:
    return fed(WanderingSigns())


@pytest.fixture
def walk(readings: Any) -> Any:
    def make(at_s: Any, north_m: Any, east_m: Any = 0.0, accuracy_m: Any = 5.0) -> Any:
        lat, lon = LAT + np.asarray(north_m) / NORTH_M, LON + np.asarray(east_m) / EAST_M
        return readings(Location, at_s, 0, lat_deg=lat, lon_deg=lon, accuracy_m=accuracy_m, crs=0)

    return make


def to_and_fro(at_s: np.ndarray, length_m: float) -> np.ndarray:
    return np.abs(at_s % (2 * length_m) - length_m)


def test_to_and_fro_is_pacing_until_it_is_calm(signs: Any, walk: Any, said: Any) -> None:
    at_s = np.arange(0, 600, 10.0)
    found = signs(walk(at_s, to_and_fro(at_s, 60.0)))
    assert [(cause, change) for cause, change, _ in said(found)] == [("pacing", "began")]
    assert found[0].priority is Priority.LOW
    assert dict(found[0].evidence)["turns"] == 6
    assert [f.change.value for f in signs(walk([700, 900, 1400], 0))] == ["ended"]


def test_round_and_round_is_lapping(signs: Any, walk: Any, said: Any) -> None:
    at_s = np.arange(0, 1800, 10.0)
    angle = at_s / 50.0
    found = signs(walk(at_s, 50 * np.cos(angle), 50 * np.sin(angle)))
    assert [(cause, change) for cause, change, _ in said(found)] == [("lapping", "began")]


def test_going_somewhere_and_coming_back_is_neither(signs: Any, walk: Any) -> None:
    at_s = np.arange(0, 3600, 10.0)
    assert signs(walk(at_s, np.minimum(at_s, 3600 - at_s))) == []


def test_lying_still_with_noise_is_neither(signs: Any, walk: Any) -> None:
    random = np.random.default_rng(1)
    at_s = np.arange(0, 7 * 86_400, 30.0)
    noise_m = random.normal(0, 15 / 1.51, (2, len(at_s)))
    assert signs(walk(at_s, *noise_m, accuracy_m=15.0)) == []


def test_out_at_night_and_back(signs: Any, walk: Any, said: Any) -> None:
    at_s = MIDNIGHT_S + np.arange(0, 1200, 60.0)
    away_m = np.where((at_s > MIDNIGHT_S + 300) & (at_s < MIDNIGHT_S + 900), 400.0, 0.0)
    found = [f for f in signs(walk(at_s, away_m)) if f.cause == "out_at_night"]
    assert [f.change.value for f in found] == ["began", "ended"]
    assert said(found)[0][2] == MIDNIGHT_S + 360


def test_out_by_day_is_nothing_and_morning_ends_a_night(signs: Any, walk: Any) -> None:
    noon_s = MIDNIGHT_S + 12 * 3600
    assert signs(walk(noon_s + np.arange(0, 600, 60.0), np.arange(10) * 60.0)) == []
    night_s = MIDNIGHT_S + 86_400
    (out,) = signs(walk(night_s + np.array([0, 60, 120]), [0, 400, 410]))
    (back,) = signs(walk(night_s + np.array([6 * 3600]), 410))
    assert (out.cause, back.change.value) == ("out_at_night", "ended")


def test_fixes_that_do_not_say_how_good_they_are_say_nothing(signs: Any, walk: Any) -> None:
    at_s = np.arange(0, 600, 10.0)
    assert signs(walk(at_s, to_and_fro(at_s, 60.0), accuracy_m=np.nan)) == []


def test_it_watches_only_where_it_is_asked_for() -> None:
    names = {each.name for each in standard_detectors(ZoneTable())}
    assert "wandering_signs" not in names
    asked = DetectorSettings(wandering=WanderingSettings(enabled=True))
    assert "wandering_signs" in {each.name for each in standard_detectors(ZoneTable(), asked)}
