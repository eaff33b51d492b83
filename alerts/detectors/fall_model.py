"""The trained part of fall detection: scores for windows around impacts, from a plain data file.

`fall_model.npz` beside this file holds numbers only, is read without pickle and is made by `benchmarks/train_fall.py`.
A score is the mean of two judges' log odds: boosted trees over features (Friedman, Annals of Statistics 2001), which
know the sets they learned from best, and a linear judge over random convolutions (ROCKET: Dempster et al., Data Mining
and Knowledge Discovery 2020), which holds up best on other sets. What they reach is told in docs/detectors/fall.md.
Not a medical device.
"""

import zipfile
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.fall_features import DECIDED_CELLS, SUSPECTED_CELLS, channels, features

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

#: The layout of the data file and the meaning of its features; a file of another version is refused.
VERSION: Final = 2

#: Windows judged at once; more do not fit into a processor's cache, and of fewer numpy's calls cost more than what they
#: do. A batch of a thousand bracelets has some twenty.
_TOGETHER: Final = 128
#: Log odds of the trees under which the convolutions, which cost more than all else, are not asked: of 3,794 windows
#: (other people, devices and mountings) whose mean told of a fall none had less, and of daily wear 19 of 20 have.
TREES_SURE: Final = -4.0
#: Cells over which the answer of a convolution is summed up: before, around and after the impact.
_PARTS: Final = ((0, 60), (62, 95), (95, SUSPECTED_CELLS))
#: The cosines among the channels count half.
_SCALE: Final = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5], dtype=np.float32)


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
        trees, inner = self.feature.shape
        origin = np.arange(trees) * inner
        feature, border = self.feature.ravel(), self.border.ravel()
        offset = (np.arange(len(found)) * found.shape[1])[:, np.newaxis]
        value, node = found.ravel(), np.zeros((len(found), trees), dtype=np.intp)
        # One turn a level of the trees, of which there are six.
        for _ in range(inner.bit_length()):
            place = node + origin
            node = 2 * node + 1 + (value.take(feature.take(place) + offset) > border.take(place))
        leaves = self.leaf.ravel().take(node - inner + np.arange(trees) * (inner + 1))
        score: Float = leaves.sum(axis=1, dtype=np.float64)
        return score


@dataclass(frozen=True, slots=True)
class Convolutions:
    """A linear judge over what random convolutions find in the channels of a window through 3 s after the impact.

    `kernel` float32 (kernels, taps, channels), `dilation` int64 (kernels,), not decreasing: cells between two taps.
    Of each kernel and part of the window the largest answer and the root mean square are clipped to `low` … `high`
    and weighed by `weight` (found,), to which `bias` is added: log odds.
    """

    kernel: Float32
    dilation: NDArray[np.int64]
    low: Float32
    high: Float32
    weight: Float
    bias: Float

    def log_odds(self, windows: Float32) -> Float:
        """The score (n,) of windows (n, 150, 3) in g."""
        score: Float = np.clip(convolved(windows, self.kernel, self.dilation), self.low, self.high) @ self.weight
        return score + float(self.bias)


def convolved(windows: Float32, kernel: Float32, dilation: NDArray[np.int64]) -> Float32:
    """What kernels (kernels, taps, channels) find in windows (n, 150, 3) in g: (n, 6 kernels), see Convolutions."""
    seen = np.ascontiguousarray(channels(windows))
    seen = np.sign(seen) * np.sqrt(np.abs(seen) + np.float32(0.01)) * _SCALE  # roots tame the peaks
    count, cells, _ = seen.shape
    by_window, by_cell, by_channel = seen.strides
    taps = kernel.shape[1]
    found: list[Float32] = []
    # One turn a dilation, of which there are four.
    for step in np.unique(dilation):
        some = kernel[dilation == step]
        span = int(step) * (taps - 1)
        positions = cells - span
        pieces = np.lib.stride_tricks.as_strided(
            seen, (count, positions, taps, seen.shape[2]), (by_window, by_cell, int(step) * by_cell, by_channel)
        )
        answer = pieces.reshape(count * positions, -1) @ some.reshape(len(some), -1).T
        answer = answer.reshape(count, positions, len(some))
        for first, end in _PARTS:
            part = answer[:, max(first - span // 2, 0) : min(end - span // 2, positions)]
            found += [part.max(axis=1), np.sqrt(np.einsum("npk,npk->nk", part, part) / part.shape[1])]
    return np.concatenate(found, axis=1)


@dataclass(frozen=True, slots=True)
class FallModel:
    """Scores 0 to 1 of windows around impacts, 3 s (*suspected*) and 4 s (*decided*) after them, and thresholds.

    A stage's bias is added to its log odds so that its threshold lies where the other stage's does.
    """

    suspected_trees: Trees
    decided_trees: Trees
    convolutions: Convolutions
    suspected_bias: float
    decided_bias: float
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
            wanted = arrays_of_version()
            missing = [key for key in wanted if key not in archive]
            if missing:
                raise ModelError(f"{name}: array {', '.join(missing)} is missing")
            found: dict[str, Any] = {key: archive[key] for key in wanted}

        def part(kind: type, prefix: str) -> Any:
            return kind(*(found[f"{prefix}_{field.name}"] for field in fields(kind)))

        return cls(
            part(Trees, "suspected_trees"),
            part(Trees, "decided_trees"),
            part(Convolutions, "convolutions"),
            *(float(found[key]) for key in _NUMBERS),
        )

    def suspected(self, windows: Float32) -> Float:
        """The scores (n,) of windows (n, 150, 3) in g that reach 3 s past the impact in cell 75."""
        return self._scores(windows, SUSPECTED_CELLS, self.suspected_trees, self.suspected_bias)

    def decided(self, windows: Float32) -> Float:
        """The scores (n,) of windows (n, 175, 3) in g that reach 4 s past the impact in cell 75."""
        return self._scores(windows, DECIDED_CELLS, self.decided_trees, self.decided_bias)

    def _scores(self, windows: Float32, cells: int, trees: Trees, bias: float) -> Float:
        if windows.shape[1:] != (cells, 3):
            raise ValueError(f"windows have shape {windows.shape}, expected (n, {cells}, 3)")
        log_odds = np.empty(len(windows))
        # A turn for what fits into the cache at once, not for each window.
        for first in range(0, len(windows), _TOGETHER):
            some = windows[first : first + _TOGETHER]
            judged = trees.log_odds(features(some))
            open_yet = np.flatnonzero(judged >= TREES_SURE)
            if len(open_yet):
                second = self.convolutions.log_odds(some[open_yet, :SUSPECTED_CELLS])
                judged[open_yet] = (judged[open_yet] + second) / 2
            log_odds[first : first + _TOGETHER] = judged + bias
        score: Float = 1.0 / (1.0 + np.exp(-log_odds))
        return score


_NUMBERS: Final = ("suspected_bias", "decided_bias", "suspected_threshold", "decided_threshold")


def arrays_of_version() -> list[str]:
    """The names of the arrays a model file holds besides its `version`."""
    trees = [f"{stage}_trees_{field.name}" for stage in ("suspected", "decided") for field in fields(Trees)]
    return [*trees, *(f"convolutions_{field.name}" for field in fields(Convolutions)), *_NUMBERS]
