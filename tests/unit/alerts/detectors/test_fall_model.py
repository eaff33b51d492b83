"""The shipped fall model: one window or many, shapes, thresholds, and files that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.detectors.fall_features import DECIDED_CELLS, IMPACT, SUSPECTED_CELLS
from alerts.detectors.fall_model import VERSION, FallModel, ModelError


def windows(count: int, cells: int) -> NDArray[np.float32]:
    """Lying still or moving about, with impacts of many heights."""
    random = np.random.default_rng(5)
    acc_g = random.normal(0.0, 1.0, (count, cells, 3)) * random.uniform(0.01, 0.6, (count, 1, 1))
    acc_g[:, :, 2] += 1.0
    acc_g[:, IMPACT] += random.uniform(1.0, 5.0, (count, 1))
    return np.clip(acc_g, -4.0, 4.0).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> FallModel:
    return FallModel.load()


def test_many_windows_score_as_each_alone(model: FallModel) -> None:
    for score, cells in ((model.suspected, SUSPECTED_CELLS), (model.decided, DECIDED_CELLS)):
        some = windows(40, cells)
        together = score(some)
        assert together.dtype == np.float64
        assert together.shape == (40,)
        assert np.allclose(together, [score(some[i : i + 1])[0] for i in range(40)], atol=1e-5)
        assert np.ptp(together) > 0


def test_no_window_has_no_score(model: FallModel) -> None:
    assert model.suspected(windows(0, SUSPECTED_CELLS)).shape == (0,)
    assert model.decided(windows(0, DECIDED_CELLS)).shape == (0,)


def test_scores_and_thresholds_lie_between_nought_and_one(model: FallModel) -> None:
    scores = model.decided(windows(200, DECIDED_CELLS))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert 0 < model.decided_threshold < 1
    assert 0 < model.suspected_threshold < 1


def test_windows_are_not_changed(model: FallModel) -> None:
    some = windows(5, DECIDED_CELLS)
    kept = some.copy()
    model.decided(some)
    assert (some == kept).all()


def test_windows_of_another_length_are_refused(model: FallModel) -> None:
    with pytest.raises(ValueError, match=r"expected \(n, 150, 3\)"):
        model.suspected(windows(1, DECIDED_CELLS))
    with pytest.raises(ValueError, match=r"expected \(n, 175, 3\)"):
        model.decided(windows(1, SUSPECTED_CELLS))


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", version=np.int64(VERSION + 1))
    with pytest.raises(ModelError, match=f"version {VERSION + 1}, this program reads version {VERSION}"):
        FallModel.load(tmp_path / "m.npz")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"not an archive")
    with pytest.raises(ModelError, match="cannot be read"):
        FallModel.load(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", version=np.int64(VERSION))
    with pytest.raises(ModelError, match="suspected"):
        FallModel.load(tmp_path / "m.npz")
    with pytest.raises(ModelError, match="no such file"):
        FallModel.load(tmp_path / "none.npz")
