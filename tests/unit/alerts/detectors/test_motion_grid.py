"""The grid of cells against sums worked out sample by sample."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.detectors import motion_grid
from alerts.detectors.contract import Records
from alerts.detectors.motion_grid import CELL_MS, CELLS_FIELD, COUNTS_PER_G, KEPT, STATE_FIELDS, Streams, take

T0_MS = 1_760_000_000_000


def fresh(count: int = 1) -> Records:
    state = np.zeros(count, dtype=[*STATE_FIELDS, CELLS_FIELD])
    motion_grid.start(state)
    return state


def noise(seconds: float, rate_hz: float, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 2.0, (round(seconds * rate_hz), 3)).astype(np.float32)


def cells_of(streams: Streams, stream: int = 0) -> NDArray[np.float64]:
    cell = np.arange(streams.first[stream], streams.end[stream])
    return streams.cells(np.array([stream]), cell[np.newaxis])[0, :, :3] / COUNTS_PER_G


def means(acc_g: NDArray[np.float32], rate_hz: float, start_ms: int, first: int, end: int) -> NDArray[np.float64]:
    """Cells `first` to `end` as the mean of clipped samples, each weighted with how long it lies in the cell."""
    begin_ms = start_ms + np.arange(len(acc_g)) * 1000 / rate_hz
    found = []
    for cell in range(first, end):
        inside_ms = np.minimum(begin_ms + 1000 / rate_hz, (cell + 1) * CELL_MS) - np.maximum(begin_ms, cell * CELL_MS)
        weight = np.clip(inside_ms, 0, None)
        found.append((np.clip(acc_g, -4, 4) * weight[:, np.newaxis]).sum(axis=0) / weight.sum())
    return np.array(found)


@pytest.mark.parametrize("rate_hz", [15.0, 20.0, 25.0, 32.0, 39.8, 50.0, 62.5, 100.0, 200.0])
@pytest.mark.parametrize("packet_s", [0.01, 0.3, 1.0, 6.0])
def test_a_cell_is_the_mean_over_its_time(packed: Any, rate_hz: float, packet_s: float) -> None:
    acc_g = noise(6.0, rate_hz)
    _, streams = take(fresh(), packed(acc_g, rate_hz, packet_s, start_s=0.013))
    assert streams is not None
    first, end = int(streams.first[0]), int(streams.end[0])
    assert first == (T0_MS + 13) // CELL_MS
    assert end == pytest.approx((T0_MS + 6013) / CELL_MS, abs=1.1)
    expected = means(acc_g, rate_hz, T0_MS + 13, first, end)
    # Packets of one sample add up what is rounded of their length, a tenth of a millisecond in all.
    assert np.abs(cells_of(streams) - expected).max() < 0.02


def test_the_last_cells_are_remembered_and_the_rest_forgotten(packed: Any) -> None:
    acc_g = noise(12.0, 50.0)
    state, streams = take(fresh(), packed(acc_g, 50.0))
    assert streams is not None
    whole = cells_of(streams)
    known = motion_grid.known(state, np.array([0]))
    cell = np.arange(known.end[0] - KEPT, known.end[0])
    again = known.cells(np.array([0]), cell[np.newaxis])[0, :, :3] / COUNTS_PER_G
    assert (again == whole[-KEPT:]).all()
    assert (known.first[0], known.end[0]) == (streams.first[0], streams.end[0])


def test_where_a_cell_is_not_known_the_nearest_stands_in(packed: Any) -> None:
    _, streams = take(fresh(), packed(noise(2.0, 25.0), 25.0))
    assert streams is not None
    first, end = int(streams.first[0]), int(streams.end[0])
    beyond = streams.cells(np.array([0]), np.array([[first - 9, first, end - 1, end, end + 99]]))[0]
    assert (beyond[0] == beyond[1]).all()
    assert (beyond[2] == beyond[3]).all()
    assert (beyond[2] == beyond[4]).all()


@pytest.mark.parametrize("off_ms", [-400, 400])
def test_a_packet_off_by_jitter_follows_on_the_one_before(packed: Any, off_ms: int) -> None:
    acc_g = noise(8.0, 50.0)
    late_ms = np.where(np.arange(8) == 4, off_ms, 0)
    _, even = take(fresh(), packed(acc_g, 50.0))
    _, jittered = take(fresh(), packed(acc_g, 50.0, off_ms=late_ms))
    assert even is not None
    assert jittered is not None
    assert (cells_of(jittered) == cells_of(even)).all()


def test_a_rate_that_is_a_little_off_is_followed_without_a_gap(packed: Any) -> None:
    # Says 50 Hz and gives 48.5: after ten minutes 18 s have to be stretched in.
    acc_g = noise(600.0, 50.0)
    drag_ms = np.rint(np.arange(600) * 1000 * (50 / 48.5 - 1)).astype(np.int64)
    _, streams = take(fresh(), packed(acc_g, 50.0, off_ms=drag_ms))
    assert streams is not None
    assert len(streams.row) == 1
    assert streams.end[0] * CELL_MS == pytest.approx(T0_MS + 600_000 * 50 / 48.5, abs=700)


@pytest.mark.parametrize(("off_ms", "streams_expected"), [(600, 1), (900, 2), (60_000, 2), (-900, 2)])
def test_more_than_jitter_begins_a_new_stream(packed: Any, off_ms: int, streams_expected: int) -> None:
    _, streams = take(fresh(), packed(noise(8.0, 50.0), 50.0, off_ms=np.where(np.arange(8) >= 4, off_ms, 0)))
    assert streams is not None
    assert len(streams.row) == streams_expected
    if streams_expected == 2:
        assert streams.closed_ms.tolist() == [T0_MS + 4000 + off_ms, -1]
        assert streams.first[1] == (T0_MS + 4000 + off_ms) // CELL_MS


def test_a_change_of_rate_changes_nothing_but_the_rate(packed: Any, merged: Any) -> None:
    slow, quick = noise(3.0, 25.0), noise(3.0, 100.0)
    motion = merged(packed(slow, 25.0), packed(quick, 100.0, start_s=3.0))
    _, streams = take(fresh(), motion)
    assert streams is not None
    assert len(streams.row) == 1
    middle = T0_MS // CELL_MS + 75
    assert cells_of(streams)[:75] == pytest.approx(means(slow, 25.0, T0_MS, middle - 75, middle), abs=0.004)
    assert cells_of(streams)[75:] == pytest.approx(means(quick, 100.0, T0_MS + 3000, middle, middle + 75), abs=0.004)


def test_rows_are_told_apart_and_a_stream_known_before_is_over_when_another_begins(packed: Any, merged: Any) -> None:
    state, _ = take(fresh(3), merged(packed(noise(2.0, 50.0), 50.0, row=0), packed(noise(2.0, 50.0, 1), 50.0, row=2)))
    later = merged(packed(noise(1.0, 50.0, 2), 50.0, row=2, start_s=2.0), packed(noise(1.0, 50.0), 50.0, start_s=50.0))
    state, streams = take(state, later)
    assert streams is not None
    assert streams.row.tolist() == [0, 0, 2]
    assert streams.closed_ms.tolist() == [T0_MS + 50_000, -1, -1]
    assert streams.last.tolist() == [1, 2]
    both = np.concatenate([noise(2.0, 50.0, 1), noise(1.0, 50.0, 2)])
    first = T0_MS // CELL_MS
    assert cells_of(streams, 2) == pytest.approx(means(both, 50.0, T0_MS, first, first + 75), abs=0.004)
    assert cells_of(streams, 0) == pytest.approx(means(noise(2.0, 50.0), 50.0, T0_MS, first, first + 50), abs=0.004)
    assert state["first_cell"].tolist() == [(T0_MS + 50_000) // CELL_MS, -1, first]
