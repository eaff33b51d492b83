"""Filters over whole windows, and the autocorrelation of what they let through, as products of matrices.

A window of n samples, mirrored at both ends, is a sum of n cosines; a filter weighs these. So it runs both ways, and
uses nothing later than the window's last sample. Where its band is known before, weighing and all that is linear around
it are one matrix, made once; over many short windows that takes less time than Fourier transforms.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]
Float = NDArray[np.float64]

#: Samples filtered at once by `filtered`, of whose multiples windows are: longer ones take more products, shorter more
#: copies.
STRETCH: Final = 16


def frequencies_hz(n: int, rate_hz: float) -> Float:
    """Those of the cosines (n,) that windows of n samples are sums of; for 0 half a step, which no band takes."""
    return np.maximum(np.arange(n), 0.5) * (rate_hz / 2 / n)


def gain(hz: Float, band_hz: tuple[float, float], order: int) -> Float:
    """What a band lets through of frequencies (n,): that of a Butterworth filter of `order`, run both ways."""
    low_hz, high_hz = band_hz
    result: Float = 1 / ((1 + (low_hz / hz) ** (2 * order)) * (1 + (hz / high_hz) ** (2 * order)))
    return result


def alike(hz: Float, passed: Float, lag_s: Float) -> Signal:
    """What makes autocorrelations (k, lags) of the power (k, n) of cosines, `passed` (n,) of which passed a filter.

    The scale of an autocorrelation is left open.
    """
    result: Signal = (passed[:, np.newaxis] ** 2 * np.cos(2 * np.pi * np.outer(hz, lag_s))).astype(np.float32)
    return result


def banded(*taps: float) -> Signal:
    """What `filtered` takes for a short filter that is the same in both directions."""
    matrix = np.zeros((STRETCH + len(taps) - 1, STRETCH), dtype=np.float32)
    for place in range(STRETCH):
        matrix[place : place + len(taps), place] = taps
    return matrix


def filtered(window: Signal, by: Signal) -> Signal:
    """Windows (k, n) passed through the short filter of a `banded` matrix; n is a multiple of STRETCH."""
    k, n = window.shape
    half = (len(by) - STRETCH) // 2
    pieces = window.reshape(k, -1, STRETCH)
    reached = np.empty((k, n // STRETCH, len(by)), dtype=np.float32)
    reached[:, :, half:-half] = pieces
    reached[:, 1:, :half] = pieces[:, :-1, -half:]
    reached[:, :-1, -half:] = pieces[:, 1:, :half]
    reached[:, 0, :half] = window[:, half - 1 :: -1]
    reached[:, -1, -half:] = window[:, : -half - 1 : -1]
    # One product over all stretches takes less than half the time of np.correlate.
    passed: Signal = (reached.reshape(-1, len(by)) @ by).reshape(k, n)
    return passed


def mirrored(window: Signal, pad: int) -> Signal:
    """Windows (k, n) with `pad` samples mirrored at both ends."""
    return np.concatenate([window[:, pad - 1 :: -1], window, window[:, : -pad - 1 : -1]], axis=1)


def size(wave: Signal) -> Signal:
    """The root mean square (k,) of waves (k, n)."""
    result: Signal = np.sqrt(np.einsum("kn,kn->k", wave, wave) / np.float32(wave.shape[1]))
    return result
