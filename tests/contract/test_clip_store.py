"""What every database has to hold of clips and reports: SQLite and a real PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from alerts.alarm import Outcome
from alerts.falls.clip_store import ClipStore, MissedFall, clip_metadata
from alerts.falls.clips import Clip
from alerts.falls.samples import Samples
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.journal import Journal
from alerts.journal.schema import metadata
from ingest.directory import Device, DeviceType
from service.database import make_engine
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving, samples

WHOLE = samples(moving(Activity.WALKING, 60), T - 30_000)
DEVICES = (Device("s", "bracelet", DeviceType.BRACELET, "r-1"),)


def clip(alarm: str = "A", impact_ms: int = T, known: Samples | None = None) -> Clip:
    return Clip(alarm, 0, "s", "bracelet", "r-1", impact_ms, Samples.none() if known is None else known)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        clip_metadata.drop_all(made)
        metadata.drop_all(made)
    yield made
    made.dispose()


def closed(journal: Journal, onset_ms: int, outcome: Outcome | None) -> str:
    """An alarm of a fall, closed as `outcome`; returns its name."""
    finding = Finding(0, Condition.FALL, "wrist_fall", Change.BEGAN, Priority.HIGH, onset_ms, onset_ms)
    (transition,) = journal.record([finding], DEVICES, onset_ms, onset_ms)
    name = transition.alarm.alarm
    if outcome is not None:
        journal.resolve(name, "nurse", outcome, "", onset_ms)
    return name


def test_what_is_written_is_read_again_and_written_again_replaces_it(engine: Engine) -> None:
    store = ClipStore(engine)
    first = replace(clip(known=WHOLE.between(T - 10_000, T)), number=1)
    store.keep(first)
    store.keep(replace(first, samples=WHOLE))
    store.keep(replace(first, number=2, impact_ms=T + 60_000))
    found = ClipStore(engine).of_alarm("A")
    assert [(one.number, one.impact_ms, len(one.samples)) for one in found] == [(1, T, 3000), (2, T + 60_000, 500)]
    assert np.array_equal(found[0].samples.counts, WHOLE.counts)
    assert store.size() == (2, len(WHOLE.packed()) + len(first.samples.packed()))
    assert store.of_alarm("no-such") == []


def test_the_label_is_what_the_person_said_who_closed_the_alarm(engine: Engine) -> None:
    journal, store = Journal(engine), ClipStore(engine)
    for number, outcome in enumerate((Outcome.TRUE, Outcome.FALSE, Outcome.TEST, Outcome.UNCLEAR, None)):
        name = closed(journal, T + 100_000 * number, outcome)
        store.keep(replace(clip(name, T + 100_000 * number, WHOLE), number=1))
    missed = MissedFall("M-1", "s", "r-1", T - 5_000, "nurse", T, "found beside the bed")
    store.report(missed, [replace(clip("M-1", T - 5_000, WHOLE), number=1)])
    store.report(replace(missed, report="M-2"), [])
    assert [(one.is_fall, one.missed) for one in store.labelled()] == [(True, True), (True, False), (False, False)]
    assert [report.report for report in store.missed_falls()] == ["M-1", "M-2"]
    assert store.missed_falls()[0] == missed


def test_when_it_is_full_the_oldest_that_nobody_judged_goes_first(engine: Engine) -> None:
    journal = Journal(engine)
    store = ClipStore(engine, most=3)
    outcomes = (Outcome.FALSE, Outcome.UNCLEAR, Outcome.TRUE)
    names = [closed(journal, T + 100_000 * number, outcome) for number, outcome in enumerate(outcomes)]
    for number, name in enumerate(names):
        store.keep(replace(clip(name, T + 100_000 * number, WHOLE), number=1))
    for late in range(3):
        store.keep(replace(clip(f"late-{late}", T + 1_000_000 + late, WHOLE), number=1))
        assert store.of_alarm(f"late-{late}"), "what was just written stays"
    assert store.size()[0] == 3
    assert [bool(store.of_alarm(name)) for name in names] == [True, False, True]


def test_the_bytes_are_bounded_too(engine: Engine) -> None:
    store = ClipStore(engine, max_bytes=3 * len(WHOLE.packed()))
    for number in range(6):
        store.keep(replace(clip(f"A{number}", T + number, WHOLE), number=1))
    assert store.size() == (3, 3 * len(WHOLE.packed()))
    assert store.of_alarm("A5")
