"""Fits the two judges of the fall model: boosted trees over features, a linear judge over random convolutions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from alerts.detectors.fall_features import DECIDED_CELLS, IMPACT, SUSPECTED_CELLS, features
from alerts.detectors.fall_model import TREES_SURE, Convolutions, Trees, convolved
from benchmarks.fall_windows import Float, Float32, Int, Recording, Windows

Flag = NDArray[np.bool_]

KERNELS: Final = 140
TAPS: Final = 9
CHANNELS: Final = 7
ROUNDS: Final = 250
DEPTH: Final = 6
#: Small trees, each over a third of the features and most of the windows: little of one set is learned by heart.
TREES: Final[dict[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 12,
    "max_depth": DEPTH,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
#: Inverse strength of the linear judge's penalty.
LINEAR_C: Final = 0.01
#: Answers beyond these quantiles are clipped, so that no single one decides on an unknown device.
CLIPPED: Final = (0.002, 0.998)
#: A labelled fall may come so much before its label or after its end.
BEFORE_S: Final = 0.5
AFTER_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the judges are told of windows (n,): features at 3 s and at 4 s, and answers of the convolutions."""

    suspected: Float32
    decided: Float32
    answers: Float32

    def take(self, which: Flag) -> "Seen":
        """Of those of the mask."""
        return Seen(self.suspected[which], self.decided[which], self.answers[which])


@dataclass(frozen=True, slots=True)
class Judge:
    """The parts of a model, fitted."""

    suspected: Trees
    decided: Trees
    convolutions: Convolutions

    def log_odds(self, seen: Seen) -> tuple[Float, Float]:
        """The scores (n,) at 3 s and at 4 s, without a bias."""
        linear = answered(self.convolutions, seen.answers)
        trees = self.suspected.log_odds(seen.suspected), self.decided.log_odds(seen.decided)
        suspected, decided = (np.where(score < TREES_SURE, score, (score + linear) / 2) for score in trees)
        return suspected, decided


def kernels(seed: int = 0) -> tuple[Float32, Int]:
    """Random kernels (KERNELS, TAPS, CHANNELS) without a mean, each over some of the channels, and dilations."""
    random = np.random.default_rng(seed)
    dilation = np.sort(np.array([1, 1, 2, 2, 4, 4, 8])[np.arange(KERNELS) % 7])
    kernel = random.normal(size=(KERNELS, TAPS, CHANNELS))
    used = random.random((KERNELS, 1, CHANNELS)) < 0.35
    used[np.arange(KERNELS), 0, random.integers(0, CHANNELS, KERNELS)] = True
    kernel *= used
    kernel -= kernel.mean(axis=1, keepdims=True)
    kernel /= np.sqrt((kernel**2).sum(axis=(1, 2), keepdims=True))
    return kernel.astype(np.float32), dilation


def seen_of(windows: Float32, kernel: Float32, dilation: Int) -> Seen:
    """What windows (n, 175, 3) tell the judges."""
    parts = [windows[first : first + 256] for first in range(0, len(windows), 256)]
    return Seen(
        np.concatenate([features(part[:, :SUSPECTED_CELLS]) for part in parts]),
        np.concatenate([features(part[:, :DECIDED_CELLS]) for part in parts]),
        np.concatenate([convolved(part[:, :SUSPECTED_CELLS], kernel, dilation) for part in parts]),
    )


def labels(recordings: Sequence[Recording], windows: Windows, score: Float | None = None) -> Int:
    """1 for the window of each fall, 0 for those where nobody fell, -1 for those that say nothing.

    Of a fall's windows the one with the largest `score` (n,) is taken, without scores the hardest impact; within the
    labelled time where there is one. What comes before that time is no fall yet; what comes after it may be anything.
    """
    label = np.zeros(len(windows.acc_g), dtype=np.int64)
    rank = np.linalg.norm(windows.acc_g[:, IMPACT], axis=1) if score is None else score
    for number, recording in enumerate(recordings):
        if not recording.is_fall:
            continue
        mine = np.flatnonzero(windows.recording == number)
        label[mine] = -1
        if np.isfinite(recording.entry.onset_s):
            at_s = windows.impact_s[mine]
            within = (at_s >= recording.entry.onset_s - BEFORE_S) & (at_s <= recording.entry.end_s + AFTER_S)
            label[mine[at_s < recording.entry.onset_s - 2 * BEFORE_S]] = 0
            mine = mine[within]
        if len(mine):
            label[mine[np.argmax(rank[mine])]] = 1
    return label


def fit(seen: Seen, label: Int, weight: Float, kernel: Float32, dilation: Int, threads: int) -> Judge:
    """A judge of windows (n,) with labels 0 and 1."""
    return Judge(
        fit_trees(seen.suspected, label, weight, threads),
        fit_trees(seen.decided, label, weight, threads),
        fit_convolutions(seen.answers, label, weight, kernel, dilation),
    )


def fit_convolutions(answers: Float32, label: Int, weight: Float, kernel: Float32, dilation: Int) -> Convolutions:
    """Weights for answers (n, found), by logistic regression on clipped and standardised ones."""
    low, high = np.quantile(answers[::7], CLIPPED, axis=0).astype(np.float32)
    clipped = np.clip(answers, low, high)
    mean, deviation = clipped.mean(axis=0), clipped.std(axis=0) + 1e-6
    linear = LogisticRegression(C=LINEAR_C, max_iter=60, tol=1e-3)
    # It stops after so many turns: what comes after them adds nothing.
    linear.fit((clipped - mean) / deviation, label, sample_weight=weight)
    factors = linear.coef_[0].astype(np.float64) / deviation
    bias = np.array(linear.intercept_[0] - factors @ mean.astype(np.float64))
    return Convolutions(kernel, dilation, low, high, factors, bias)


def answered(convolutions: Convolutions, answers: Float32) -> Float:
    """The log odds (n,) of answers (n, found) at hand."""
    score: Float = np.clip(answers, convolutions.low, convolutions.high) @ convolutions.weight
    return score + float(convolutions.bias)


def fit_trees(found: Float32, label: Int, weight: Float, threads: int) -> Trees:
    """Boosted trees for features (n, features)."""
    booster = lightgbm.train(
        TREES | {"num_threads": threads}, lightgbm.Dataset(found, label, weight=weight), num_boost_round=ROUNDS
    )
    grown = booster.dump_model()["tree_info"]
    inner = 2**DEPTH - 1
    trees = Trees(
        np.zeros((len(grown), inner), dtype=np.int16),
        np.full((len(grown), inner), np.inf, dtype=np.float32),
        np.zeros((len(grown), inner + 1), dtype=np.float32),
    )

    def fill(tree: int, node: dict[str, Any], place: int, depth: int) -> None:
        if "leaf_value" in node:
            # What is not split further goes left down to the lowest level.
            for _ in range(DEPTH - depth):
                place = 2 * place + 1
            trees.leaf[tree, place - inner] = node["leaf_value"]
            return
        border = np.float32(node["threshold"])
        if border > node["threshold"]:
            border = np.nextafter(border, np.float32(-np.inf))
        trees.feature[tree, place], trees.border[tree, place] = node["split_feature"], border
        fill(tree, node["left_child"], 2 * place + 1, depth + 1)
        fill(tree, node["right_child"], 2 * place + 2, depth + 1)

    for number, tree in enumerate(grown):
        fill(number, tree["tree_structure"], 0, 0)
    return trees
