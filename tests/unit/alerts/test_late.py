"""What a device tells late, message by message, rings for what still holds when all is told, and for nothing else."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.bank import Bank
from alerts.detectors.sos import Press
from alerts.detectors.vitals import VitalLimits
from alerts.findings import Change, Finding
from alerts.late import LATE_MS, MOST_MS, SETTLE_MS
from ingest.readings import Vitals
from tests.unit.alerts.test_bank import T0_MS, everything, readings

HOUR_S = 3_600


def watched(count: int = 2) -> Bank:
    return Bank([VitalLimits(), Press()], count)


def heard(bank: Bank, now_s: float, at_s: float, heart_rate_bpm: float, row: int = 0) -> list[Finding]:
    """One reading made at one time and received at another, and the tick of a second."""
    now_ms = T0_MS + round(now_s * 1000)
    said = replace(readings(Vitals, at_s, row, heart_rate_bpm=heart_rate_bpm, worn=1), received_ms=np.array([now_ms]))
    return [*bank.update([said], now_ms), *bank.tick(now_ms)]


def ticks(bank: Bank, begin_s: float, end_s: float) -> list[tuple[float, Finding]]:
    """What is told while seconds pass, and when."""
    return [(at, one) for at in np.arange(begin_s, end_s, 1.0).tolist() for one in bank.tick(T0_MS + round(at * 1000))]


def changes(findings: Iterable[Finding]) -> list[Change]:
    return [one.change for one in findings]


def test_what_is_over_by_the_end_of_a_backlog_rings_no_bell() -> None:
    bank = watched()
    rates = [150.0] * 10 + [75.0] * 50
    told = [one for minute, rate in enumerate(rates) for one in heard(bank, HOUR_S + minute / 20, 60 * minute, rate)]
    assert told == []
    assert ticks(bank, HOUR_S + 3, HOUR_S + 90) == []


def test_what_still_holds_rings_once_nothing_late_has_come_for_a_while() -> None:
    bank = watched()
    last_s = HOUR_S + 59 / 20
    for minute in range(60):
        # An hour late at first, and with the last of them two minutes and a half.
        assert heard(bank, HOUR_S + minute / 20, 58.5 * minute, 150.0) == []
    ((at_s, found),) = ticks(bank, last_s, last_s + 60)
    assert 0 <= at_s - last_s - SETTLE_MS / 1000 < 1.0
    assert (found.cause, found.change, found.onset_ms) == ("heart_rate_high", Change.BEGAN, T0_MS)
    assert changes(heard(bank, HOUR_S + 100, HOUR_S + 100, 75.0)) == [Change.ENDED]


def test_nobody_waits_longer_than_a_minute() -> None:
    bank = watched()
    began_s = None
    for second in range(0, 300, 5):
        # Twice as fast as time, and hours behind it.
        if heard(bank, 9 * HOUR_S + second, 2.0 * second, 150.0) and began_s is None:
            began_s = second
    assert began_s is not None
    assert abs(began_s - 10 - MOST_MS / 1000) <= 5


def test_what_comes_late_at_the_pace_of_life_is_no_backlog() -> None:
    bank = watched()
    told = [(at_s, one) for at_s in range(0, 60, 5) for one in heard(bank, HOUR_S + at_s, at_s, 150.0)]
    at_s, found = told[0]
    found_s = (found.found_ms - T0_MS) // 1000
    assert (found.cause, at_s - found_s) == ("heart_rate_high", 5), "the next reading shows it"


def test_what_is_found_in_time_waits_for_nothing() -> None:
    bank = watched()
    late_s = LATE_MS / 1000
    assert heard(bank, late_s, 0, 150.0) == []
    assert changes(heard(bank, 20 + late_s, 20, 150.0)) == [Change.BEGAN]
    assert changes(heard(bank, 40 + late_s, 40, 75.0)) == [Change.ENDED]


def test_other_devices_wait_for_nobody() -> None:
    bank = watched()
    heard(bank, HOUR_S, HOUR_S, 150.0, row=1)
    heard(bank, HOUR_S, 0, 150.0)
    heard(bank, HOUR_S + 1, 60, 150.0)
    assert [one.row for one in heard(bank, HOUR_S + 15.5, HOUR_S + 15.5, 150.0, row=1)] == [1]
    assert [one.row for _, one in ticks(bank, HOUR_S + 15.5, HOUR_S + 30)] == [0]


def test_a_clock_of_ours_that_goes_back_leaves_nobody_waiting() -> None:
    bank = watched()
    heard(bank, 2 * HOUR_S, 0, 150.0)
    assert heard(bank, 2 * HOUR_S + 1, 60, 150.0) == []
    assert changes(bank.tick(T0_MS + HOUR_S * 1000)) == [Change.BEGAN]


@pytest.mark.parametrize("rows", [None, [1, 0]])
def test_what_waits_is_known_after_a_restart_and_goes_with_its_device(rows: list[int] | None) -> None:
    bank, after = watched(), watched()
    heard(bank, HOUR_S, 0, 150.0, row=1)
    heard(bank, HOUR_S + 1, 60, 150.0, row=1)
    pieces = [bank.snapshot(0, 1)(), bank.snapshot(1, 2)()]
    for at, piece in enumerate(pieces):
        after.restore(piece, np.array([at if rows is None else rows[at]]))
    ((_, found),) = ticks(after, HOUR_S + 2, HOUR_S + 30)
    assert found.row == (1 if rows is None else 0)
    assert found.evidence == (("heart_rate_bpm", 150.0), ("limit_bpm", 131.0), ("held_s", 60.0))


def test_what_one_device_tells_late_keeps_what_is_found_of_its_resident_waiting() -> None:
    bank = everything(2)
    bank.lead(["R", "R"])
    told: list[Finding] = []
    for minute in range(60):
        bad = minute < 10
        now_ms = T0_MS + HOUR_S * 1000 + minute * 500
        said = readings(
            Vitals, 60 * minute, 1, heart_rate_bpm=125.0 if bad else 70.0, respiration_per_min=22.0 if bad else 15.0,
            temperature_c=39.5 if bad else 36.6, worn=1,
        )  # fmt: skip
        told += bank.update([replace(said, received_ms=np.array([now_ms]))], now_ms)
        told += [one for one in bank.tick(now_ms) if one.cause == "early_warning"]
    assert told == []


@settings(max_examples=60, deadline=None)
@given(
    bad=st.lists(st.tuples(st.booleans(), st.integers(2, 20)), min_size=1, max_size=8),
    gap_s=st.sampled_from([0.0, 0.02, 0.3, 2.0]),
    together=st.integers(1, 40),
)
def test_however_a_backlog_is_parted_it_rings_for_its_end_alone(
    bad: list[tuple[bool, int]], gap_s: float, together: int
) -> None:
    rates = [150.0 if is_bad else 75.0 for is_bad, minutes in bad for _ in range(minutes)]
    bank, begin_s = watched(), len(rates) * 60 + HOUR_S
    told: list[Finding] = []
    now_s = float(begin_s)
    for begin in range(0, len(rates), together):
        part = rates[begin : begin + together]
        now_ms = T0_MS + round(now_s * 1000)
        said = readings(
            Vitals, 60.0 * np.arange(begin, begin + len(part)), np.zeros(len(part)), heart_rate_bpm=part, worn=1
        )
        told += bank.update([replace(said, received_ms=np.full(len(part), now_ms))], now_ms)
        told += bank.tick(now_ms)
        now_s += gap_s if now_s + gap_s < begin_s + MOST_MS / 1000 - 1 else 0.0
    told += [one for _, one in ticks(bank, now_s, now_s + 90)]
    rings = bad[-1][0]
    assert changes(told) == [Change.BEGAN] * rings
