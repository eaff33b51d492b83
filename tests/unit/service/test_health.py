"""Health says who cannot be called, and fails only where somebody believes to be called."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.calling.coverage import Gap
from ingest.spool import Spool
from ingest.stores.writer import Progress
from service.api.house import Check
from service.health import HealthWatch
from service.metrics import Metrics


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db", max_bytes=1_000_000)
    yield spool
    spool.close()


CONSOLE = Gap("console_only", "site ward: nobody can be called")
STEP = Gap("step", "site street: step 2 can reach nobody")
CHANNEL = Gap("channel", "caregiver wang: sms is not a channel of the settings")


@pytest.mark.parametrize(
    ("gaps", "check"),
    [
        ([], Check("contacts", ok=True)),
        ([CONSOLE], Check("contacts", ok=True, detail=CONSOLE.told)),
        ([STEP, CONSOLE], Check("contacts", ok=True, detail=f"{STEP.told}; and 1 more")),
        ([CHANNEL, STEP, CONSOLE], Check("contacts", ok=False, detail=f"{CHANNEL.told}; and 2 more")),
    ],
)
def test_who_cannot_be_called_is_told_and_never_stops_the_watching(spool: Spool, gaps: list[Gap], check: Check) -> None:
    health = HealthWatch({}, spool, Progress(), Metrics(), lambda: gaps).now()
    assert health.ready
    assert check in health.checks
