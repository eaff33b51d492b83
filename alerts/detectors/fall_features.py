"""What a window of acceleration around an impact says about a fall, in numbers that do not depend on the mounting.

Every feature is made of lengths, angles between vectors of the same window and projections on the window's own
gravity, so a turned, mirrored or differently worn bracelet gives the same numbers. The kinds of feature (free fall,
peak, jerk, energy by frequency, what was before and after) follow the surveys of wearable fall detection (Casilari et
al., Sensors 2017; Hussain et al., Sensors 2019); which of them are kept was decided by leave-subjects-out trials, see
docs/detectors/fall.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

RATE_HZ: Final = 25.0
#: The place of the impact in every window.
IMPACT: Final = 75
#: Cells through 3 s and through 4 s after the impact.
SUSPECTED_CELLS: Final = 150
DECIDED_CELLS: Final = 175

_SMOOTH: Final = 21
#: Parts of a window by cells: long before, before, falling, impact, just after, after.
_PARTS: Final = ((0, 37), (37, 60), (60, 74), (70, 82), (82, 107), (107, 150))
_LATE: Final = (150, 175)
#: Bands of frequency in Hz.
_BANDS: Final = ((0.3, 1.5), (1.5, 3.0), (3.0, 5.0), (5.0, 8.0), (8.0, 12.5))
#: Stretches of 64 cells whose energy is told by frequency: around the impact, before and after it.
_STRETCHES: Final = ((IMPACT - 32, IMPACT + 32), (0, 64), (86, SUSPECTED_CELLS))
_frequency_hz: Final = np.fft.rfftfreq(64, 1.0 / RATE_HZ)
_IN_BAND: Final = [(_frequency_hz >= low) & (_frequency_hz < high) for low, high in _BANDS]
_LEVELS_LOW_G: Final = (0.5, 0.7, 0.85)
_LEVELS_HIGH_G: Final = (1.5, 2.0, 3.0)


def channels(windows: Float32) -> Float32:
    """Signals (n, cells, 7) of windows (n, cells, 3) in g, cells 150 or 175, alike however the bracelet is mounted.

    In order: length; length less its running mean; length of what is not gravity; part along gravity; length of the
    change from cell to cell; cosine to gravity 1 s before the fall; cosine to gravity at the end. Each of the seven
    lies by itself in memory, as they are looked at one by one.
    """
    axes, by_cell = _axes(windows), _by_cell(windows)
    size = _length(axes)
    gravity = _smoothed(axes)
    up = _direction(gravity)
    before, after = (_direction(by_cell[first:end].mean(axis=0)) for first, end in ((25, 60), (110, 150)))
    signals = np.zeros((7, *size.shape), dtype=np.float32)
    signals[0] = size
    signals[1] = size - _smoothed(size)
    signals[2] = _length(axes - gravity)
    signals[3] = _along(axes, up)
    signals[4, :, 1:] = _length(np.diff(axes, axis=2))
    signals[5] = _along(up, before[:, :, np.newaxis])
    signals[6] = _along(up, after[:, :, np.newaxis])
    return np.moveaxis(signals, 0, 2)


def features(windows: Float32) -> Float32:
    """Features (n, features) of windows (n, cells, 3) in g, cells 150 or 175."""
    acc_g = np.asarray(windows, dtype=np.float32)
    signals = channels(acc_g)
    size, moving, change = signals[:, :, 0], signals[:, :, 2], signals[:, :, 4]
    upward = signals[:, :, 3]
    across = np.sqrt(np.maximum(size**2 - upward**2, 0.0))
    found: list[Float32] = []
    parts = (*_PARTS, _LATE) if acc_g.shape[1] > _LATE[0] else _PARTS
    five = np.stack([size, moving, change, across, upward])
    by_cell = np.ascontiguousarray(np.moveaxis(five, 2, 0))  # as in _by_cell
    for first, end in parts:
        part = five[:3, :, first:end]
        mean = part.mean(axis=2, keepdims=True)
        spread = np.sqrt(np.square(part - mean).mean(axis=2))
        highest, lowest = by_cell[first:end].max(axis=0), by_cell[first:end].min(axis=0)
        for signal in range(3):
            found += [mean[signal, :, 0], spread[signal], highest[signal]]
        found += [lowest[0], highest[3], highest[4], lowest[4]]
    found += _impact(size, change, moving, across)
    found += _falling(acc_g, size)
    found += _turning(acc_g, signals)
    found += _rhythm(size, moving)
    found += _quiet(moving, change)
    return np.array(found, dtype=np.float32).T


def _impact(size: Float32, change: Float32, moving: Float32, across: Float32) -> list[Float32]:
    """Height, steepness, width and loneliness of the impact."""
    peak = np.maximum(size[:, IMPACT], np.float32(1e-3))
    near = slice(IMPACT - 10, IMPACT + 11)
    slope = np.diff(size, axis=1)
    elsewhere = np.concatenate([size[:, : IMPACT - 10], size[:, IMPACT + 11 : SUSPECTED_CELLS]], axis=1)
    energy = moving**2
    around = energy[:, IMPACT - 5 : IMPACT + 6].sum(axis=1)
    whole = energy[:, :SUSPECTED_CELLS].sum(axis=1)
    times = np.arange(SUSPECTED_CELLS, dtype=np.float32) - IMPACT
    weight = energy[:, :SUSPECTED_CELLS] / np.maximum(whole, 1e-6)[:, np.newaxis]
    centre = (weight * times).sum(axis=1)
    spread = np.sqrt(np.maximum((weight * times**2).sum(axis=1) - centre**2, 0.0))
    cumulated = np.sort(change[:, 50:110], axis=1)
    return [
        peak,
        slope[:, IMPACT - 10 : IMPACT + 10].max(axis=1),
        slope[:, IMPACT - 10 : IMPACT + 10].min(axis=1),
        (size[:, near] > 0.5 * peak[:, np.newaxis] + 0.5).sum(axis=1),
        np.partition(elsewhere, -3, axis=1)[:, -3],
        elsewhere.max(axis=1),
        elsewhere.max(axis=1) / peak,
        elsewhere[:, : IMPACT - 10].max(axis=1) / peak,
        around,
        around / np.maximum(whole, 1e-6),
        centre,
        spread,
        cumulated[:, -1],
        cumulated[:, -3],
        cumulated[:, -6],
        cumulated[:, 30],
        np.argmax(change[:, near], axis=1).astype(np.float32) - 10,
        across[:, near].max(axis=1) / peak,
        size[:, near].mean(axis=1),
        *((size[:, 50:100] > level).sum(axis=1) for level in _LEVELS_HIGH_G),
    ]


def _falling(acc_g: Float32, size: Float32) -> list[Float32]:
    """Weightlessness and the speed gained before the impact."""
    fall = size[:, IMPACT - 30 : IMPACT]
    lowest = np.argmin(fall, axis=1)
    pull = _axes(acc_g[:, 50:90]) - _by_cell(acc_g[:, 25:50]).mean(axis=0)[:, :, np.newaxis]
    speed: Float32 = np.cumsum(pull, axis=2, dtype=np.float32) / np.float32(RATE_HZ)
    return [
        fall.min(axis=1),
        lowest.astype(np.float32),
        size[:, IMPACT] - fall.min(axis=1),
        np.sort(fall, axis=1)[:, 5],
        *((fall < level).sum(axis=1) for level in _LEVELS_LOW_G),
        np.minimum(fall - 1.0, 0.0).sum(axis=1),
        np.minimum(size[:, IMPACT : IMPACT + 20] - 1.0, 0.0).sum(axis=1),
        size[:, IMPACT : IMPACT + 15].min(axis=1),
        _length(speed).max(axis=1),
        _length(speed[:, :, -1]),
        _length(_by_cell(acc_g[:, IMPACT - 3 : IMPACT + 4]).sum(axis=0)) / np.float32(RATE_HZ),
    ]


def _turning(acc_g: Float32, signals: Float32) -> list[Float32]:
    """How the bracelet turned against gravity, and how the impact lay to it."""
    by_cell = _by_cell(acc_g)
    means = [by_cell[first:end].mean(axis=0) for first, end in ((0, 25), (25, 55), (90, 115), (115, 150))]
    far, before, soon, after = (_direction(mean) for mean in means)
    hit = _direction(by_cell[IMPACT])
    smooth = signals[:, :, 5]
    peak = acc_g[:, IMPACT - 5 : IMPACT + 6]
    centred = peak - peak.mean(axis=1, keepdims=True)
    # Eigenvalues of the 3 × 3 scatter: how far the impact kept to one line or plane.
    scatter = np.linalg.eigvalsh(np.einsum("ncx,ncy->nxy", centred, centred) / centred.shape[1])
    total = np.maximum(scatter.sum(axis=1), 1e-6)
    return [
        _along(far, before),
        _along(before, soon),
        _along(before, after),
        _along(soon, after),
        _along(hit, before),
        _along(hit, after),
        smooth[:, 50:110].min(axis=1),
        np.abs(np.diff(smooth[:, 50:110], axis=1)).sum(axis=1),
        _length(means[1]),
        _length(means[3]),
        (scatter[:, 2] / total).astype(np.float32),
        np.sqrt(np.maximum(scatter[:, 2], 0.0)).astype(np.float32),
        np.sqrt(np.maximum(scatter[:, 0], 0.0)).astype(np.float32),
    ]


def _rhythm(size: Float32, moving: Float32) -> list[Float32]:
    """Energy by frequency around the impact and before it, and how regular the movement is."""
    found: list[Float32] = []
    stretches = np.stack([size[:, first:end] for first, end in _STRETCHES])
    for power in np.abs(np.fft.rfft(stretches - stretches.mean(axis=2, keepdims=True), axis=2)) ** 2:
        bands = [power[:, band].sum(axis=1) for band in _IN_BAND]
        found += [np.log10(band + 1e-3) for band in bands]
        found.append((bands[3] + bands[4]) / np.maximum(power.sum(axis=1), 1e-6))
    for signal, first, end in ((size, 0, 65), (moving, 0, SUSPECTED_CELLS)):
        part = np.minimum(signal[:, first:end], 2.5)
        part = part - part.mean(axis=1, keepdims=True)
        length = 2 * (end - first)
        echo = np.fft.irfft(np.abs(np.fft.rfft(part, length, axis=1)) ** 2, axis=1)
        found.append(echo[:, 6:35].max(axis=1) / np.maximum(echo[:, 0], 1e-6))
    return found


def _quiet(moving: Float32, change: Float32) -> list[Float32]:
    """How still it is before and after, and the longest such stretch's share."""
    before, after = moving[:, 0:55], moving[:, 95:SUSPECTED_CELLS]
    return [
        _median(before),
        _median(after),
        (before < 0.1).mean(axis=1),
        (after < 0.1).mean(axis=1),
        _median(change[:, 110:SUSPECTED_CELLS]),
        np.log((moving[:, 0:60] ** 2).mean(axis=1) + 1e-4) - np.log((after**2).mean(axis=1) + 1e-4),
    ]


