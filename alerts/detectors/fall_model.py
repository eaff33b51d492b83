"""The trained part of fall detection: scores for windows around impacts, from a plain data file.

`fall_model.npz` beside this file holds numbers only, is read without pickle and is made by `benchmarks/train_fall.py`.
What it was trained on and what it reaches is told in docs/detectors/fall.md. Not a medical device.
"""

import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Final, Self

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.fall_features import DECIDED_CELLS, SUSPECTED_CELLS, features

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

#: The layout of the data file and the meaning of its features; a file of another version is refused.
VERSION: Final = 1


class ModelError(Exception):
    """A model file that is not there, cannot be read or is of another version."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted decision trees, each filled up to the same depth so that all are walked at once.

    `feature` int16 and `border` float32 (trees, 2**depth - 1): node i has children 2i + 1 (value <= border) and 2i + 2;
    `leaf` float32 (trees, 2**depth). The score of a window is the sum over the trees, in log odds.
    """

    feature: NDArray[np.int16]
    border: Float32
    leaf: Float32

    def log_odds(self, found: Float32) -> Float:
        """The score (n,) of features (n, features)."""
        trees = np.arange(len(self.feature))
        node = np.zeros((len(found), len(trees)), dtype=np.intp)
        row = np.arange(len(found))[:, None]
        # One turn a level of the trees, of which there are about six.
        for _ in range(int(self.leaf.shape[1]).bit_length() - 1):
            value = found[row, self.feature[trees, node]]
            node = 2 * node + 1 + (value > self.border[trees, node])
        score: Float = self.leaf[trees, node - self.feature.shape[1]].sum(axis=1, dtype=np.float64)
        return score


@dataclass(frozen=True, slots=True)
class FallModel:
    """Scores 0 to 1 of windows around impacts, 3 s (*suspected*) and 4 s (*decided*) after them, and thresholds."""

    suspected_trees: Trees
    decided_trees: Trees
    suspected_threshold: float
    decided_threshold: float

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The model that comes with Shouhu, or the one at `path`; ModelError where it cannot be used."""
        name = str(path) if path else "fall_model.npz"
        try:
            with (path or files("alerts.detectors") / "fall_model.npz").open("rb") as file:
                return cls._read(name, file)
        except FileNotFoundError:
            raise ModelError(f"{name}: no such file") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{name}: cannot be read: {error}") from error

    @classmethod
    def _read(cls, name: str, file: IO[bytes]) -> Self:
        with np.load(file, allow_pickle=False) as archive:
            version = int(archive["version"]) if "version" in archive else 0
            if version != VERSION:
                raise ModelError(f"{name}: is of version {version}, this program reads version {VERSION}")
            try:
                suspected, decided = (
                    Trees(*(archive[f"{stage}_{part}"] for part in ("feature", "border", "leaf")))
                    for stage in ("suspected", "decided")
                )
                return cls(
                    suspected, decided, float(archive["suspected_threshold"]), float(archive["decided_threshold"])
                )
            except KeyError as error:
                raise ModelError(f"{name}: {error.args[0]}") from None

    def suspected(self, windows: Float32) -> Float:
        """The scores (n,) of windows (n, 150, 3) in g that reach 3 s past the impact in cell 75."""
        return self._scores(windows, SUSPECTED_CELLS, self.suspected_trees)

    def decided(self, windows: Float32) -> Float:
        """The scores (n,) of windows (n, 175, 3) in g that reach 4 s past the impact in cell 75."""
        return self._scores(windows, DECIDED_CELLS, self.decided_trees)

    @staticmethod
    def _scores(windows: Float32, cells: int, trees: Trees) -> Float:
        if windows.shape[1:] != (cells, 3):
            raise ValueError(f"windows have shape {windows.shape}, expected (n, {cells}, 3)")
        if not len(windows):
            return np.zeros(0)
        score: Float = 1.0 / (1.0 + np.exp(-trees.log_odds(features(windows))))
        return score
