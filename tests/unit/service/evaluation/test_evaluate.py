"""`shouhu evaluate` on small sets written by the motion simulator."""

import json
from pathlib import Path

import numpy as np
import pytest

from service.cli.wrong_use import WrongUse
from service.evaluation.evaluate import evaluate, results_of
from simulators.motion import IMPACT_S, Activity, acceleration, wearers
from simulators.recording import RecordingError, read_set
from simulators.wearing import Form

RATE_HZ = 50.0
FALL_AT_S = 6.0


def walk_and(activity: Activity, seed: int, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Six seconds of walking, then five of something else."""
    rng = np.random.default_rng(seed)
    people = wearers(rng, 1)
    time_s = np.arange(round(11 * rate_hz)) / rate_hz
    before = acceleration(rng, Activity.WALKING, people, time_s[time_s < FALL_AT_S], np.zeros(1))
    after = acceleration(rng, activity, people, time_s[time_s >= FALL_AT_S], np.full(1, FALL_AT_S))
    return np.concatenate([before[0], after[0]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["file,kind,subject,age_group,activity,event,onset_s,end_s,duration_s,rate_hz"]
    for seed in range(4):
        for activity, event, onset in ((Activity.FALLING, "fall", FALL_AT_S), (Activity.SITTING_DOWN, "", "")):
            name = f"{activity}_{seed}.npz"
            acc_g = walk_and(activity, seed)
            np.savez(tmp_path / name, t_s=np.arange(len(acc_g)) / RATE_HZ, xyz_g=acc_g.astype(np.float32))
            lines.append(f"{name},motion,U{seed},elder,{activity},{event},{onset},,11,{RATE_HZ:g}")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_falls_are_found_and_sitting_down_is_not_taken_for_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(folder, as_json=True) == 0
    out = json.loads(capsys.readouterr().out)
    assert set(out) == {"recordings", "summary"}
    assert [r["file"] for r in out["recordings"]] == [e.file for e in read_set(folder).entries]
    fall, sitting = out["recordings"][:2]
    assert set(fall) == {"file", "event", "score", "alarms"}
    assert (fall["event"], sitting["event"]) == ("fall", "")
    assert fall["score"] > 0.5 > sitting["score"]
    assert len(fall["alarms"]) == 1  # suspected and decided are one
    assert fall["alarms"][0]["score"] == fall["score"]
    assert set(fall["alarms"][0]) == {"t_s", "score"}
    assert fall["alarms"][0]["t_s"] - (FALL_AT_S + IMPACT_S) == pytest.approx(3.5, abs=0.6)
    summary = out["summary"]
    rates = {"sensitivity", "specificity", "auc", "false_alarms_per_hour"}
    assert set(summary) == rates | {"delay_p50_s", "delay_p95_s", "hours"}
    assert (summary["sensitivity"], summary["specificity"], summary["auc"]) == (1.0, 1.0, 1.0)
    assert summary["hours"] == pytest.approx(8 * 11 / 3600, rel=0.01)


def test_tables_tell_groups(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(folder) == 0
    out = capsys.readouterr().out
    for word in ("sensitivity", "sitting_down", "elder", "U3", "4/4 1.00 [0.51–1.00]"):
        assert word in out


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("packet_s", [0.1, 2.0])
def test_packet_length_and_format_change_no_alarm(folder: Path, packet_s: float, form: Form) -> None:
    usual, _ = results_of(read_set(folder))
    other, rejected = results_of(read_set(folder), packet_s, form)
    assert not rejected
    assert [len(r.alarms) for r in other] == [len(r.alarms) for r in usual]


def test_a_set_of_two_kinds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,kind,subject,activity\na.npz,location,U1,walk\nb.npz,motion,U1,walk\n")
    with pytest.raises(WrongUse, match="several kinds \\(location, motion\\)"):
        evaluate(tmp_path)


def test_a_set_without_falls_gives_null_where_nothing_can_be_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = folder / "index.csv"
    index.write_text("\n".join(line for line in index.read_text().splitlines() if ",fall," not in line) + "\n")
    assert evaluate(folder, as_json=True) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["sensitivity"], summary["auc"], summary["delay_p50_s"]) == (None, None, None)


def test_a_broken_recording_names_itself(folder: Path) -> None:
    np.savez(folder / "falling_0.npz", t_s=np.arange(5.0))
    with pytest.raises(RecordingError, match=r"falling_0\.npz: array xyz_g is missing"):
        evaluate(folder)


@pytest.mark.parametrize(("rate_hz", "range_g"), [(20.0, 8.0), (32.0, 2.0), (100.0, 16.0)])
def test_a_set_of_another_device_needs_file_kind_and_event_alone(
    tmp_path: Path, rate_hz: float, range_g: float
) -> None:
    lines = ["file,kind,event"]
    for seed in range(3):
        for activity, event in ((Activity.FALLING, "fall"), (Activity.SITTING_DOWN, "")):
            acc_g = np.clip(walk_and(activity, seed, rate_hz), -range_g, range_g)
            np.savez(tmp_path / f"{activity}{seed}.npz", t_s=5 + np.arange(len(acc_g)) / rate_hz, xyz_g=acc_g)
            lines.append(f"{activity}{seed}.npz,motion,{event}")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    results, rejected = results_of(read_set(tmp_path))
    assert not rejected
    assert [len(result.alarms) for result in results] == [1, 0] * 3


def test_a_recording_in_which_nothing_hit_the_wrist_scores_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", t_s=np.arange(500) / RATE_HZ, xyz_g=np.tile([0.0, 0.0, 1.0], (500, 1)))
    (tmp_path / "index.csv").write_text("file,kind,rate_hz\na.npz,motion,50\n")
    ((result,), _) = results_of(read_set(tmp_path))
    assert (result.score, result.alarms) == (0.0, ())
