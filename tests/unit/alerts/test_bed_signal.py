"""Rates out of raw bed signals: as readings, refused while somebody moves, judged by the limits like any other."""

from dataclasses import replace

import numpy as np
import pytest

from alerts.bank import Bank
from alerts.bed_signal import QUALITY_MIN, BedSignal, Estimates
from alerts.detectors.vitals import VitalLimits
from ingest.contract import Kind
from ingest.decode import Decoded, Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import Bcg, Bed
from simulators.bed_signal import Sleeper, bed_signal, bed_signal_packets

START_MS = 1_760_000_000_000
SITE = "home"


def decoded_in_batches(
    sleepers: list[Sleeper], seconds: float, rate_hz: float = 100.0, **signal: object
) -> list[Decoded]:
    """What the service decodes of the sleepers' mats, second by second."""
    names = [f"mat{number}" for number in range(len(sleepers))]
    decoder = Decoder(Directory(Device(SITE, name, DeviceType.BED_MAT) for name in names))
    random = np.random.default_rng(8)
    sent = [
        message
        for name, sleeper in zip(names, sleepers, strict=True)
        for message in bed_signal_packets(
            SITE,
            name,
            START_MS + 1000 * np.arange(round(seconds * rate_hz)) / rate_hz,
            bed_signal(random, sleeper, rate_hz, seconds, **signal),  # type: ignore[arg-type]
            rate_hz,
        )
    ]
    batches = []
    for second in range(1, int(seconds) + 1):
        now = [m for m in sent if START_MS + 1000 * (second - 1) < m.at_ms <= START_MS + 1000 * second]
        received_ms = START_MS + 1000 * second + 40
        batches.append(decoder.decode([m.topic for m in now], [m.payload for m in now], received_ms))
        assert not batches[-1].rejected
    return batches


def estimates(batches: list[Decoded]) -> Estimates:
    mats = BedSignal()
    return Estimates.joined([mats.estimate(bcg) for each in batches for bcg in each.readings if isinstance(bcg, Bcg)])


def test_each_mat_gets_its_own_rates_every_ten_seconds() -> None:
    sleepers = [Sleeper(heart, breath, breath_variation=0.03) for heart, breath in ((52, 11), (75, 18), (98, 25))]
    found = estimates(decoded_in_batches(sleepers, 125))
    for row, sleeper in enumerate(sleepers):
        own = found.row == row
        assert ((found.time_ms[own] - START_MS) / 1000).tolist() == [40, 50, 60, 70, 80, 90, 100, 110, 120]
        assert (found.received_ms[own] > found.time_ms[own]).all()
        sure = own & (found.respiration_quality >= QUALITY_MIN)
        assert sure.sum() >= 7
        assert np.abs(found.respiration_per_min[sure] - sleeper.respiration_per_min).max() < 1.5
        sure = own & (found.heart_quality >= QUALITY_MIN)
        assert sure.sum() >= 6
        assert np.abs(found.heart_rate_bpm[sure] - sleeper.heart_rate_bpm).max() < 4


def test_readings_come_behind_those_of_the_batch_and_hold_only_what_is_sure() -> None:
    mats = BedSignal()
    batches = [mats.with_rates(each) for each in decoded_in_batches([Sleeper()], 65)]
    beds = [r for each in batches for r in each.readings if isinstance(r, Bed)]
    assert [bed.time_ms.tolist() for bed in beds] == [[START_MS + s * 1000] for s in (40, 50, 60)]
    for each in batches:
        assert isinstance(each.readings[0], Bcg)
    for bed in beds:
        assert bed.present.tolist() == [-1]
        assert bed.quality[0] >= QUALITY_MIN
        assert bed.respiration_per_min[0] == pytest.approx(14, abs=1.5)


def test_a_batch_without_bed_signals_is_handed_on_as_it_is() -> None:
    nothing = Decoded((), ())
    assert BedSignal().with_rates(nothing) is nothing


def test_nobody_is_measured_while_turning_over() -> None:
    batches = decoded_in_batches([Sleeper(), Sleeper(60, 12)], 185, moving=((81.0, 84.0),))
    found = estimates(batches)
    ends = (found.time_ms - START_MS) / 1000
    touched = (ends > 81) & (ends - 32 < 84)
    refused = (found.heart_quality < QUALITY_MIN) & (found.respiration_quality < QUALITY_MIN)
    assert refused[touched].all()
    assert (found.moving_share[touched & (ends == 90)] > 0).all()
    assert (found.moving_share[~touched] == 0).all()
    assert (found.respiration_quality[~touched] >= QUALITY_MIN).mean() > 0.8
    moved = found.readings().take(touched)
    assert np.isnan(moved.heart_rate_bpm).all()
    assert np.isnan(moved.respiration_per_min).all()
    assert (moved.quality < QUALITY_MIN).all()


