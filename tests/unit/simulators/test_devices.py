"""Vitals, beds, buttons and locators: plausible, and within the contract."""

import msgspec
import numpy as np
import pytest

from ingest.contract import MESSAGE_OF, Crs, Kind, LocationMessage, parse_topic
from ingest.coordinates import convert, distance_m
from simulators import bed_mat, bracelet, button, locator
from simulators.stream import Sent

SITE = "songhe"
DAY_MS = 86_400_000


def decoded(message: Sent) -> msgspec.Struct:
    address = parse_topic(message.topic)
    assert address is not None
    return msgspec.json.decode(message.payload, type=MESSAGE_OF[Kind(address.kind)])


def test_a_heart_beats_slowest_before_dawn_and_fastest_late_in_the_afternoon() -> None:
    rng = np.random.default_rng(3)
    people = bracelet.bodies(rng, 200)
    time_ms = np.arange(0, DAY_MS, 600_000) + 1_759_968_000_000
    hour = (time_ms + 8 * 3_600_000) % DAY_MS / 3_600_000
    signs = bracelet.vital_signs(rng, people, time_ms)
    mean = signs.heart_rate_bpm.mean(axis=0)
    assert 2 < hour[np.argmin(mean)] < 7
    assert 14 < hour[np.argmax(mean)] < 19
    assert 0.3 < np.ptp(signs.temperature_c.mean(axis=0)) < 0.8


def test_nobody_is_ill_by_chance() -> None:
    rng = np.random.default_rng(4)
    people = bracelet.bodies(rng, 300)
    signs = bracelet.vital_signs(rng, people, np.arange(0, DAY_MS, 60_000) + 1_759_968_000_000)
    for values, low, high in (
        (signs.heart_rate_bpm, 45, 110),
        (signs.spo2_pct, 94, 100),
        (signs.temperature_c, 35.5, 37.6),
        (signs.respiration_per_min, 10, 22),
        (signs.systolic_mmhg, 100, 180),
    ):
        assert low < values.min()
        assert values.max() <= high


def test_every_message_is_one_of_the_contract() -> None:
    rng = np.random.default_rng(5)
    people = bracelet.bodies(rng, 1)
    time_ms = np.array([1_760_000_000_000, 1_760_000_060_000])
    signs = bracelet.vital_signs(rng, people, time_ms)
    nights = bed_mat.sleep(rng, np.array([60.0]), np.array([14.0]), np.array([[True, False]]), time_ms)
    fall, _ = bracelet.confirmed_fall(SITE, "b", "r", 1_760_000_000_000)
    press, _ = button.press(SITE, "k", "r", 1_760_000_000_000)
    place = locator.Place(36.644, 117.967, 60.0)
    lat, lon, accuracy_m = locator.fixes(rng, place, np.zeros((2, 2)))
    messages = [
        *bracelet.vitals_messages(SITE, "b", signs, 0, battery_pct=50.0),
        bracelet.status(SITE, "b", 1_760_000_000_000, battery_pct=50.0, rssi_dbm=-70),
        *bed_mat.bed_messages(SITE, "m", nights, 0),
        *fall,
        *press,
        *button.cancel(SITE, "k", 1_760_000_000_000),
        *button.drill(SITE, "k", 1_760_000_000_000),
        button.status(SITE, "k", 1_760_000_000_000, battery_pct=50.0),
        *locator.location_messages(SITE, "l", time_ms, lat, lon, accuracy_m),
    ]
    assert len(messages) == 13
    for message in messages:
        assert decoded(message).t is not None  # type: ignore[attr-defined]


def test_an_empty_bed_has_no_heart_rate_and_leaving_it_is_an_incident() -> None:
    present = np.array([[True, True, False, False, True, False]])
    time_ms = 1_760_000_000_000 + 10_000 * np.arange(6)
    nights = bed_mat.sleep(np.random.default_rng(1), np.array([60.0]), np.array([14.0]), present, time_ms)
    assert np.array_equal(np.isnan(nights.heart_rate_bpm), ~present)
    assert nights.moving_share[0, 1] > 0.3  # getting up is felt
    incidents = bed_mat.exits("m", "r", present[0], time_ms)
    assert [incident.at_ms for incident in incidents] == [time_ms[2], time_ms[5]]


def test_a_sleeper_turns_over_as_often_as_told() -> None:
    time_ms = 1_760_000_000_000 + 10_000 * np.arange(8_640)
    present = np.ones((20, 8_640), dtype=bool)
    nights = bed_mat.sleep(np.random.default_rng(1), np.full(20, 60.0), np.full(20, 14.0), present, time_ms)
    turns_per_h = (nights.moving_share > 0.3).sum() / 20 / 24
    assert turns_per_h == pytest.approx(4.0, rel=0.1)


def test_a_stroll_stays_inside_for_a_month_and_does_not_jump() -> None:
    rng = np.random.default_rng(2)
    people = locator.walkers(rng, 30, 60.0)
    after, track = locator.stroll(rng, people, 10_000, 60.0, reach_m=40.0)
    assert np.hypot(track[..., 0], track[..., 1]).max() <= 40.0
    assert np.linalg.norm(np.diff(track, axis=1), axis=2).max() <= 0.3 * 60.0 + 1e-9
    assert np.ptp(track[..., 0], axis=1).min() > 20.0  # they do get about
    assert np.array_equal(after.position_m, track[:, -1])


def test_walking_out_crosses_the_edge_when_it_says() -> None:
    place = locator.Place(36.644, 117.967, 60.0)
    position = np.array([30.0, -40.0])
    crossing_s = locator.crossing_s(position, place)
    track = locator.walk_out(position, np.array([0.0, crossing_s, crossing_s + 20.0]))
    assert np.hypot(*track[1]) == pytest.approx(60.0)
    assert np.hypot(*track[2]) == pytest.approx(80.0)


def test_two_fixes_of_three_lie_within_the_accuracy_they_claim() -> None:
    place = locator.Place(36.644, 117.967, 60.0)
    track = np.tile(np.array([10.0, 20.0]), (20_000, 1))
    lat, lon, accuracy_m = locator.fixes(np.random.default_rng(9), place, track, accuracy_m=15.0)
    true_lat, true_lon, _ = locator.fixes(np.random.default_rng(9), place, track[:1], accuracy_m=1e-6)
    error_m = distance_m(lat, lon, true_lat[0], true_lon[0])
    assert (error_m <= accuracy_m).mean() == pytest.approx(0.68, abs=0.01)


def test_a_locator_speaks_its_own_coordinates() -> None:
    time_ms = np.array([1_760_000_000_000])
    lat, lon = np.array([36.644]), np.array([117.967])
    (message,) = locator.location_messages(SITE, "l", time_ms, lat, lon, None, crs=Crs.GCJ02)
    spoken = decoded(message)
    assert isinstance(spoken, LocationMessage)
    assert spoken.crs is None
    back_lat, back_lon = convert([spoken.lat], [spoken.lon], Crs.GCJ02, Crs.WGS84)
    assert distance_m(lat, lon, [spoken.lat], [spoken.lon])[0] > 300
    assert distance_m(lat, lon, back_lat, back_lon)[0] < 0.5
