"""The shipped fall model on recordings as other bracelets would have made them, end to end.

It was trained on these people, so this tells only whether rate, range and mounting change what it says; how well it
does on people it never saw is measured by `benchmarks/train_fall.py` and told in docs/detectors/fall.md.
"""

import csv
import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.evaluation.evaluate import results_of
from service.evaluation.scorecard import Scorecard, scorecard
from simulators.recording import Entry, RecordingSet, read_motion, read_set

SETS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
#: A third of the people is enough to see a change, and takes a third of the time.
SUBJECTS = ("U01", "U04", "U07", "U21", "U24")
TURN = Rotation.from_euler("xyz", [40, -65, 110], degrees=True).as_matrix() @ np.diag([-1.0, 1.0, 1.0])
SAME = np.eye(3)


def some() -> RecordingSet:
    if not (SETS / "weda-fall" / "index.csv").is_file():
        pytest.skip("needs the recordings weda-fall (SHOUHU_RECORDINGS or ../shared/data; docs say where to get them)")
    whole = read_set(SETS / "weda-fall")
    return RecordingSet(whole.folder, tuple(entry for entry in whole.entries if entry.subject in SUBJECTS))


def as_worn(chosen: RecordingSet, folder: Path, rate_hz: float, clip_g: float, turn: NDArray[np.float64]) -> Scorecard:
    """The scorecard of recordings taken anew at a rate, turned, then clipped."""
    with (folder / "index.csv").open("w", newline="") as file:
        index = csv.writer(file)
        index.writerow([field.name for field in fields(Entry)])
        for entry in chosen.entries:
            motion = read_motion(chosen, entry)
            time_s = np.arange(motion.time_s[0], motion.time_s[-1], 1.0 / rate_hz)
            acc_g = np.column_stack([np.interp(time_s, motion.time_s, axis) for axis in motion.acc_g.T]) @ turn.T
            np.savez(folder / entry.file, t_s=time_s, xyz_g=np.clip(acc_g, -clip_g, clip_g).astype(np.float32))
            written = asdict(replace(entry, rate_hz=rate_hz)).values()
            index.writerow(["" if value != value else value for value in written])
    results, rejected = results_of(read_set(folder))
    assert not rejected
    return scorecard(results)


@pytest.mark.parametrize(
    ("rate_hz", "clip_g", "turn"),
    [(20.0, 8.0, SAME), (32.0, 2.0, SAME), (100.0, 4.0, SAME), (50.0, 4.0, TURN), (25.0, 2.0, TURN)],
    ids=["20 Hz", "32 Hz and 2 g", "100 Hz", "turned, other wrist", "25 Hz and 2 g, turned"],
)
def test_another_bracelet_makes_little_difference(
    tmp_path: Path, rate_hz: float, clip_g: float, turn: NDArray[np.float64], capsys: pytest.CaptureFixture[str]
) -> None:
    card = as_worn(some(), tmp_path, rate_hz, clip_g, turn)
    with capsys.disabled():
        print(
            f"\n{rate_hz:g} Hz, {clip_g:g} g: sensitivity {card.sensitivity.value:.3f}, "
            f"specificity {card.specificity.value:.3f}, AUC {card.auc:.4f}"
        )
    assert card.auc >= 0.98
    assert card.sensitivity.value >= 0.93
    assert card.specificity.value >= 0.97
