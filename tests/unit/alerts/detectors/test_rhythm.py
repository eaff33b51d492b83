"""Rates from windows: right on clean waves of every rate, refused where there is no rhythm, never twice or half."""

import numpy as np
import pytest

from alerts.detectors.bed_wave import WINDOW_S
from alerts.detectors.rhythm import BREATHING_HZ, HEART_HZ, breathing, heartbeat
from simulators.bed_signal import Sleeper, bed_signal

BREATHS_PER_MIN = np.arange(7, 46)
BEATS_PER_MIN = np.arange(35, 201)
SLOW_S = np.arange(WINDOW_S * BREATHING_HZ) / BREATHING_HZ


def breaths(harmonic: float, phase: float = 0.3) -> np.ndarray:
    turn = 2 * np.pi * (BREATHS_PER_MIN[:, None] / 60 * SLOW_S + phase)
    return (np.sin(turn) + harmonic * np.sin(2 * turn + 0.7)).astype(np.float32)


def pulses(notch: float, start: float) -> np.ndarray:
    """A quick rise and a slower fall with a second, dicrotic bump on it, as a mean over each twentieth of a second."""
    fine_s = np.arange(WINDOW_S * 200) / 200
    phase = (BEATS_PER_MIN[:, None] / 60 * fine_s + start) % 1.0
    bumps = np.exp(-(((phase - 0.25) / 0.12) ** 2)) + notch * np.exp(-(((phase - 0.6) / 0.14) ** 2))
    return bumps.reshape(len(bumps), -1, 10).mean(axis=2).astype(np.float32)


@pytest.mark.parametrize("harmonic", [0.0, 0.3, 0.45])
def test_breaths_of_every_rate_are_counted(harmonic: float) -> None:
    found = breathing(breaths(harmonic))
    # Of seven breaths a minute three are in a window, and the edges take from two of them.
    assert np.abs(found.per_min - BREATHS_PER_MIN).max() < 1.0
    assert np.abs(found.per_min - BREATHS_PER_MIN)[BREATHS_PER_MIN >= 10].max() < 0.15
    assert np.median(found.spread_per_min) < 0.2


@pytest.mark.parametrize("notch", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("start", [0.0, 0.2, 0.5, 0.8])
def test_beats_of_every_rate_are_counted_or_refused(notch: float, start: float) -> None:
    found = heartbeat(pulses(notch, start))
    sure = found.spread_per_min < 0.7
    assert np.abs(found.per_min - BEATS_PER_MIN)[sure].max() < 1.5
    assert sure[BEATS_PER_MIN <= 150].mean() > 0.75


def test_every_other_breath_half_as_deep_is_no_half_rate() -> None:
    turn = 2 * np.pi * (16 / 60 * SLOW_S)
    depth = np.where((turn // (2 * np.pi)) % 2 == 0, 1.0, 0.55)
    found = breathing((depth * np.sin(turn))[None].astype(np.float32))
    assert found.spread_per_min[0] > 0.8 or abs(found.per_min[0] - 16) < 0.5


def test_breaths_ten_times_as_large_as_beats_are_not_taken_for_beats() -> None:
    random = np.random.default_rng(3)
    sleepers = [
        Sleeper(heart_rate_bpm=heart, respiration_per_min=breath)
        for heart in (45, 70, 100, 130)
        for breath in (9, 17, 28)
    ]
    window = np.array([bed_signal(random, sleeper, HEART_HZ, WINDOW_S) for sleeper in sleepers], dtype=np.float32)
    found = heartbeat(window)
    truth = np.array([sleeper.heart_rate_bpm for sleeper in sleepers])
    sure = found.spread_per_min < 0.7
    assert sure.mean() > 0.7
    # The variation of the sleepers' beats makes their true rate a little another one.
    assert (np.abs(found.per_min - truth) / truth)[sure].max() < 0.06


@pytest.mark.parametrize("method", [breathing, heartbeat])
def test_silence_has_no_rhythm(method: object) -> None:
    for level in (0.0, 512.0):
        found = method(np.full((3, 640), level, dtype=np.float32))  # type: ignore[operator]
        assert np.isnan(found.per_min).all()
        assert np.isinf(found.spread_per_min).all()


def test_noise_has_no_rhythm() -> None:
    random = np.random.default_rng(1)
    noise = random.standard_normal((200, WINDOW_S * HEART_HZ)).astype(np.float32)
    slow = random.standard_normal((200, WINDOW_S * BREATHING_HZ)).astype(np.float32)
    assert (heartbeat(noise).spread_per_min < 0.7).mean() < 0.1
    assert (breathing(slow).spread_per_min < 0.8).mean() < 0.1


def test_a_window_says_the_same_alone_and_among_others_and_at_any_scale() -> None:
    windows = breaths(0.3)
    together = breathing(windows)
    for index in (0, 7, 30):
        alone = breathing(windows[index : index + 1] * np.float32(1000) + np.float32(50))
        assert alone.per_min[0] == pytest.approx(together.per_min[index], abs=0.01)