def test_who_moves_without_end_is_not_measured_by_that_movement() -> None:
    found = estimates(decoded_in_batches([Sleeper()], 105, moving=((45.0, 95.0),)))
    ends = (found.time_ms - START_MS) / 1000
    assert not (found.heart_quality[(ends > 45) & (ends <= 100)] >= QUALITY_MIN).any()
    assert not (found.respiration_quality[(ends > 45) & (ends <= 100)] >= QUALITY_MIN).any()


def test_a_mat_nobody_lies_on_has_no_rates() -> None:
    nobody = Sleeper(breath_size=0.0, beat_size=0.0)
    found = estimates(decoded_in_batches([nobody, replace(nobody, noise_size=0.0)], 125))
    given = (found.heart_quality >= QUALITY_MIN) | (found.respiration_quality >= QUALITY_MIN)
    assert given.mean() < 0.15
    assert not given[found.row == 1].any()


def test_a_mat_somebody_lies_down_on_is_believed_after_two_minutes() -> None:
    random = np.random.default_rng(4)
    empty = 0.001 * random.standard_normal(120 * 50)
    signal = np.concatenate([empty, bed_signal(random, Sleeper(), 50.0, 240)])
    decoder = Decoder(Directory([Device(SITE, "mat", DeviceType.BED_MAT)]))
    sent = bed_signal_packets(SITE, "mat", START_MS + 20.0 * np.arange(len(signal)), signal, 50.0)
    decoded = decoder.decode([m.topic for m in sent], [m.payload for m in sent], START_MS + 400_000)
    found = estimates([decoded])
    after = (found.time_ms - START_MS) / 1000 - 120
    assert (found.respiration_quality[after > 130] >= QUALITY_MIN).mean() > 0.8


def test_fast_breathing_rings_like_that_of_any_mat() -> None:
    bank = Bank([VitalLimits()], 1)
    mats = BedSignal()
    findings = []
    for second, each in enumerate(decoded_in_batches([Sleeper(respiration_per_min=31)], 125), start=1):
        findings += bank.update(mats.with_rates(each).readings, START_MS + 1000 * second + 40)
    assert [finding.cause for finding in findings] == ["respiration_high"]
    # The first window is full at 40 s, and the limit asks for 30 s.
    assert findings[0].found_ms == START_MS + 70_000


def test_a_fleet_that_grows_keeps_what_is_known() -> None:
    batches = decoded_in_batches([Sleeper()], 125)
    alone, among = BedSignal(), BedSignal()
    for second, each in enumerate(batches):
        (bcg,) = each.readings
        assert isinstance(bcg, Bcg)
        expected = alone.estimate(bcg)
        got = among.estimate(bcg.with_rows(np.full(len(bcg), 5, dtype=np.int32)))
        among.estimate(bcg.with_rows(np.full(len(bcg), 100 + second, dtype=np.int32)))
        assert got.time_ms.tolist() == expected.time_ms.tolist()
        assert np.allclose(got.heart_rate_bpm, expected.heart_rate_bpm, atol=1e-3)


def test_one_batch_with_a_backlog_of_hours_gives_what_the_seconds_gave() -> None:
    batches = decoded_in_batches([Sleeper(), Sleeper(80, 20)], 1300, rate_hz=25.0)
    expected = estimates(batches)
    columns = [r for each in batches for r in each.readings if isinstance(r, Bcg)]
    offset = np.cumsum([0, *(len(bcg.signal) for bcg in columns)])[:-1]
    whole = Bcg(
        **{
            name: np.concatenate([getattr(bcg, name) for bcg in columns])
            for name in ("row", "time_ms", "received_ms", "seq", "time_assumed", "rate_hz", "count", "signal")
        },
        start=np.concatenate([bcg.start + first for bcg, first in zip(columns, offset, strict=True)]),
    )
    assert whole.KIND is Kind.BCG
    found = BedSignal().estimate(whole)
    order = np.lexsort((expected.time_ms, expected.row))
    assert found.time_ms.tolist() == expected.time_ms[order].tolist()
    assert np.allclose(found.respiration_per_min, expected.respiration_per_min[order], atol=1e-3, equal_nan=True)
    assert np.allclose(found.heart_rate_bpm, expected.heart_rate_bpm[order], atol=1e-3, equal_nan=True)
    assert np.allclose(found.moving_share, expected.moving_share[order])
