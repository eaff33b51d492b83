"""One rate out of packets of any rate, length and order; what a gap does; nothing of one mat in another."""

from dataclasses import replace

import numpy as np
import pytest

from alerts.detectors import bed_wave
from alerts.detectors.bed_wave import EVERY_S, HEART_HZ, WINDOW_S, WINDOW_SAMPLES, Windows
from alerts.detectors.contract import Records
from ingest.readings import Bcg

#: A full ten seconds, so that the first window of a stream that begins here ends 40 s later.
START_MS = 1_760_000_000_000

Packet = tuple[int, float, float, np.ndarray]


def batch(packets: list[Packet]) -> Bcg:
    """Packets of (row, time_ms, rate, samples)."""
    counts = np.array([len(samples) for *_, samples in packets], dtype=np.int64)
    time_ms = np.array([round(time) for _, time, _, _ in packets], dtype=np.int64)
    return Bcg(
        row=np.array([row for row, *_ in packets], dtype=np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 1200,
        seq=np.full(len(packets), -1),
        time_assumed=np.zeros(len(packets), dtype=np.bool_),
        rate_hz=np.array([rate for _, _, rate, _ in packets], dtype=np.float64),
        start=np.cumsum(counts) - counts,
        count=counts,
        signal=np.concatenate([samples for *_, samples in packets]).astype(np.float32),
    )


def wave(time_ms: np.ndarray, row: int = 0) -> np.ndarray:
    turn = 2 * np.pi * (time_ms - START_MS) / 1000
    return np.sin(turn * (0.25 + 0.05 * row)) + 0.2 * np.sin(turn * 1.3) + 10 * row


def packets(
    row: int, rate_hz: float, seconds: float, packet_s: float, from_s: float = 0.0, true_hz: float | None = None
) -> list[Packet]:
    """What a mat sends that says `rate_hz` and truly samples at `true_hz`."""
    true_hz = true_hz or rate_hz
    times = START_MS + 1000 * (from_s + np.arange(int(seconds * true_hz)) / true_hz)
    size = max(1, round(packet_s * true_hz))
    return [
        (row, times[i], rate_hz, wave(times[i : i + size] + 500 / true_hz, row)) for i in range(0, len(times), size)
    ]


def heard(batches: list[list[Packet]], rows: int = 1) -> tuple[Records, list[Windows]]:
    state = bed_wave.initial(rows)
    found = []
    for each in batches:
        state, windows = bed_wave.take(state, batch(each))
        found.append(windows)
    return state, [windows for windows in found if len(windows.row)]


def ends_s(found: list[Windows]) -> list[float]:
    return [float(end - START_MS) / 1000 for windows in found for end in windows.end_ms]


@pytest.mark.parametrize("rate_hz", [20.0, 31.3, 50.0, 62.5, 100.0, 125.0, 200.0])
@pytest.mark.parametrize("packet_s", [0.3, 1.0, 7.0])
def test_every_rate_and_length_gives_the_same_window(rate_hz: float, packet_s: float) -> None:
    _, found = heard([packets(0, rate_hz, 45, packet_s)])
    assert ends_s(found) == [40.0]
    times = START_MS + 40_000 - 1000 * WINDOW_S + (np.arange(WINDOW_SAMPLES) + 0.5) * 1000 / HEART_HZ
    # Coarser steps and times rounded to a millisecond are what may differ.
    assert np.abs(found[0].signal[0] - wave(times)).max() < 0.03


def test_windows_end_at_each_full_ten_seconds() -> None:
    _, found = heard([[each] for each in packets(0, 100.0, 95, 1.0, from_s=3.3)])
    assert ends_s(found) == [40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    assert EVERY_S == 10


def test_a_stream_cut_anywhere_gives_the_same_windows() -> None:
    random = np.random.default_rng(5)
    every = [
        each
        for row, rate in enumerate((20.0, 50.0, 104.0))
        for each in packets(row, rate, 75, float(random.uniform(0.2, 3)))
    ]
    every.sort(key=lambda packet: packet[1])
    state, whole = heard([every], rows=3)
    expected = {(int(r), int(e)): s for w in whole for r, e, s in zip(w.row, w.end_ms, w.signal, strict=True)}
    assert len(expected) == 3 * 4
    for _ in range(5):
        cuts = np.sort(random.choice(len(every), 12, replace=False))
        parts = [list(part) for part in np.split(np.arange(len(every)), cuts) if len(part)]
        for part in parts:
            random.shuffle(part)
        cut_state, found = heard([[every[i] for i in part] for part in parts], rows=3)
        got = {(int(r), int(e)): s for w in found for r, e, s in zip(w.row, w.end_ms, w.signal, strict=True)}
        assert got.keys() == expected.keys()
        assert all(np.array_equal(got[key], expected[key]) for key in got)
        assert np.array_equal(cut_state["ring"], state["ring"])
        assert np.array_equal(cut_state["end_ms"], state["end_ms"])


def test_the_inputs_are_left_alone() -> None:
    state, _ = heard([packets(0, 100.0, 20, 1.0)])
    before, more = state.copy(), batch(packets(0, 100.0, 30, 1.0, from_s=20))
    signal = more.signal.copy()
    bed_wave.take(state, more)
    assert np.array_equal(state, before)
    assert np.array_equal(more.signal, signal)


def test_what_was_heard_already_changes_nothing() -> None:
    every = packets(0, 100.0, 60, 1.0)
    once = heard([[each] for each in every])
    again = heard([part for i, each in enumerate(every) for part in ([each], every[max(0, i - 4) : i + 1])])
    assert ends_s(again[1]) == ends_s(once[1])
    assert all(np.array_equal(a.signal, b.signal) for a, b in zip(again[1], once[1], strict=True))
    twice_in_one, _ = heard([every + every])
    assert np.array_equal(twice_in_one["ring"], once[0]["ring"])


@pytest.mark.parametrize(("lost", "expected"), [(1, [40.0, 50.0, 60.0]), (2, [60.0])])
def test_a_second_is_bridged_and_more_begins_anew(lost: int, expected: list[float]) -> None:
    every = packets(0, 50.0, 60, 1.0)
    kept = every[:20] + every[20 + lost :]
    for batches in ([kept], [[each] for each in kept]):
        _, found = heard(batches)
        assert ends_s(found) == expected
    if lost == 1:
        hole = found[0].signal[0][(20 - 8) * HEART_HZ : (21 - 8) * HEART_HZ]
        assert np.allclose(np.diff(hole, n=2), 0, atol=1e-5)  # a straight line


def test_two_mats_never_mix() -> None:
    own = [heard([packets(row, 50.0, 60, 1.0)], rows=2)[1] for row in (0, 1)]
    both = sorted(packets(0, 50.0, 60, 1.0) + packets(1, 50.0, 60, 1.0), key=lambda packet: packet[1])
    _, found = heard([both[i : i + 7] for i in range(0, len(both), 7)], rows=2)
    for row in (0, 1):
        got = np.concatenate([w.signal[w.row == row] for w in found])
        assert np.array_equal(got, np.concatenate([w.signal for w in own[row]]))


def test_a_device_faster_or_slower_than_it_says_keeps_its_rhythm() -> None:
    for true_hz in (97.0, 103.0):
        _, found = heard([packets(0, 100.0, 65, 1.0, true_hz=true_hz)])
        times = START_MS + 60_000 - 1000 * WINDOW_S + (np.arange(WINDOW_SAMPLES) + 0.5) * 1000 / HEART_HZ
        assert ends_s(found)[-1] == 60.0
        assert np.abs(found[-1].signal[-1] - wave(times)).max() < 0.1


def test_jitter_of_packets_does_little() -> None:
    random = np.random.default_rng(2)
    jittered = [(row, time + random.integers(-8, 9), rate, x) for row, time, rate, x in packets(0, 50.0, 45, 1.0)]
    _, found = heard([[each] for each in jittered])
    times = START_MS + 40_000 - 1000 * WINDOW_S + (np.arange(WINDOW_SAMPLES) + 0.5) * 1000 / HEART_HZ
    assert ends_s(found) == [40.0]
    assert np.abs(found[0].signal[0] - wave(times)).max() < 0.1


def test_a_late_backlog_is_a_stream_of_its_own_with_its_own_times() -> None:
    live, backlog = packets(0, 50.0, 50, 1.0, from_s=600), packets(0, 50.0, 70, 10.0)
    _, found = heard([[each] for each in live] + [backlog])
    assert ends_s(found) == [640.0, 650.0, 40.0, 50.0, 60.0, 70.0]


def test_signals_that_no_bed_sends_are_left_out() -> None:
    every = batch(packets(0, 100.0, 60, 1.0))
    for rate_hz in (5.0, 500.0):
        _, windows = bed_wave.take(bed_wave.initial(1), replace(every, rate_hz=np.full(len(every), rate_hz)))
        assert not len(windows.row)
    _, windows = bed_wave.take(bed_wave.initial(1), replace(every, count=np.zeros(len(every), dtype=np.int64)))
    assert not len(windows.row)
