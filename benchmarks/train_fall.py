"""Trains the fall model on public recording sets and says what it reaches on people it did not learn from.

    python -m benchmarks.train_fall FOLDER [--robustness] [--cross] [--out FILE]

FOLDER holds the sets weda-fall, smartfallmm and daily-wear as docs/detectors/fall.md tells. Needs the extra `train`.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sklearn.exceptions import ConvergenceWarning

from alerts.detectors.fall_model import VERSION, FallModel
from benchmarks.fall_fit import Judge, Seen, answered, fit, fit_convolutions, kernels, labels, seen_of
from benchmarks.fall_scores import (
    Biases,
    Table,
    biases_by_rule,
    folds,
    highest,
    tell,
    tell_activities,
    unseen_scores,
)
from benchmarks.fall_windows import (
    Device,
    Float,
    Float32,
    Int,
    Recording,
    Windows,
    bursts,
    devices_for,
    recordings_of,
    windows_of,
)

SETS: Final = ("weda-fall", "smartfallmm", "daily-wear")
FOLDS: Final = 8
#: How often each recording is seen through another device, besides as it is, and what such a window weighs.
COPIES: Final = 8
COPY_WEIGHT: Final = 0.5
#: Some falls of SmartFallMM are labelled where nothing fell.
FALL_WEIGHT: Final = {"smartfallmm": 0.5}
BURST_SHARE: Final = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="the model file; without it nothing is written")
    parser.add_argument("--robustness", action="store_true", help="other rates, ranges, wrists and mountings as well")
    parser.add_argument("--cross", action="store_true", help="train on one set, judge another")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    began = perf_counter()

    recordings = [recording for name in SETS for recording in recordings_of(chosen.folder / name)]
    table, fold = Table.of(recordings), folds(recordings, FOLDS)
    kernel, dilation = kernels()
    copies = _copies(recordings)
    every = Windows(*(np.concatenate([getattr(c, f) for c in copies]) for f in ("acc_g", "recording", "impact_s")))
    seen = seen_of(every.acc_g, kernel, dilation)
    weight = np.where(np.arange(len(every.recording)) < len(copies[0].recording), 1.0, COPY_WEIGHT)
    print(f"{len(copies[0].recording)} windows, {len(weight)} with other devices, {perf_counter() - began:.0f} s")

    # Which impact of a trial was the fall is told by judges of other subjects, after a first guess: the hardest.
    label = np.concatenate([labels(recordings, copy) for copy in copies])
    guess = np.empty(len(label))
    for number in range(FOLDS):
        mine = fold[every.recording] == number
        use = ~mine & (label >= 0)
        linear = fit_convolutions(seen.answers[use], label[use], weight[use], kernel, dilation)
        guess[mine] = answered(linear, seen.answers[mine])
    parts = np.split(guess, np.cumsum([len(copy.recording) for copy in copies])[:-1])
    label = np.concatenate([labels(recordings, *part) for part in zip(copies, parts, strict=True)])
    for name, less in FALL_WEIGHT.items():
        weight[(table.sets[every.recording] == name) & (label == 1)] *= less

    def fitted(use: NDArray[np.bool_]) -> Judge:
        use = use & (label >= 0)
        return fit(seen.take(use), label[use], weight[use], kernel, dilation, chosen.threads)

    judges = [fitted(fold[every.recording] != number) for number in range(FOLDS)]
    suspected, decided = unseen_scores(recordings, [Device()] * len(recordings), judges, fold, kernel, dilation)
    biases = biases_by_rule(table, suspected, decided)
    print(f"biases {biases}, {perf_counter() - began:.0f} s")
    tell(table, decided + biases.decided, "Subjects it was not trained on, 4 s after the impact")
    tell(table, suspected + biases.suspected, "The same, 3 s after the impact")
    both = np.maximum(decided + biases.decided, suspected + biases.suspected)
    tell(table, both, "The same, an alarm at either")
    tell_activities(table, both)
    if chosen.robustness:
        for title, device in _other_devices():
            stages = unseen_scores(recordings, [device] * len(recordings), judges, fold, kernel, dilation)
            tell(table, np.maximum(stages[0] + biases.suspected, stages[1] + biases.decided), title)
    if chosen.cross:
        _cross(recordings, table, copies[0], seen, fitted, every, biases)
    if chosen.out:
        _write(chosen.out, fitted(np.ones(len(label), dtype=np.bool_)), biases)
        model = FallModel.load(chosen.out)
        score = highest(model.decided(copies[0].acc_g), copies[0].recording, len(recordings))
        tell(table, np.where(score > 0, score - model.decided_threshold, -1.0), "The file itself, on what it learned")
    print(f"{perf_counter() - began:.0f} s")


def _copies(recordings: Sequence[Recording]) -> list[Windows]:
    """The windows of recordings as they are, then through other devices, of which every second sends bursts."""
    copies = [windows_of(recordings, [Device()] * len(recordings))]
    for number in range(1, COPIES + 1):
        random = np.random.default_rng(number)
        windows = windows_of(recordings, devices_for(len(recordings), random), seed=number)
        if number % 2 == 0:
            some = random.random(len(windows.recording)) < BURST_SHARE
            windows.acc_g[some] = bursts(windows.acc_g[some], random)
        copies.append(windows)
    return copies


def _other_devices() -> list[tuple[str, Device]]:
    turned = Rotation.from_euler("xyz", [40, -65, 110], degrees=True).as_matrix()
    return [
        *((f"Resampled to {rate:g} Hz", Device(rate_hz=rate)) for rate in (20.0, 25.0, 32.0, 50.0, 100.0)),
        *((f"Clipped at {clip:g} g", Device(clip_g=clip)) for clip in (2.0, 4.0, 8.0)),
        ("20 Hz and 2 g", Device(rate_hz=20.0, clip_g=2.0)),
        ("The other wrist (x mirrored)", Device(turn=np.diag([-1.0, 1.0, 1.0]))),
        ("Axes exchanged (y, z, x with one sign)", Device(turn=np.array([[0.0, 1, 0], [0, 0, -1], [1, 0, 0]]))),
        ("Turned by 40, -65, 110 degrees", Device(turn=turned)),
    ]


def _cross(
    recordings: Sequence[Recording],
    table: Table,
    own: Windows,
    seen: Seen,
    fitted: Callable[[NDArray[np.bool_]], Judge],
    every: Windows,
    biases: Biases,
) -> None:
    """What is reached on a set of other people, devices and activities: trained without it, at the shipped biases."""
    first = np.arange(len(every.recording)) < len(own.recording)
    for name in ("weda-fall", "smartfallmm"):
        judge = fitted(table.sets[every.recording] != name)
        _, decided = judge.log_odds(seen.take(first))
        score = highest(decided + biases.decided, own.recording, len(recordings))
        mine = table.sets == name
        only = Table(table.sets[mine], table.activity[mine], table.fall[mine], table.elder[mine])
        tell(only, score[mine], f"Trained without {name}, 4 s after the impact")


def _write(path: Path, judge: Judge, biases: Biases) -> None:
    arrays: dict[str, Float | Float32 | Int | np.number] = {"version": np.int64(VERSION)}
    for prefix, part in (
        ("suspected_trees", judge.suspected),
        ("decided_trees", judge.decided),
        ("convolutions", judge.convolutions),
    ):
        arrays |= {f"{prefix}_{field}": getattr(part, field) for field in part.__slots__}
    np.savez_compressed(
        path,
        **arrays,  # type: ignore[arg-type]
        suspected_bias=biases.suspected,
        decided_bias=biases.decided,
        suspected_threshold=0.5,
        decided_threshold=0.5,
    )


if __name__ == "__main__":
    main()
