"""What a vitals reading costs in all vital detectors together: limits, early warning, baseline and wear.

Batches of readings of as many bracelets, five seconds from each bracelet's last one, through the bank, in processor
time and less what the bank takes without detectors; beside it what one would write first: a loop over the readings
with a dict of state by device, and of all this only the limits with their delays. The best of several runs, since
whatever else runs on the machine only adds.

    python benchmarks/bench_vitals.py [--rounds 5]
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from alerts.bank import Bank
from alerts.detectors.baseline import Baseline
from alerts.detectors.contract import Detector
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.vitals import LIMITS, VitalLimits, VitalSettings
from alerts.detectors.wear import Wear
from ingest.readings import Vitals

LIMIT_US: Final = 1.5
_BATCHES: Final = 60
_START_MS: Final = 1_760_000_000_000
_PERIOD_MS: Final = 5_000
_DETECTORS: Final[tuple[Callable[[], Detector], ...]] = (VitalLimits, EarlyWarning, Baseline, Wear)
_SIGNS: Final = ("heart_rate_bpm", "spo2_pct", "respiration_per_min", "temperature_c", "systolic_mmhg")


def batches(devices: int) -> list[Vitals]:
    """Old people in fair health, a few of whom score a point or two, or are beyond a limit for a moment."""
    random = np.random.default_rng(7)
    made = []
    usual = random.uniform(60, 95, devices)
    for number in range(_BATCHES):
        row = random.permutation(devices).astype(np.int32)
        time_ms = _START_MS + number * _PERIOD_MS + random.integers(0, _PERIOD_MS // 2, devices)
        made.append(
            Vitals(
                row=row,
                time_ms=time_ms,
                received_ms=time_ms + 200,
                seq=np.full(devices, number),
                time_assumed=np.zeros(devices, dtype=np.bool_),
                heart_rate_bpm=(usual[row] + random.normal(0, 3, devices)).round(),
                spo2_pct=np.where(random.random(devices) < 0.002, 90, random.integers(95, 99, devices)).astype(float),
                temperature_c=random.normal(36.5, 0.3, devices).round(1),
                respiration_per_min=random.normal(16, 1.5, devices).round(),
                systolic_mmhg=random.normal(130, 12, devices).round(),
                diastolic_mmhg=random.normal(75, 6, devices).round(),
                steps=np.full(devices, 1000.0 + number // 12),
                worn=np.ones(devices, dtype=np.int8),
                quality=np.full(devices, 0.9),
                battery_pct=np.full(devices, 60.0),
            )
        )
    return made


def ours_us(kinds: tuple[Callable[[], Detector], ...], devices: int, made: list[Vitals]) -> float:
    bank = Bank([kind() for kind in kinds], devices)
    began_s = process_time()
    for batch in made:
        bank.update([batch], int(batch.received_ms.max()))
    return (process_time() - began_s) * 1e6 / (devices * len(made))


def loop_us(devices: int, made: list[Vitals]) -> float:
    """The limits alone, reading by reading."""
    limits = dict(zip(LIMITS, VitalSettings().limits(), strict=True))
    since: dict[tuple[int, str], int] = {}
    lists = [(b.row.tolist(), b.time_ms.tolist(), *(getattr(b, sign).tolist() for sign in _SIGNS)) for b in made]
    raised = 0
    began_s = process_time()
    for row, time_ms, *signs in lists:
        for at, device in enumerate(row):
            for index, name in enumerate(LIMITS):
                value, limit = signs[index % len(_SIGNS)][at], limits[name]
                beyond = value <= limit.raise_at if index < len(_SIGNS) else value >= limit.raise_at
                if beyond:
                    raised += time_ms[at] - since.setdefault((device, name), time_ms[at]) >= limit.delay_s * 1000
                else:
                    since.pop((device, name), None)
    return (process_time() - began_s) * 1e6 / (devices * len(made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for devices in (400, 1000):
        made = batches(devices)
        bank_us = min(ours_us((), devices, made) for _ in range(rounds))
        print(f"{devices:5} a batch  the bank alone   {bank_us:5.2f} µs a reading")
        for kind in _DETECTORS:
            cost_us = min(ours_us((kind,), devices, made) for _ in range(rounds)) - bank_us
            print(f"{devices:5} a batch  {kind().name:16} {cost_us:5.2f} µs more")
        costs_us = [ours_us(_DETECTORS, devices, made) for _ in range(rounds)]
        loop = min(loop_us(devices, made) for _ in range(rounds))
        best = min(costs_us) - bank_us
        median = statistics.median(costs_us) - bank_us
        print(f"{devices:5} a batch  all together     {best:5.2f} µs more, median {median:.2f}")
        print(f"{devices:5} a batch  loop, limits only{loop:5.2f} µs, {loop / best:.1f} times ours")
        print(f"limit {LIMIT_US:g} µs: {'met' if best <= LIMIT_US else 'NOT met'}", flush=True)


if __name__ == "__main__":
    main()
