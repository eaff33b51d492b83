"""What a simulated wrist feels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.motion import FALL_S, IMPACT_S, Activity, acceleration, wearers

PEOPLE = 50


def samples(
    activity: Activity, rate_hz: float = 50.0, seconds: float = 10.0, range_g: float = 16.0
) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    people = wearers(rng, PEOPLE)
    return acceleration(
        rng, activity, people, np.arange(round(seconds * rate_hz)) / rate_hz, np.zeros(PEOPLE), range_g=range_g
    )


def magnitude_g(acc_g: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.linalg.norm(acc_g, axis=2)


@pytest.mark.parametrize("activity", list(Activity))
def test_the_same_seed_gives_the_same_samples(activity: Activity) -> None:
    assert np.array_equal(samples(activity), samples(activity))


@pytest.mark.parametrize("activity", list(Activity))
def test_every_movement_is_about_gravity_in_the_mean(activity: Activity) -> None:
    assert 0.85 < magnitude_g(samples(activity)).mean() < 1.35


@pytest.mark.parametrize("activity", [Activity.RESTING, Activity.LYING])
def test_who_rests_is_still(activity: Activity) -> None:
    acc_g = samples(activity)
    assert acc_g.std(axis=1).max() < 0.03
    assert magnitude_g(acc_g).max() < 1.1


@pytest.mark.parametrize("activity", [Activity.WALKING, Activity.SITTING_DOWN, Activity.STANDING_UP])
def test_daily_movements_are_felt_but_are_no_impact(activity: Activity) -> None:
    peak_g = magnitude_g(samples(activity)).max(axis=1)
    assert (peak_g > 1.15).all()
    assert (peak_g < 1.8).all()


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 32.0, 50.0, 100.0])
def test_a_fall_is_free_fall_then_impact_then_stillness_at_any_rate(rate_hz: float) -> None:
    acc_g = samples(Activity.FALLING, rate_hz)
    felt_g = magnitude_g(acc_g)
    time_s = np.arange(felt_g.shape[1]) / rate_hz
    falling = (time_s >= IMPACT_S - 0.35) & (time_s < IMPACT_S - 0.1)
    hitting = np.abs(time_s - IMPACT_S) < 0.3
    after = time_s > FALL_S + 0.5
    assert (felt_g[:, falling].mean(axis=1) < 0.5).all()
    assert (felt_g[:, hitting].max(axis=1) > 3.0).all()
    assert acc_g[:, after].std(axis=1).max() < 0.08


def test_a_fall_turns_the_wrist() -> None:
    acc_g = samples(Activity.FALLING)
    before, after = acc_g[:, :10].mean(axis=1), acc_g[:, -50:].mean(axis=1)
    cosine = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert (np.degrees(np.arccos(cosine)) > 30).all()


def test_a_sensor_clips_at_its_range() -> None:
    acc_g = samples(Activity.FALLING, range_g=2.0)
    assert np.abs(acc_g).max() == 2.0


def test_movement_goes_on_where_it_was_cut() -> None:
    rng = np.random.default_rng(1)
    people = wearers(rng, 1)
    time_s = np.arange(100) / 50
    whole = acceleration(rng, Activity.WALKING, people, time_s, np.zeros(1))
    second = acceleration(rng, Activity.WALKING, people, time_s[50:], np.zeros(1))
    assert np.abs(whole[:, 50:] - second).max() < 0.4  # the noise alone differs
