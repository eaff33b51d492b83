"""Simulated nights with planted pauses in breathing and restless hours: what of them is found, and what beside them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from alerts.bank import Bank
from alerts.detectors.breathing_pause import BreathingPause, BreathingPauseSettings
from alerts.detectors.contract import Detector
from alerts.detectors.restless import Restless
from alerts.findings import Change, Finding
from alerts.late import MOST_MS
from ingest.readings import Bed
from simulators.asleep import Asleep, Planted, SleepHabits, asleep

#: Ten in the evening in China.
START_MS = 1_760_018_400_000
DAY_MS = 86_400_000
HOUR_S = 3600.0
NIGHTS = 50


def told(detector: Detector, slept: Sequence[Asleep], batch_s: int) -> list[Finding]:
    """What a detector says began, of one row a mat."""
    bank = Bank([detector], len(slept))
    row = np.repeat(np.arange(len(slept)), [len(one.time_ms) for one in slept])
    time_ms = np.concatenate([one.time_ms for one in slept])
    order = np.argsort(time_ms, kind="stable")
    bed = Bed(
        row=row.astype(np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 300,
        seq=np.full(len(row), -1),
        time_assumed=np.zeros(len(row), dtype=np.bool_),
        present=np.ones(len(row), dtype=np.int8),
        heart_rate_bpm=np.concatenate([one.heart_rate_bpm for one in slept]),
        respiration_per_min=np.concatenate([one.respiration_per_min for one in slept]),
        moving_share=np.concatenate([one.moving_share for one in slept]),
        quality=np.concatenate([one.quality for one in slept]),
    ).take(order)
    edges = np.flatnonzero(np.diff(bed.time_ms // (1000 * batch_s), prepend=0, append=1 << 50))
    found: list[Finding] = []
    for first, end in pairwise(edges):
        now_ms = int(bed.received_ms[end - 1])
        found += bank.update([bed.take(np.arange(first, end))], now_ms)
        found += bank.tick(now_ms + MOST_MS)  # much in one batch is taken for a late backlog
    return [finding for finding in found if finding.change is Change.BEGAN]


def span(begin_s: float, lasts_s: float, moving_share: float = 0.0) -> Planted:
    return Planted(np.array([begin_s]), np.array([begin_s + lasts_s]), np.array([moving_share]))


@pytest.mark.parametrize("period_s", [1.0, 10.0])
@pytest.mark.parametrize(
    ("lasts_s", "least", "most"), [(20, 0.0, 0.0), (30, 0.0, 0.1), (35, 0.4, 1.0), (45, 0.85, 1.0), (60, 0.85, 1.0)]
)
def test_pauses_in_breathing(period_s: float, lasts_s: int, least: float, most: float) -> None:
    """One a night, among twenty short ones and four losses that the mat owns up to."""
    found, false = pauses_told(SleepHabits(period_s=period_s), lasts_s, BreathingPause())
    assert least <= found <= most
    assert false <= 0.02


@pytest.mark.parametrize(("lost_s", "most"), [(60.0, 0.8), (120.0, 0.02)])
@pytest.mark.parametrize("period_s", [1.0, 10.0])
def test_a_mat_that_loses_breaths_and_calls_that_good_is_a_false_alarm(
    period_s: float, lost_s: float, most: float
) -> None:
    habits = SleepHabits(period_s=period_s, lost_well_share=0.5)
    _, false = pauses_told(habits, 45, BreathingPause(BreathingPauseSettings(lost_s=lost_s)))
    assert false <= most


def pauses_told(habits: SleepHabits, lasts_s: int, detector: BreathingPause) -> tuple[float, float]:
    """The share found of one planted pause a night, and what else was told a night."""
    rng = np.random.default_rng(lasts_s)
    begins_s = rng.uniform(HOUR_S, 7 * HOUR_S, NIGHTS)
    slept = [
        asleep(rng, START_MS, habits, pauses=span(begin_s, lasts_s), restless=Planted.nothing()) for begin_s in begins_s
    ]
    delays, false = [], 0
    for finding in told(detector, slept, batch_s=10):
        delay_s = (finding.found_ms - START_MS) / 1000.0 - begins_s[finding.row]
        if 0 <= delay_s <= lasts_s + habits.period_s:
            delays.append(delay_s)
        else:
            false += 1
    print(
        f"a pause of {lasts_s} s, a word in {habits.period_s} s, {habits.lost_well_share} of losses called good: "
        f"{len(delays) / NIGHTS:.2f} found, {false / NIGHTS:.2f} others a night, "
        f"after {np.median(delays) if delays else np.nan:.0f} s, at most {max(delays, default=np.nan):.0f} s"
    )
    return len(delays) / NIGHTS, false / NIGHTS


@pytest.mark.parametrize(
    ("lasts_min", "moving_share", "least", "most"),
    [(20, 0.4, 0.0, 0.2), (45, 0.4, 0.9, 1.0), (60, 0.3, 0.9, 1.0), (60, 0.4, 0.9, 1.0), (90, 0.2, 0.5, 0.9)],
)
def test_restless_hours(lasts_min: int, moving_share: float, least: float, most: float) -> None:
    """Six nights as usual, then one with a restless stretch; of the first two nights nothing is said."""
    rng = np.random.default_rng(lasts_min)
    begins_s = rng.uniform(HOUR_S, 5 * HOUR_S, NIGHTS)
    habits = SleepHabits()
    calm = [
        asleep(rng, START_MS + day * DAY_MS, habits, pauses=Planted.nothing(), restless=Planted.nothing())
        for _ in range(NIGHTS)
        for day in range(6)
    ]
    last_ms = START_MS + 6 * DAY_MS
    slept = [
        joined(
            [
                *calm[6 * at : 6 * at + 6],
                asleep(
                    rng, last_ms, habits, pauses=Planted.nothing(), restless=span(begin_s, lasts_min * 60, moving_share)
                ),
            ]
        )
        for at, begin_s in enumerate(begins_s)
    ]
    found, false, delays = set(), 0, []
    for finding in told(Restless(), slept, batch_s=120):
        onset_s = (finding.onset_ms - last_ms) / 1000.0 - begins_s[finding.row]
        if -600 <= onset_s <= lasts_min * 60:
            found.add(finding.row)
            delays.append(((finding.found_ms - last_ms) / 1000.0 - begins_s[finding.row]) / 60)
        else:
            false += 1
    share = len(found) / NIGHTS
    print(
        f"{lasts_min} min moving {moving_share} of the time: {share:.2f} found, "
        f"{false / (5 * NIGHTS):.3f} others a night, after {np.median(delays) if delays else np.nan:.0f} min"
    )
    assert least <= share <= most
    assert false / (5 * NIGHTS) <= 0.05


@pytest.mark.parametrize(("wakes", "most"), [(1, 0.0), (2, 0.02), (3, 0.06)])
def test_who_lies_awake_again_and_again_may_be_called_restless(wakes: int, most: float) -> None:
    """A week each; nothing is planted."""
    rng = np.random.default_rng(9)
    nothing, habits = Planted.nothing(), SleepHabits(wakes=wakes)
    slept = [
        joined([asleep(rng, START_MS + day * DAY_MS, habits, pauses=nothing, restless=nothing) for day in range(7)])
        for _ in range(2 * NIGHTS)
    ]
    false = len(told(Restless(), slept, batch_s=120)) / (2 * NIGHTS * 5)
    print(f"awake {wakes} times a night for 5 to 20 min: {false:.3f} told a night")
    assert false <= most


def joined(parts: Sequence[Asleep]) -> Asleep:
    return Asleep(
        time_ms=np.concatenate([part.time_ms for part in parts]),
        heart_rate_bpm=np.concatenate([part.heart_rate_bpm for part in parts]),
        respiration_per_min=np.concatenate([part.respiration_per_min for part in parts]),
        moving_share=np.concatenate([part.moving_share for part in parts]),
        quality=np.concatenate([part.quality for part in parts]),
    )
