"""Impact and stillness."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alerts.detectors.fall import FallSettings, ImpactStillness
from alerts.findings import Condition, Priority
from ingest.contract import Kind
from ingest.readings import Motion

T0_MS = 1_760_000_000_000
GRAVITY_G = np.array([0.0, 0.0, 1.0])


def wrist(rate_hz: float, *, impact_at_s: float = 5.0, end_s: float = 12.0, stir_g: float = 0.05) -> np.ndarray:
    """Somebody strolling, hitting the ground and lying there, in g (n, 3)."""
    random = np.random.default_rng(4)
    t = np.arange(round(end_s * rate_hz)) / rate_hz
    stroll = 0.15 * np.sin(2 * np.pi * 1.8 * t)[:, np.newaxis] * np.array([1.0, 0.5, 0.3])
    acc = np.where((t < impact_at_s)[:, np.newaxis], stroll + GRAVITY_G, [0.9, 0.3, 0.3])
    acc += random.normal(0, stir_g, acc.shape)
    during = (t >= impact_at_s) & (t < impact_at_s + 0.5)
    ring = np.cos(2 * np.pi * 4 * (t[during] - impact_at_s)) * np.exp(-2 * (t[during] - impact_at_s))
    acc[during] += 4.5 * ring[:, np.newaxis] * np.array([0.6, 0.6, 0.5])
    return acc


@pytest.fixture
def packed() -> Callable[..., Motion]:
    """``packed(samples, rate_hz, packet_s, row, start_s)`` as a device sends them."""

    def make(samples: np.ndarray, rate_hz: float, packet_s: float = 1.0, row: int = 0, start_s: float = 0.0) -> Motion:
        length = max(1, round(packet_s * rate_hz))
        start = np.arange(0, len(samples), length)
        time_ms = T0_MS + np.rint(start_s * 1000 + start * 1000 / rate_hz).astype(np.int64)
        count = len(start)
        return Motion(
            row=np.full(count, row, dtype=np.int32),
            time_ms=time_ms,
            received_ms=time_ms + 1200,
            seq=np.arange(count),
            time_assumed=np.zeros(count, dtype=np.bool_),
            rate_hz=np.full(count, rate_hz),
            start=start,
            count=np.minimum(length, len(samples) - start),
            acc_g=samples.astype(np.float32),
        )

    return make


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 32.0, 50.0, 62.5, 100.0])
@pytest.mark.parametrize("range_g", [2.0, 4.0, 16.0])
def test_a_fall_is_found_once_at_any_rate_and_range(fed: Any, packed: Any, rate_hz: float, range_g: float) -> None:
    samples = np.clip(wrist(rate_hz), -range_g, range_g)
    (finding,) = fed(ImpactStillness())(packed(samples, rate_hz))
    assert finding.condition is Condition.FALL
    assert finding.cause == "impact_then_still"
    assert finding.priority is Priority.HIGH
    assert (finding.onset_ms - T0_MS) / 1000 == pytest.approx(5.0, abs=0.3)
    assert (finding.found_ms - finding.onset_ms) / 1000 < 3.0
    evidence = dict(finding.evidence)
    assert evidence["impact_g"] >= evidence["limit_impact_g"] == 1.1
    assert evidence["still_g"] <= evidence["limit_still_g"] == 0.4


def test_the_length_of_packets_does_not_matter(fed: Any, packed: Any) -> None:
    samples = wrist(50.0)
    found = [fed(ImpactStillness())(packed(samples, 50.0, packet_s)) for packet_s in (0.02, 0.1, 0.26, 1, 5, 12)]
    assert len({(f.onset_ms, f.found_ms, f.evidence) for (f,) in found}) == 1


def test_packets_that_jitter_or_drag_behind_are_one_stream(fed: Any, packed: Any) -> None:
    motion = packed(wrist(50.0), 50.0)
    jitter_ms = np.random.default_rng(1).integers(-200, 200, len(motion))
    drag_ms = np.arange(len(motion)) * 250  # a device that says 50 Hz and gives 40
    for off_ms in (jitter_ms, drag_ms):
        shifted = Motion(**{n: getattr(motion, n) for n in columns()} | {"time_ms": motion.time_ms + off_ms})
        assert len(fed(ImpactStillness())(shifted)) == 1


def columns() -> list[str]:
    return [
        *("row", "time_ms", "received_ms", "seq", "time_assumed"),
        *("rate_hz", "start", "count", "acc_g"),
    ]


def test_getting_up_and_walking_on_is_no_fall(fed: Any, packed: Any) -> None:
    assert fed(ImpactStillness())(packed(wrist(50.0, stir_g=0.4), 50.0)) == []


def test_clapping_is_no_fall(fed: Any, packed: Any) -> None:
    clap = np.tile(GRAVITY_G, (500, 1))
    clap[np.arange(500) % 12 < 2] += 3.0
    clap[400:] = GRAVITY_G
    assert fed(ImpactStillness())(packed(clap, 50.0)) == []


def test_a_still_wrist_is_no_fall(fed: Any, packed: Any) -> None:
    assert fed(ImpactStillness())(packed(np.tile(GRAVITY_G, (3000, 1)), 50.0)) == []


def test_a_gap_between_impact_and_rest_resets(fed: Any, packed: Any) -> None:
    samples = wrist(50.0)
    detector = fed(ImpactStillness())
    assert detector(packed(samples[:300], 50.0)) == []
    assert detector(packed(samples[300:], 50.0, start_s=6.0 + 4.0)) == []


def test_a_change_of_rate_resets(fed: Any, packed: Any) -> None:
    detector = fed(ImpactStillness())
    assert detector(packed(wrist(50.0)[:300], 50.0)) == []
    assert detector(packed(wrist(25.0)[150:], 25.0, start_s=6.0)) == []


def test_what_follows_a_gap_is_found_again(fed: Any, packed: Any) -> None:
    detector = fed(ImpactStillness())
    assert len(detector(packed(wrist(50.0), 50.0))) == 1
    assert len(detector(packed(wrist(50.0), 50.0, start_s=600))) == 1


def test_bouncing_is_one_fall_and_a_later_one_another(fed: Any, packed: Any) -> None:
    twice = np.concatenate([wrist(50.0), wrist(50.0)])
    assert len(fed(ImpactStillness(FallSettings(quiet_s=15)))(packed(twice, 50.0))) == 1
    assert len(fed(ImpactStillness(FallSettings(quiet_s=5)))(packed(twice, 50.0))) == 2


def test_an_odd_rate_or_an_empty_packet_is_left_out(fed: Any, packed: Any) -> None:
    for rate_hz in (1.0, 12.0, 400.0):
        assert fed(ImpactStillness())(packed(wrist(50.0), rate_hz)) == []
    assert fed(ImpactStillness())(packed(np.empty((0, 3)), 50.0)) == []


def test_wildest_numbers_do_not_overflow(fed: Any, packed: Any) -> None:
    samples = np.where(np.arange(3000)[:, np.newaxis] % 2, 64.0, -64.0) * np.ones(3)
    detector = fed(ImpactStillness())
    assert detector(packed(samples, 200.0)) == []
    assert np.abs(detector.state["ring"]["sum_mg"]).max() <= 50 * 2000
    assert detector.state["ring"]["square_mg2"].max() == 50 * 3 * 2000**2


def test_many_wrists_at_once(fed: Any, packed: Any) -> None:
    parts = [packed(wrist(rate_hz), rate_hz, row=row) for row, rate_hz in enumerate((50.0, 25.0, 100.0, 32.0))]
    starts = np.cumsum([0, *(len(p.acc_g) for p in parts)])[:-1]
    merged = Motion(
        **{n: np.concatenate([getattr(p, n) for p in parts]) for n in columns() if n != "start"},
        start=np.concatenate([p.start + s for p, s in zip(parts, starts, strict=True)]),
    )
    found = fed(ImpactStillness())(merged.take(np.random.default_rng(0).permutation(len(merged))))
    assert sorted(f.row for f in found) == [0, 1, 2, 3]


def test_the_state_of_a_bracelet_is_small() -> None:
    assert ImpactStillness.kinds == {Kind.MOTION}
    assert ImpactStillness.state_dtype.itemsize < 1024
