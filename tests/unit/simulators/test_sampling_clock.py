"""Finding a sensor's clock again in the bursts of a recording."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.sampling_clock import Piece, pieces

Float = NDArray[np.float64]


def in_bursts(taken_s: Float, burst: int) -> Float:
    """The times at which samples are written when `burst` of them are handed over together, last one first known."""
    last = np.minimum((np.arange(len(taken_s)) // burst + 1) * burst - 1, len(taken_s) - 1)
    return taken_s[last]


def times_of(found: tuple[Piece, ...]) -> Float:
    return np.concatenate([piece.time_s for piece in found])


@pytest.mark.parametrize("true_hz", [39.8, 49.6, 50.0])
@pytest.mark.parametrize("burst", [1, 4, 8])
def test_bursts_become_even_samples_at_the_true_rate(true_hz: float, burst: int) -> None:
    taken_s = np.arange(600) / true_hz
    found = pieces(in_bursts(taken_s, burst), 50.0)
    assert len(found) == 1
    assert found[0].rate_hz == pytest.approx(true_hz, rel=0.02)
    assert np.abs(times_of(found) - taken_s).max() < 0.3


def test_a_stall_that_is_made_up_for_loses_nothing() -> None:
    taken_s = np.arange(600) / 50
    written_s = taken_s.copy()
    stalled = (taken_s > 4) & (taken_s < 6)
    written_s[stalled] = 6.0
    found = pieces(written_s, 50.0)
    assert len(found) == 1
    assert np.abs(times_of(found) - taken_s).max() < 0.2


def test_where_samples_are_lost_the_stream_is_cut() -> None:
    taken_s = np.concatenate([np.arange(300) / 50, 9 + np.arange(300) / 50])
    first, second = pieces(taken_s, 50.0)
    assert (first.end, second.first) == (300, 300)
    assert second.start_s == pytest.approx(9.0, abs=0.1)


def test_timestamps_that_make_no_sense_give_way_to_the_nominal_rate() -> None:
    (piece,) = pieces(np.sort(np.random.default_rng(1).uniform(0, 0.05, 100)), 32.0)
    assert piece.rate_hz == pytest.approx(32.0, rel=0.1)


def test_pieces_never_overlap_and_hold_every_sample() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        gaps_s = rng.exponential(1 / 50, 500) * (1 + 40 * (rng.random(500) < 0.02))
        found = pieces(np.cumsum(gaps_s), 50.0)
        assert np.concatenate([np.arange(p.first, p.end) for p in found]).tolist() == list(range(500))
        assert (np.diff(times_of(found)) > 0).all()


def test_one_sample_is_a_recording_too() -> None:
    assert pieces(np.array([1.5]), 50.0) == (Piece(0, 1, 1.5, 50.0),)
