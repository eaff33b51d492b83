"""What a vitals reading costs in all vital detectors together: limits, early warning, baseline, wear and fusion.

Batches of readings of as many bracelets, five seconds from each bracelet's last one, through the bank, in processor
time and less what the bank takes without detectors: once where nobody has a bed mat, and once where everybody lies on
one that speaks as often, so that all of it is compared. One in fifty has an SpO2 scale of their own. Beside it what one
would write first: a loop over the readings with a dict of state by device, and of all this only the limits with their
delays. Of every batch the best of several runs, since whatever else runs on the machine only adds; the median of whole
runs is shown too.

    python benchmarks/bench_vitals.py [--rounds 7]
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from alerts.bank import Bank
from alerts.detectors.baseline import Baseline
from alerts.detectors.contract import Detector
from alerts.detectors.early_warning import EarlyWarning
from alerts.detectors.fusion import Fusion
from alerts.detectors.medical import Medical
from alerts.detectors.vitals import LIMITS, VitalLimits, VitalSettings
from alerts.detectors.wear import Wear
from ingest.readings import Bed, Vitals

LIMIT_US: Final = 1.5
_BATCHES: Final = 60
_START_MS: Final = 1_760_000_000_000
_PERIOD_MS: Final = 5_000
_DETECTORS: Final[tuple[Callable[[], Detector], ...]] = (VitalLimits, EarlyWarning, Baseline, Wear, Fusion)
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
                received_ms=np.full(devices, time_ms.max() + 200),  # one moment, as in the service's batches
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


def beside(vitals: Vitals) -> Bed:
    """What the mats of the same people say a second later; their rows come after the bracelets'."""
    random = np.random.default_rng(int(vitals.time_ms[0]))
    devices = len(vitals)
    return Bed(
        row=vitals.row + np.int32(devices),
        time_ms=vitals.time_ms + 1_000,
        received_ms=vitals.received_ms + 1_000,
        seq=vitals.seq,
        time_assumed=vitals.time_assumed,
        present=np.ones(devices, dtype=np.int8),
        heart_rate_bpm=(vitals.heart_rate_bpm + random.normal(0, 2, devices)).round(),
        respiration_per_min=(vitals.respiration_per_min + random.normal(0, 1, devices)).round(),
        moving_share=np.where(random.random(devices) < 0.05, 0.5, 0.02),
        quality=random.uniform(0.8, 1.0, devices).round(2),
    )


def ours_us(kinds: Sequence[Callable[[], Detector]], made: list[Vitals], mats: list[Bed]) -> NDArray[np.float64]:
    """Of each batch of vitals, and of each of mats (2, batches), µs a reading; of mats 0 where there are none."""
    devices = len(made[0])
    bank = Bank([kind() for kind in kinds], devices * (2 if mats else 1))
    medical = [Medical(f"r-{at}", spo2_scale=2) if at % 50 == 0 else None for at in range(bank.count)]
    for detector in (VitalLimits(), EarlyWarning()):
        if type(detector) in kinds:
            bank.set_params(detector.name, detector.of_residents(medical))
    if mats:
        bank.lead([f"r-{at % devices}" for at in range(2 * devices)])
    took_s = np.zeros((2, len(made)))
    for at, batch in enumerate(made):
        both: tuple[Vitals | Bed, ...] = (batch, *mats[at : at + 1])
        for kind, readings in enumerate(both):
            now_ms = int(readings.received_ms.max())
            began_s = process_time()
            bank.update([readings], now_ms)
            took_s[kind, at] = process_time() - began_s
    return took_s * 1e6 / devices


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


def best_us(runs: list[NDArray[np.float64]]) -> tuple[float, float]:
    """Of a reading of vitals, and of a mat: of each batch the best run."""
    vitals_us, mat_us = np.min(runs, axis=0).mean(axis=1)
    return float(vitals_us), float(mat_us)


def show(devices: int, made: list[Vitals], mats: list[Bed], rounds: int) -> float:
    """Print what each detector costs and all together; returns the cost of a vitals reading."""
    sets = [(), *((kind,) for kind in _DETECTORS), _DETECTORS]
    runs: list[list[NDArray[np.float64]]] = [[] for _ in sets]
    for _ in range(rounds):  # in turns, so that a busy moment is nobody's alone
        for kinds, run in zip(sets, runs, strict=True):
            run.append(ours_us(kinds, made, mats))
    bank_us = best_us(runs[0])
    names = ["the bank alone", *(kind().name for kind in _DETECTORS), "all together"]
    with_mats = "with mats" if mats else "no mats"
    for name, run in zip(names, runs, strict=True):
        vitals_us, mat_us = best_us(run)
        if run is not runs[0]:
            vitals_us, mat_us = vitals_us - bank_us[0], mat_us - bank_us[1]
        more = f", {mat_us:5.2f} a mat's" if mats else ""
        print(f"{devices:5} a batch, {with_mats:9} {name:15} {vitals_us:5.2f} µs a vitals reading{more}")
    median_us = float(np.median([run.mean(axis=1)[0] for run in runs[-1]])) - bank_us[0]
    best = best_us(runs[-1])[0] - bank_us[0]
    print(
        f"{devices:5} a batch, {with_mats:9} limit {LIMIT_US:g} µs: {'met' if best <= LIMIT_US else 'NOT met'}", end=""
    )
    print(f" (median of whole runs {median_us:.2f})", flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    for devices in (100, 400, 1000):
        made = batches(devices)
        best = show(devices, made, [], rounds)
        show(devices, made, [beside(batch) for batch in made], rounds)
        loop = min(loop_us(devices, made) for _ in range(rounds))
        print(f"{devices:5} a batch, a loop, limits only {loop:5.2f} µs, {loop / best:.1f} times ours without mats")


if __name__ == "__main__":
    main()
