"""Motion that is kept: nothing is lost but two thousandths of a g, and nothing is there twice."""

from dataclasses import replace

import numpy as np
import pytest

from alerts.falls.compact import compact, expanded
from alerts.falls.recent_motion import RecentMotion
from alerts.falls.samples import COUNTS_PER_G, Packets, Samples, UnreadableSamples, gaps_of
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving, packets, samples

WALK = moving(Activity.WALKING, 20)


def test_what_is_kept_is_what_was_sent() -> None:
    kept = samples(WALK, T)
    assert np.abs(kept.acc_g - WALK).max() <= 1 / COUNTS_PER_G
    assert kept.sample_ms[[0, 1, -1]].tolist() == [T, T + 20, T + 19_980]
    widest = samples(np.full((1, 3), -64.0, dtype=np.float32), T)
    assert widest.acc_g.tolist() == [[-64.0, -64.0, -64.0]]


@pytest.mark.parametrize("packet_s", [0.1, 1.0, 7.0])
def test_a_span_is_cut_out_to_the_sample_however_long_the_packets(packet_s: float) -> None:
    cut = samples(WALK, T, packet_s=packet_s).between(T + 2_010, T + 5_000)
    assert cut.sample_ms[0] == T + 2_020
    assert cut.sample_ms[-1] == T + 4_980
    assert np.array_equal(cut.counts, Packets.of(packets(WALK, T)).counts[101:250])


def test_late_and_twice_sent_packets_are_put_in_their_place_once() -> None:
    whole = samples(WALK, T)
    parts = [whole.between(T + begin, T + begin + 4_000) for begin in (8_000, 0, 4_000, 0, 12_000, 16_000)]
    joined = Samples.joined(parts)
    assert np.array_equal(joined.counts, whole.counts)
    assert np.array_equal(joined.sample_ms, whole.sample_ms)
    assert len(Samples.joined([])) == 0


def test_bytes_and_back() -> None:
    kept = samples(WALK, T)
    again = Samples.unpacked(kept.packed())
    assert np.array_equal(again.counts, kept.counts)
    assert np.array_equal(again.sample_ms, kept.sample_ms)
    assert len(kept.packed()) < 6.5 * len(kept)
    assert len(Samples.unpacked(Samples.none().packed())) == 0
    for broken in (b"", kept.packed()[:-1], b"\x93\x01\x02\x03"):
        with pytest.raises(UnreadableSamples):
            Samples.unpacked(broken)


def test_where_samples_are_missing_is_told() -> None:
    whole = samples(WALK, T)
    some = Samples.joined([whole.between(T + 2_000, T + 5_000), whole.between(T + 9_000, T + 20_000)])
    assert gaps_of(some.sample_ms, T, T + 20_000) == [(T, T + 2_000), (T + 4_980, T + 9_000)]
    assert gaps_of(np.empty(0), T, T + 20_000) == [(T, T + 20_000)]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_four_bytes_are_off_by_no_more_than_half_a_step_of_the_largest_axis(axis: int) -> None:
    counts = np.zeros((65_536, 3), dtype=np.int16)
    counts[:, axis] = np.arange(-32_768, 32_768)
    size = np.abs(counts[:, axis].astype(np.int64))
    half_step = np.select([size <= 511, size <= 2_047, size <= 8_191], [0, 2, 8], default=32)
    again = expanded(compact(counts)).astype(np.int64)
    assert (np.abs(again - counts).max(axis=1) <= half_step).all()
    assert (half_step <= size / 256).all()
    assert compact(counts).nbytes == 4 * len(counts)


def test_the_axes_of_a_sample_are_not_mixed_up() -> None:
    counts = np.array([[1, -2, 3], [500, -511, 0], [-1_000, 1_999, 3], [8_001, 4, -4], [-4, 32_000, -31_999]], np.int16)
    close = expanded(compact(counts)).astype(np.int64) - counts
    assert (np.abs(close) <= np.array([0, 0, 2, 8, 32])[:, np.newaxis]).all()


def test_what_is_known_of_the_last_seconds_is_what_was_sent_and_of_no_other_bracelet() -> None:
    recent = RecentMotion()
    other = moving(Activity.STANDING_UP, 20)
    for second in range(5):
        part, at_ms = slice(50 * second, 50 * second + 50), T + 1000 * second
        both = packets(np.concatenate([WALK[part], other[part]]), at_ms)
        rows, starts = np.array([3, 0], dtype=np.int32), np.array([50, 0])
        recent.add(replace(both, row=rows, start=starts, time_ms=np.full(2, at_ms)), at_ms + 1000)
    for row, sent in ((0, WALK[:250]), (3, other[:250])):
        kept = recent.of(row)
        assert np.array_equal(kept.sample_ms, T + 20.0 * np.arange(250))
        assert np.abs(kept.acc_g - sent).max() <= 1 / COUNTS_PER_G + np.abs(sent).max() / 256
    assert len(recent.of(1)) == 0


def test_the_last_seconds_are_kept_by_when_they_were_received() -> None:
    recent = RecentMotion()
    for second in range(60):
        recent.add(packets(WALK[:50], T + second * 1000), T + second * 1000 + 1000)
    kept = recent.of(0)
    assert T + 45_000 - 3_000 <= kept.sample_ms[0] <= T + 45_000
    assert kept.sample_ms[-1] == T + 59_980
    assert len(recent.of(1)) == 0
    # A burst of an hour ago, sent now.
    recent.add(packets(WALK, T - 3_600_000), T + 60_000)
    assert recent.of(0).sample_ms[0] == T - 3_600_000


def test_a_long_packet_is_kept_until_the_next_has_come() -> None:
    recent = RecentMotion()
    recent.add(packets(WALK, T, packet_s=20), T + 20_000)
    recent.add(packets(WALK, T + 20_000, packet_s=20), T + 40_000)
    assert recent.of(0).sample_ms[0] == T
    recent.add(packets(WALK, T + 40_000, packet_s=20), T + 60_000)
    assert recent.of(0).sample_ms[0] == T + 20_000


def test_what_is_kept_has_a_bound_and_a_clock_set_back_does_not_stretch_it() -> None:
    recent = RecentMotion(max_bytes=10 * 50 * 4)
    for second in range(14):
        recent.add(packets(WALK[:50], T + second * 1000), T + second * 1000)
    assert recent.size_bytes == 10 * 50 * 4
    assert recent.of(0).sample_ms[0] == T + 4_000
    recent.add(packets(WALK[:50], T), T - 3_600_000)
    recent.add(packets(WALK[:50], T), T - 3_598_000)
    assert recent.size_bytes == 2 * 50 * 4
