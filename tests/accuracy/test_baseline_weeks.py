"""Simulated weeks with known truth: silence while people are as they always are, and a slow change found."""

from collections.abc import Iterator

import numpy as np
import pytest

from alerts.bank import Bank
from alerts.detectors.baseline import Baseline
from alerts.findings import Change, Finding
from alerts.late import MOST_MS
from ingest.readings import Vitals
from simulators.weeks import Decline, Hour, Weeks, hours

#: A midnight in China.
MIDNIGHT_MS = 1_760_025_600_000
HOUR_MS = 3_600_000
DAY_H = 24


def columns(hour: Hour) -> Vitals:
    k, n = hour.heart_rate_bpm.shape
    time_ms = np.tile(hour.time_ms, k)
    unknown = np.full(k * n, np.nan)
    return Vitals(
        row=np.repeat(np.arange(k, dtype=np.int32), n),
        time_ms=time_ms,
        received_ms=time_ms + 500,
        seq=np.full(k * n, -1),
        time_assumed=np.zeros(k * n, dtype=np.bool_),
        heart_rate_bpm=hour.heart_rate_bpm.reshape(-1),
        spo2_pct=hour.spo2_pct.reshape(-1),
        temperature_c=hour.temperature_c.reshape(-1),
        respiration_per_min=hour.respiration_per_min.reshape(-1),
        systolic_mmhg=unknown,
        diastolic_mmhg=unknown,
        steps=hour.steps.reshape(-1),
        worn=np.ones(k * n, dtype=np.int8),
        quality=hour.quality.reshape(-1),
        battery_pct=unknown,
    )


def lived(weeks: Weeks, days: int, decline: Decline | None, seed: int) -> Iterator[Finding]:
    bank = Bank([Baseline()], weeks.people)
    for hour in hours(np.random.default_rng(seed), weeks, MIDNIGHT_MS, days * DAY_H, decline):
        now_ms = int(hour.time_ms[-1])
        yield from bank.update([columns(hour)], now_ms)
        yield from bank.tick(now_ms + MOST_MS)  # an hour in one batch is taken for a late backlog


def test_usual_weeks_are_silent() -> None:
    """100 people, four weeks each, the first of which is for learning."""
    assert list(lived(Weeks(people=100), 28, None, seed=1)) == []


@pytest.mark.parametrize("start_h", [2, 9, 15, 21])
def test_eighteen_beats_more_within_six_hours_are_found(start_h: int) -> None:
    people, days = 50, 10
    start_ms = MIDNIGHT_MS + (days * DAY_H + start_h) * HOUR_MS
    found = list(lived(Weeks(people=people), days + 2, Decline(start_ms, 18.0, 6.0), seed=2))
    began = [f for f in found if f.change is Change.BEGAN]
    assert {f.cause for f in began} == {"heart_rate_above_usual"}
    # Somebody whose day was slow anyway is found the next day, or, at this deviation, not at all.
    first = {f.row: f for f in reversed(began)}
    delay_h = np.array([(f.found_ms - start_ms) / HOUR_MS for f in first.values()])
    print(
        f"from {start_h}:00: {len(first)} of {people}, after {np.median(delay_h):.1f} h, at most {delay_h.max():.1f} h"
    )
    assert len(first) >= 0.9 * people
    assert np.median(delay_h) <= 12.0


def test_nothing_is_said_before_it_is_known_what_is_usual() -> None:
    start_ms = MIDNIGHT_MS + 2 * DAY_H * HOUR_MS
    assert list(lived(Weeks(people=20), 3, Decline(start_ms, 40.0, 1.0), seed=3)) == []
