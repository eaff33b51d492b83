"""The features of a window: the same however the bracelet is mounted, and telling what they should."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from alerts.detectors.fall_features import DECIDED_CELLS, IMPACT, SUSPECTED_CELLS, channels, features


def windows(count: int, cells: int = DECIDED_CELLS) -> NDArray[np.float32]:
    """Movements of many kinds: a slow swing, shaking, an impact, lying afterwards in another posture."""
    random = np.random.default_rng(3)
    time_s = np.arange(cells) / 25.0
    rate, strength = random.uniform(0.5, 3.0, (count, 1, 3)), random.uniform(0.0, 0.5, (count, 1, 3))
    acc_g = strength * np.sin(2 * np.pi * rate * time_s[:, np.newaxis])
    acc_g += random.normal(0.0, 0.05, acc_g.shape)
    acc_g[:, :IMPACT, 2] += 1.0
    acc_g[:, IMPACT:, 0] += 1.0
    acc_g[:, IMPACT] += random.uniform(0.5, 2.0, (count, 3))
    return acc_g.astype(np.float32)


TURNS = {
    "turned": Rotation.from_euler("xyz", [40, -65, 110], degrees=True).as_matrix(),
    "the other wrist": np.diag([-1.0, 1.0, 1.0]),
    "axes exchanged": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS.keys())
@pytest.mark.parametrize("cells", [SUSPECTED_CELLS, DECIDED_CELLS])
def test_mounting_changes_nothing(turn: NDArray[np.float64], cells: int) -> None:
    some = windows(30, cells)
    turned = (some.astype(np.float64) @ turn.T).astype(np.float32)
    assert np.allclose(channels(some), channels(turned), atol=1e-4)
    # Counts of cells above a level may differ by one where a cell lies on the level.
    found, again = features(some), features(turned)
    close = np.isclose(found, again, rtol=1e-2, atol=5e-3)
    assert close.mean() > 0.998


def test_a_window_is_judged_alone() -> None:
    some = windows(20)
    alone = np.concatenate([features(some[i : i + 1]) for i in range(20)])
    assert np.allclose(features(some), alone, rtol=1e-3, atol=1e-4)


def test_shapes_at_both_stages() -> None:
    suspected, decided = features(windows(4, SUSPECTED_CELLS)), features(windows(4, DECIDED_CELLS))
    assert suspected.dtype == decided.dtype == np.float32
    assert suspected.shape[0] == decided.shape[0] == 4
    assert decided.shape[1] > suspected.shape[1]
    assert channels(windows(4)).shape == (4, DECIDED_CELLS, 7)


def test_a_dead_sensor_gives_finite_features() -> None:
    for value in (0.0, 1.0, -4.0):
        assert np.isfinite(features(np.full((2, DECIDED_CELLS, 3), value, dtype=np.float32))).all()


def test_channels_tell_length_change_and_turning() -> None:
    acc_g = np.zeros((1, DECIDED_CELLS, 3), dtype=np.float32)
    acc_g[:, :IMPACT, 2] = 1.0
    acc_g[:, IMPACT:, 0] = 1.0
    acc_g[:, IMPACT] = (3.0, 0.0, 0.0)
    size, _, moving, along, change, before, after = channels(acc_g)[0].T
    assert size[IMPACT] == pytest.approx(3.0)
    assert change[IMPACT] == pytest.approx(np.sqrt(9 + 1))
    assert moving[0] == pytest.approx(0.0)
    assert along[0] == pytest.approx(1.0)
    assert (before[0], before[-1]) == pytest.approx((1.0, 0.0), abs=1e-6)
    assert (after[0], after[-1]) == pytest.approx((0.0, 1.0), abs=1e-6)
