"""Lying still and walking again, told from a wrist's motion."""

import numpy as np
import pytest

from alerts.falls.after_fall import still_s, walk
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import moving


def clock(count: int, rate_hz: float = 50.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.arange(count) / rate_hz


@pytest.mark.parametrize("rate_hz", [20.0, 32.0, 100.0])
@pytest.mark.parametrize(("lay_s", "told_s"), [(14, 12), (42, 40), (120, 60)])
def test_lying_still_is_counted_until_the_wrist_moves(rate_hz: float, lay_s: int, told_s: int) -> None:
    after = np.concatenate([moving(Activity.LYING, lay_s, rate_hz), moving(Activity.WALKING, 20, rate_hz)])
    assert still_s(clock(len(after), rate_hz), after) == pytest.approx(told_s, abs=1)


def test_whoever_moves_on_does_not_lie_still() -> None:
    after = moving(Activity.WALKING, 60)
    assert still_s(clock(len(after)), after) == 0
    assert still_s(np.empty(0), np.empty((0, 3), dtype=np.float32)) == 0
    late = np.concatenate([moving(Activity.WALKING, 20), moving(Activity.LYING, 60)])
    assert still_s(clock(len(late)), late) == 0


def test_where_samples_are_missing_nobody_lies_still() -> None:
    after = moving(Activity.LYING, 60)
    time_s = clock(len(after))
    kept = (time_s < 20) | (time_s >= 30)
    assert still_s(time_s[kept], after[kept]) == pytest.approx(18, abs=1)


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 50.0, 100.0])
def test_ten_seconds_of_walking_are_found_and_how_fast(rate_hz: float) -> None:
    after = np.concatenate([moving(Activity.LYING, 30, rate_hz), moving(Activity.WALKING, 15, rate_hz)])
    found = walk(clock(len(after), rate_hz), after)
    assert found is not None
    assert 39 <= found.end_s <= 45
    assert found.steps_per_min == pytest.approx(102, rel=0.1)


@pytest.mark.parametrize("activity", [Activity.LYING, Activity.RESTING])
def test_rest_is_no_walking(activity: Activity) -> None:
    after = moving(activity, 120)
    assert walk(clock(len(after)), after) is None


@pytest.mark.parametrize("noise_g", [0.0, 0.05])
@pytest.mark.parametrize("swing_hz", [0.6, 1.0, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0])
def test_what_swings_slower_or_faster_than_steps_is_no_walking(swing_hz: float, noise_g: float) -> None:
    time_s = clock(3000)
    swing = np.random.default_rng(1).normal(0, noise_g, (len(time_s), 3)).astype(np.float32)
    swing[:, 2] += 1 + 0.3 * np.sin(2 * np.pi * swing_hz * time_s)
    assert walk(time_s, swing) is None
    steps = swing.copy()
    steps[:, 2] += 1 + 0.3 * np.sin(2 * np.pi * 1.8 * time_s) - swing[:, 2]
    assert walk(time_s, steps) is not None


def test_a_few_steps_or_steps_with_a_gap_are_not_ten_seconds() -> None:
    rest, steps = moving(Activity.LYING, 10), moving(Activity.WALKING, 7)
    after = np.concatenate([rest, steps, rest])
    assert walk(clock(len(after)), after) is None
    steps = moving(Activity.WALKING, 16)
    time_s = clock(len(steps))
    time_s[400:] += 5
    assert walk(time_s, steps) is None
