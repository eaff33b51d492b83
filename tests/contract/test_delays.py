"""The report of delays over what the ledger holds: SQLite and a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from alerts.findings import Condition
from alerts.journal.delays import DelayReader, Leg
from alerts.journal.journal import Journal
from alerts.journal.ledger import LEDGER
from alerts.journal.schema import metadata
from service.database import make_engine

T = 1_700_000_000_000
NOW = T + 3_600_000
Kept = Callable[..., None]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = make_engine(f"sqlite:///{tmp_path}/shouhu.db")
    else:
        made = make_engine(request.getfixturevalue("postgresql").url)
        metadata.drop_all(made)
    Journal(made)
    yield made
    made.dispose()


@pytest.fixture
def kept(engine: Engine) -> Kept:
    """Puts an alarm into the ledger, its times told from its onset on."""
    numbers = iter(range(1_000_000))

    def keep(at_ms: int = T, site: str = "ward", condition: str = "sos", drill: bool = False, **after_ms: int) -> None:
        usual = {"onset": 0, "received": 40, "detected": 41, "journalled": 43}
        times: dict[str, Any] = {f"{name}_ms": None for name in ("sent", "delivered", "acknowledged", "resolved")} | {
            f"{name}_ms": at_ms + after for name, after in (usual | after_ms).items()
        }
        row = {"alarm": f"a{next(numbers)}", "site": site, "condition": condition, "drill": drill} | times
        with engine.begin() as connection:
            connection.execute(insert(LEDGER).values(row))

    return keep


def test_each_leg_has_its_percentiles(engine: Engine, kept: Kept) -> None:
    for n in range(101):
        kept(T + n, sent=43 + n, acknowledged=1043 + n)
    people = DelayReader(engine).report(T, NOW).people
    assert people.alarms == 101
    assert people.legs["onset_to_received"] == Leg(101, 40, 40, 40)
    assert people.legs["journalled_to_sent"] == Leg(101, 50, 95, 99)
    assert people.legs["sent_to_acknowledged"] == Leg(101, 1000, 1000, 1000)
    assert people.legs["raised_to_resolved"] == Leg(0, None, None, None)


def test_what_nobody_answered_counts_against_the_share_and_what_is_not_due_does_not(engine: Engine, kept: Kept) -> None:
    kept(acknowledged=43 + 60_000)
    kept(acknowledged=43 + 60_001)
    kept()
    kept(NOW - 100_000, acknowledged=5_000)  # due within 60 s, and not yet within 180
    kept(NOW - 30_000, acknowledged=5_000)
    within_60, within_180 = DelayReader(engine).report(T, NOW).people.answered
    assert (within_60.answered, within_60.total, within_60.share) == (2, 4, 0.5)
    assert (within_180.answered, within_180.total) == (2, 3)


def test_conditions_drills_and_devices_are_told_apart(engine: Engine, kept: Kept) -> None:
    kept()
    kept(condition="fall", received=1000, detected=1000, journalled=1000)
    kept(condition="device")
    kept(drill=True, received=7, detected=7, journalled=7)
    report = DelayReader(engine).report(T, NOW)
    assert {kind: delays.alarms for kind, delays in report.by_condition.items()} == {
        Condition.SOS: 1, Condition.FALL: 1, Condition.DEVICE: 1,
    }  # fmt: skip
    assert (report.people.alarms, report.drills.alarms) == (2, 1)
    assert report.by_condition[Condition.FALL].legs["onset_to_received"].p50_ms == 1000
    assert report.drills.legs["onset_to_received"].p99_ms == 7


def test_a_period_and_a_site_hold_what_is_in_them(engine: Engine, kept: Kept) -> None:
    for at_ms, site in ((T - 44, "ward"), (T - 43, "ward"), (T, "hill"), (NOW, "ward")):
        kept(at_ms, site)
    reader = DelayReader(engine)
    assert reader.report(T, NOW).people.alarms == 2
    assert reader.report(T, NOW, site="hill").people.alarms == 1
    nothing = reader.report(T, NOW, site="nowhere")
    assert (nothing.people.alarms, nothing.by_condition) == (0, {})
    assert [each.share for each in nothing.people.answered] == [None, None]
