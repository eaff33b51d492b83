"""A location set evaluated: what is found, what is false, and how it is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.evaluation.evaluate import evaluate
from service.evaluation.evaluate_location import Condition, Judged, Raised, outcome_of, summary
from service.evaluation.track_truth import Exit, Place, Track

LAT, LON = 39.98, 116.33
NORTH_M = 111_195.0


def day(seed: int, out: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An hour and a half around the house, with a way a kilometre out and back if `out`."""
    random = np.random.default_rng(seed)
    time_s = np.arange(0, 5400, 5.0)
    away_m = np.clip(np.minimum(time_s - 2000, 4000 - time_s), 0, 1000) if out else np.zeros(len(time_s))
    noise = random.normal(0, 3, (2, len(time_s)))
    return time_s, LAT + (away_m + noise[0]) / NORTH_M, LON + noise[1] / 85_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["file,kind,subject,activity,event,duration_s"]
    for number, out in enumerate((True, False, True)):
        time_s, lat, lon = day(number, out)
        np.savez(tmp_path / f"t{number}.npz", t_s=time_s, lat_deg=lat, lon_deg=lon)
        lines.append(f"t{number}.npz,location,p,free-living,,{time_s[-1]}")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_json_holds_the_summary_conditions_and_recordings(folder: Path, capsys: Any) -> None:
    assert evaluate(folder, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    figures = told["summary"]
    assert (figures["exits"], figures["exit_recall"], figures["false_exits_per_1000_h"]) == (2, 1.0, 0.0)
    assert 0 < figures["delay_p50_s"] < 120
    assert figures["hours"] == pytest.approx(4.5, abs=0.02)
    assert told["conditions"][0]["condition"] == "as recorded"
    assert [each["exits"] for each in told["recordings"]] == [1, 0, 1]
    ((began_s, ended_s),) = told["recordings"][0]["alarms_s"]
    assert 2000 < began_s < 2300
    assert 3800 < ended_s < 4200


def test_the_table_names_each_recording(folder: Path, capsys: Any) -> None:
    assert evaluate(folder) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("t0.npz", "t1.npz", "2/2", "as recorded", "every 60 s"))


def test_an_exit_without_alarm_and_an_alarm_without_exit_are_told() -> None:
    home = (Place(LAT, LON, 100.0),)
    time_s = np.arange(0, 1800, 5.0)
    inside = Track(time_s, np.full(len(time_s), LAT), np.full(len(time_s), LON))
    (still,) = outcome_of(["a"], [inside], [home])
    assert (still.exits, still.alarms, still.false) == ((), (), ())
    missed = Judged(
        "b", 1.0, (Exit(100, 400), Exit(900, 1200)), (Raised(120, 300), Raised(600, 700)), (Raised(600, 700),)
    )
    figures = summary([still, missed])
    assert (figures["exits"], figures["found"], figures["false_exits"]) == (2, 1, 1)
    assert figures["delay_p50_s"] == 20
    assert figures["false_exits_per_1000_h"] == pytest.approx(1000 / (1 + 1795 / 3600), rel=0.01)


def test_fewer_fixes_are_sent_when_thinned() -> None:
    track = Track(*day(1, out=True))
    (judged,) = outcome_of(["a"], [track], [(Place(LAT, LON, 100.0),)], Condition("every 60 s", every_s=60.0))
    (exit_,) = judged.exits
    assert exit_.begin_s + 20 <= judged.alarms[0].begin_s <= exit_.begin_s + 200
