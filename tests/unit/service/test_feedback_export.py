"""Judged clips go out as a recording set that evaluate reads, and tell nothing of anybody."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alerts.alarm import Outcome
from alerts.falls.clip_store import ClipStore, MissedFall
from alerts.falls.clips import Clip
from alerts.falls.samples import Samples
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from ingest.directory import Device, DeviceType
from service.cli.app import app
from service.database import make_engine
from simulators.motion import IMPACT_S, Activity
from simulators.recording import read_motion, read_set
from tests.unit.alerts.motion_of_a_wrist import T, moving, samples

DEVICES = (
    Device("garden", "BR-7", DeviceType.BRACELET, "wang-guilan"),
    Device("garden", "BR-8", DeviceType.BRACELET, "li-ming"),
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    engine = make_engine(f"sqlite:///{tmp_path}/shouhu-data/shouhu.db")
    journal, store = Journal(engine), ClipStore(engine)
    fallen = np.concatenate(
        [moving(Activity.WALKING, 10), moving(Activity.FALLING, 2), moving(Activity.LYING, 18, seed=2)]
    )
    begin_ms = T - round((10 + IMPACT_S) * 1000)
    for number, (row, outcome, acc_g) in enumerate(
        (
            (0, Outcome.TRUE, fallen),
            (1, Outcome.FALSE, moving(Activity.WALKING, 30)),
            (0, Outcome.FALSE, moving(Activity.RESTING, 30)),
            (0, Outcome.UNCLEAR, fallen),
            (1, Outcome.TRUE, fallen[:100]),
        )
    ):
        impact_ms = T + 600_000 * number
        finding = Finding(row, Condition.FALL, "wrist_fall", Change.BEGAN, Priority.HIGH, impact_ms, impact_ms)
        (transition,) = journal.record([finding], DEVICES, impact_ms, impact_ms)
        journal.resolve(transition.alarm.alarm, "lin", outcome, "found by 林护士", impact_ms)
        device, kept = DEVICES[row], samples(acc_g, begin_ms + 600_000 * number)
        store.keep(Clip(transition.alarm.alarm, 1, device.site, device.device, device.resident, impact_ms, kept))
    missed = MissedFall("M-1", "garden", "li-ming", T, "lin", T + 1, "found on the floor by 林护士")
    store.report(missed, [Clip("M-1", 1, "garden", "BR-8", "li-ming", T, samples(fallen, begin_ms))])
    store.report(replace(missed, report="M-2"), [Clip("M-2", 1, "garden", "BR-8", "li-ming", T, Samples.none())])
    engine.dispose()
    return tmp_path


def shouhu(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_what_was_judged_goes_out_and_is_evaluated(house: Path) -> None:
    status, said = shouhu("feedback", "export", "judged")
    assert (status, said.splitlines()) == (
        0,
        ["1 falls, 1 missed falls, 2 false alarms: judged", "2 clips hold too little motion and were left out"],
    )
    recordings = read_set(house / "judged")
    told = [(one.subject, one.activity, one.event, one.onset_s, one.rate_hz) for one in recordings.entries]
    assert told[0] == ("P0001", "fall", "fall", 11.0, 50.0)
    assert [one[:3] for one in told[1:]] == [
        ("P0002", "missed-fall", "fall"),
        ("P0002", "false-alarm", ""),
        ("P0001", "false-alarm", ""),
    ]
    assert all(np.isnan(one[3]) for one in told[1:])
    motion = read_motion(recordings, recordings.entries[0])
    assert motion.time_s[np.linalg.norm(motion.acc_g, axis=1).argmax()] == pytest.approx(11.0, abs=0.3)

    status, said = shouhu("evaluate", "judged", "--json")
    card = json.loads(said[said.index('{"recordings"') :])
    assert status == 0
    assert [(one["event"], bool(one["alarms"])) for one in card["recordings"]][2:] == [("", False), ("", False)]
    assert card["summary"]["specificity"] == 1
    assert card["summary"]["hours"] == pytest.approx(4 * 30 / 3600, rel=0.05)


def test_nothing_tells_whose_it_is_where_or_when(house: Path) -> None:
    shouhu("feedback", "export", "judged")
    files = sorted((house / "judged").iterdir())
    assert [file.name for file in files] == [f"clip-{n:05d}.npz" for n in range(1, 5)] + ["index.csv"]
    text = (house / "judged/index.csv").read_text()
    for secret in ("wang", "li-ming", "BR-", "garden", "lin", "林", str(T)[:5]):
        assert secret not in text
    for line in csv.DictReader(text.splitlines()):
        with np.load(house / "judged" / line["file"]) as arrays:
            assert sorted(arrays) == ["t_s", "xyz_g"]
            assert (arrays["t_s"].dtype, arrays["xyz_g"].dtype) == (np.float64, np.float32)
            assert arrays["t_s"][0] == 0


def test_a_folder_with_something_in_it_is_left_alone(house: Path) -> None:
    (house / "judged").mkdir()
    (house / "judged/mine.txt").write_text("mine")
    status, said = shouhu("feedback", "export", "judged")
    assert status == 2
    assert "judged: is there already; give a new or an empty folder" in said
    assert [file.name for file in (house / "judged").iterdir()] == ["mine.txt"]


def test_a_house_in_which_nobody_judged_anything_has_an_empty_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shouhu("feedback", "export", "judged") == (0, "0 falls, 0 missed falls, 0 false alarms: judged\n")
    assert (tmp_path / "judged/index.csv").read_text().startswith("file,kind,subject")
