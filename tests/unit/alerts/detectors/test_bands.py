"""Filters as products of matrices do what the same filters do sample by sample."""

import numpy as np
import pytest

from alerts.detectors.bands import STRETCH, alike, banded, filtered, frequencies_hz, gain, mirrored, size

TAPS = (0.1, -0.3, 0.7, -0.3, 0.1)


def test_a_short_filter_is_a_convolution_over_mirrored_ends() -> None:
    window = np.random.default_rng(1).standard_normal((3, 5 * STRETCH)).astype(np.float32)
    expected = [np.convolve(row, TAPS, "valid") for row in mirrored(window, 2)]
    assert filtered(window, banded(*TAPS)) == pytest.approx(np.array(expected), abs=1e-5)


def test_a_band_lets_half_through_at_its_edges_and_all_between() -> None:
    let_through = gain(np.array([0.05, 0.5, 1.4, 4.0, 40.0]), (0.5, 4.0), 4)
    assert let_through == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0], abs=0.01)


def test_the_autocorrelation_of_a_cosine_is_a_cosine() -> None:
    hz = frequencies_hz(100, 10)
    power = np.zeros((1, 100), dtype=np.float32)
    power[0, 20] = 4.0  # 1 Hz, as large as it may be
    lag_s = np.arange(30) / 20
    correlation = power @ alike(hz, np.ones(100), lag_s)
    assert correlation[0] / correlation[0, 0] == pytest.approx(np.cos(2 * np.pi * lag_s), abs=1e-5)


def test_the_size_of_a_sine_is_its_root_mean_square() -> None:
    wave = 3 * np.sin(2 * np.pi * np.arange(400) / 40).astype(np.float32)
    assert size(wave[None]) == pytest.approx(3 / np.sqrt(2), rel=1e-4)
