"""Clips of which a person said what they were, as a recording set: for measuring detectors and for training them.

Without names, identifiers, sites or times of day: people are numbered in the order in which they first occur, and a
recording begins at its own zero.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from alerts.falls.clip_store import Labelled
from service.cli.wrong_use import WrongUse

_COLUMNS: Final = ("file", "kind", "subject", "activity", "event", "onset_s", "end_s", "duration_s", "rate_hz")
#: A clip with less than this holds nothing to learn from.
_LEAST_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Exported:
    """How many recordings were written, and how many clips held too little motion."""

    falls: int
    missed: int
    false_alarms: int
    left_out: int


def export(labelled: Iterable[Labelled], folder: Path) -> Exported:
    """Write `folder` with index.csv and a .npz a clip; WrongUse where something is in it already, OSError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse(f"{folder}: is there already; give a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    numbers: dict[tuple[str, str], int] = {}
    counts = dict.fromkeys(("fall", "missed-fall", "false-alarm"), 0)
    left_out = 0
    with (folder / "index.csv").open("x", encoding="utf-8", newline="") as file:
        index = csv.DictWriter(file, _COLUMNS)
        index.writeheader()
        for one in labelled:
            clip, sample_ms = one.clip, one.clip.samples.sample_ms
            duration_s = float(sample_ms[-1] - sample_ms[0]) / 1000 if len(sample_ms) else 0.0
            if duration_s < _LEAST_S:
                left_out += 1
                continue
            # A device that nobody wears by name stands for its wearer.
            who = (clip.site, clip.resident or f"device {clip.device}")
            activity = "missed-fall" if one.missed else "fall" if one.is_fall else "false-alarm"
            counts[activity] += 1
            name = f"clip-{sum(counts.values()):05d}.npz"
            acc_g = clip.samples.acc_g
            np.savez_compressed(folder / name, t_s=(sample_ms - sample_ms[0]) / 1000, xyz_g=acc_g)
            onset_s = (clip.impact_ms - sample_ms[0]) / 1000
            index.writerow(
                {
                    "file": name,
                    "kind": "motion",
                    "subject": f"P{numbers.setdefault(who, len(numbers) + 1):04d}",
                    "activity": activity,
                    "event": "fall" if one.is_fall else "",
                    # Of a missed fall it is known only about when.
                    "onset_s": f"{onset_s:.3f}" if activity == "fall" and onset_s >= 0 else "",
                    "duration_s": f"{duration_s:.2f}",
                    "rate_hz": f"{float(np.median(clip.samples.rate_hz)):g}",
                }
            )
    return Exported(counts["fall"], counts["missed-fall"], counts["false-alarm"], left_out)
