"""`shouhu evaluate` on a respiration set made by the bed simulator, whose true rates are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from service.evaluation.evaluate import evaluate
from simulators.recording import RecordingError

RATE_HZ = 50.0
SECONDS = 130


def recording(breath_hz: float, pulse_hz: float) -> dict[str, np.ndarray]:
    t_s = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    ref_t_s = np.arange(SECONDS)
    pulse = np.exp(-((((t_s * pulse_hz) % 1.0 - 0.3) / 0.12) ** 2))
    return {
        "t_s": t_s,
        "resp": np.sin(2 * np.pi * breath_hz * t_s),
        "pleth": pulse,
        "breath1_s": np.arange(0.25 / breath_hz, SECONDS, 1 / breath_hz),
        "breath2_s": np.arange(0.25 / breath_hz, SECONDS, 1 / breath_hz) + 0.1,
        "ref_t_s": ref_t_s,
        "ref_hr_bpm": np.full(SECONDS, 60 * pulse_hz),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["file,kind,subject,activity,event,duration_s,rate_hz"]
    for name, breath_hz, pulse_hz in (("a.npz", 0.2, 1.1), ("b.npz", 0.33, 1.7)):
        np.savez(tmp_path / name, **recording(breath_hz, pulse_hz))  # type: ignore[arg-type]
        lines.append(f"{name},respiration,{name[0]},bed,,{SECONDS},{RATE_HZ:g}")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_summary_says_how_far_off_and_for_how_many_windows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(folder, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    summary = told["summary"]
    assert summary["resp_mae_per_min"] < 0.05
    assert summary["hr_mae_per_min"] < 0.5
    assert summary["coverage"] == min(summary["resp_coverage"], summary["hr_coverage"]) > 0.9
    assert summary["resp_windows"] == summary["hr_windows"] == 2 * 10  # windows end at 32, 42 … 122 s
    assert [entry["file"] for entry in told["recordings"]] == ["a.npz", "b.npz"]
    moved = next(entry for entry in told["conditions"] if entry["moved_refused"]["resp"] is not None)
    assert moved["moved_refused"]["resp"] == 1.0


def test_people_read_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(folder) == 0
    out = capsys.readouterr().out
    assert "noise, 10 dB" in out
    assert "b.npz" in out
    assert "Not a medical device" in out


def test_a_recording_of_breathing_alone_gives_null_for_the_heart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.npz", "b.npz"):
        kept = recording(0.25, 1.0)
        del kept["pleth"], kept["ref_hr_bpm"], kept["ref_t_s"]
        np.savez(folder / name, **kept)  # type: ignore[arg-type]
    assert evaluate(folder, as_json=True) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert summary["hr_mae_per_min"] is None
    assert summary["resp_mae_per_min"] < 0.05
    assert summary["coverage"] == summary["resp_coverage"]


def test_arrays_that_do_not_fit_are_named(folder: Path) -> None:
    np.savez(folder / "a.npz", **{**recording(0.2, 1.0), "pleth": np.zeros(7)})  # type: ignore[arg-type]
    with pytest.raises(RecordingError, match=r"a\.npz: pleth: has 7 samples"):
        evaluate(folder)
