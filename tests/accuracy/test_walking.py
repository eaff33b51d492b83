"""Walking again, on recordings: never in a fall or at a desk, and found in some who walk for long enough."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alerts.falls.after_fall import walk
from simulators.recording import read_motion, read_set

RECORDINGS = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
#: WEDA-FALL's activities: walking, jogging; F01 to F08 are falls.
WALKING, JOGGING = "D01", "D02"


def found(name: str) -> dict[str, tuple[int, int]]:
    """By activity: recordings in which walking is found, and all."""
    if not (RECORDINGS / name / "index.csv").exists():
        pytest.skip(f"needs the recording set {name} at {RECORDINGS} (set SHOUHU_RECORDINGS; docs say where to get it)")
    recordings = read_set(RECORDINGS / name)
    hits, total = Counter[str](), Counter[str]()
    for entry in recordings.entries:
        motion = read_motion(recordings, entry)
        total[entry.activity] += 1
        hits[entry.activity] += walk(np.maximum.accumulate(motion.time_s), motion.acc_g) is not None
    return {activity: (hits[activity], count) for activity, count in total.items()}


def test_no_fall_is_taken_for_walking_and_walkers_are_found() -> None:
    by_activity = found("weda-fall")
    falls = {activity: hits for activity, hits in by_activity.items() if activity.startswith("F")}
    assert sum(count for _, count in falls.values()) == 225
    assert sum(hits for hits, _ in falls.values()) == 0
    still = {activity: hits for activity, (hits, _) in by_activity.items() if activity[0] == "D" and hits}
    assert set(still) <= {WALKING, JOGGING, "D03"}, "on foot, or on the stairs"
    assert by_activity[WALKING] >= (13, 40)
    assert by_activity[JOGGING] >= (24, 27)


def test_nobody_walks_at_a_desk() -> None:
    assert found("daily-wear") == {"daily-wear": (0, 17)}
