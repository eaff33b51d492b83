"""Health says who cannot be called, and fails only where somebody believes to be called."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alerts.calling.coverage import Gap
from ingest.readings import Bcg
from ingest.spool import Spool
from ingest.stores.contract import Block, Tag
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


def test_what_a_full_spool_gives_up_is_shown(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "full.db", max_bytes=1_000, when_full="drop_oldest")
    metrics = Metrics()
    HealthWatch({}, spool, Progress(), metrics)
    for time_ms in (1_000, 2_000, 3_000):
        spool.append([signal(time_ms)])
    assert "shouhu_spool_dropped_readings 2.0" in metrics.exposition().decode().splitlines()
    spool.close()


def signal(time_ms: int) -> Block:
    """One packet of more than half of what the spool above holds."""
    one = np.array([time_ms])
    packet = Bcg(
        row=np.zeros(1, dtype=np.int32),
        time_ms=one,
        received_ms=one,
        seq=one,
        time_assumed=np.array([False]),
        rate_hz=np.array([10.0]),
        start=np.zeros(1, dtype=np.int64),
        count=np.array([100]),
        signal=np.arange(100, dtype=np.float32),
    )
    return Block(packet, (Tag("site", "mat", "resident"),))