def _axes(windows: Float32) -> Float32:
    """Windows (n, cells, 3) as vectors (3, n, cells): numpy is slow along a last axis of three."""
    return np.ascontiguousarray(np.moveaxis(windows, 2, 0))


def _by_cell(windows: Float32) -> Float32:
    """Windows (n, cells, 3) as (cells, 3, n): what is made of a stretch's cells is made for all at once."""
    return np.ascontiguousarray(windows.T.swapaxes(0, 1))


def _along(one: Float32, other: Float32) -> Float32:
    """The inner products (…) of vectors (3, …): for directions their cosine."""
    x, y, z = one
    a, b, c = other
    product: Float32 = x * a + y * b + z * c
    return product


def _length(vectors: Float32) -> Float32:
    length: Float32 = np.sqrt(_along(vectors, vectors))
    return length


def _direction(vectors: Float32) -> Float32:
    length: Float32 = np.maximum(_length(vectors), np.float32(1e-3))
    direction: Float32 = vectors / length
    return direction


def _median(values: Float32) -> Float32:
    """The median (n,) of values (n, m)."""
    middle = [(values.shape[1] - 1) // 2, values.shape[1] // 2]
    median: Float32 = np.sort(values, axis=1)[:, middle].mean(axis=1)
    return median


def _smoothed(signals: Float32) -> Float32:
    """Running mean over 0.84 s along the last axis, shorter at the ends."""
    half, count = _SMOOTH // 2, signals.shape[-1]
    whole = np.zeros((*signals.shape[:-1], count + 1), dtype=np.float64)
    np.cumsum(signals, axis=-1, out=whole[..., 1:])
    low, high = np.maximum(np.arange(count) - half, 0), np.minimum(np.arange(count) + half + 1, count)
    mean: Float32 = ((whole.take(high, axis=-1) - whole.take(low, axis=-1)) / (high - low)).astype(np.float32)
    return mean
