"""Device clocks: a wrong one told from a late backlog."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import clocks
from alerts.findings import Change, Finding
from ingest.readings import AnyReadings, Location, Vitals

BEGIN_MS = 1_790_000_000_000
HOUR_S = 3_600.0
Spoken = tuple[float, float]


def vitals(row: int, spoken: Iterable[Spoken], heart_rate_bpm: float = 70.0) -> Vitals:
    """Readings of a device received at and with a time of so many seconds."""
    received_s, time_s = np.array(list(spoken)).reshape(-1, 2).T
    n = len(time_s)
    unknown, none = np.full(n, np.nan), np.full(n, -1, dtype=np.int8)
    return Vitals(
        np.full(n, row, dtype=np.int32),
        BEGIN_MS + np.rint(time_s * 1000).astype(np.int64),
        BEGIN_MS + np.rint(received_s * 1000).astype(np.int64),
        np.full(n, -1),
        np.zeros(n, dtype=np.bool_),
        np.full(n, heart_rate_bpm),
        *(unknown,) * 6,
        none,
        unknown,
        unknown,
    )


def locations(row: int, spoken: Iterable[Spoken]) -> Location:
    like = vitals(row, spoken)
    unknown, none = np.full(len(like), np.nan), np.full(len(like), -1, dtype=np.int8)
    return Location(
        like.row,
        like.time_ms,
        like.received_ms,
        like.seq,
        like.time_assumed,
        *(unknown,) * 3,
        none,
        none,
        *(unknown,) * 2,
    )


class Told:
    """Moments of one device, one after another: by how many seconds each was corrected, and what was found."""

    def __init__(self) -> None:
        self.state = clocks.initial(1)
        self.findings: list[Finding] = []

    def __call__(self, readings: AnyReadings) -> list[float]:
        after, found = clocks.correct(self.state, readings)
        self.findings += found
        return [float(ms) / 1000 for ms in after.time_ms - readings.time_ms]

    def steadily(self, begin_s: float, end_s: float, skew_s: float, every_s: float = 1.0) -> dict[float, float]:
        """A clock wrong by `skew_s`, heard every so often: the corrections by when received."""
        return {s: self(vitals(0, [(s, s + skew_s)]))[0] for s in np.arange(begin_s, end_s, every_s).tolist()}

    def said(self) -> list[tuple[float, Change, tuple[tuple[str, object], ...]]]:
        return [(round((f.found_ms - BEGIN_MS) / 1000, 1), f.change, f.evidence) for f in self.findings]


def test_a_clock_that_is_right_is_left_alone() -> None:
    told = Told()
    assert set(told.steadily(0, 300, -0.2).values()) == {0.0}
    assert set(told.steadily(300, 900, 5.0, 30).values()) == {0.0}
    assert told.findings == []


@pytest.mark.parametrize("skew_s", [-90.0, -HOUR_S, -8 * HOUR_S])
def test_a_clock_set_back_is_believed_after_a_minute(skew_s: float) -> None:
    told = Told()
    told.steadily(0, 100, 0)
    corrections = told.steadily(100, 300, skew_s)
    assert {s for s, by_s in corrections.items() if by_s == 0} == set(range(100, 160))
    assert {by_s for s, by_s in corrections.items() if s >= 160} == {-skew_s}
    assert told.said() == [(160.0, Change.BEGAN, (("behind_s", -skew_s),))]
    assert set(told.steadily(300, 400, 0).values()) == {0.0}
    assert told.said()[1:] == [(300.0, Change.ENDED, (("behind_s", 0.0),))]


@pytest.mark.parametrize("every_s", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("skew_s", [-301.0, -HOUR_S, -8 * HOUR_S])
def test_a_clock_that_was_slow_from_the_first_is_believed_after_a_minute(skew_s: float, every_s: float) -> None:
    told = Told()
    corrections = told.steadily(0, 300, skew_s, every_s)
    assert {s for s, by_s in corrections.items() if by_s == 0} == set(np.arange(0, 60, every_s).tolist())
    assert {by_s for s, by_s in corrections.items() if s >= 60} == {-skew_s}
    assert told.said() == [(60.0, Change.BEGAN, (("behind_s", -skew_s),))]
    assert set(told.steadily(300, 400, 0).values()) == {0.0}
    assert told.said()[1:] == [(300.0, Change.ENDED, (("behind_s", 0.0),))]


def test_a_device_that_was_in_time_is_not_to_blame_where_our_own_clock_went_ahead() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    assert {told(vitals(0, [(s + HOUR_S, s)]))[0] for s in range(100, 300)} == {0.0}
    assert set(told.steadily(300, 400, 0).values()) == {0.0}
    assert told.findings == []


def test_readings_that_are_always_some_minutes_late_are_let_be() -> None:
    told = Told()
    assert set(told.steadily(0, 900, -299).values()) == {0.0}
    assert told.findings == []


@pytest.mark.parametrize("rate", [1.25, 2.0, 10.0, 300.0])
def test_what_begins_with_a_backlog_is_none_of_a_slow_clock(rate: float) -> None:
    told = Told()
    end_s = HOUR_S / (rate - 1)  # then all is told
    assert {told(vitals(0, [(HOUR_S + s, s * rate)]))[0] for s in np.arange(0, end_s, 1.0).tolist()} == {0.0}
    assert told.findings == []


def test_a_clock_set_back_by_less_than_a_minute_catches_up_by_itself() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    assert set(told.steadily(100, 300, -50).values()) == {0.0}
    assert told.findings == []


def test_a_device_that_speaks_every_ten_minutes_is_believed_with_the_third_reading() -> None:
    told = Told()
    told.steadily(0, 1200, 0, 600)
    assert list(told.steadily(1200, 3600, -2 * HOUR_S, 600).values()) == [0.0, 0.0, 2 * HOUR_S, 2 * HOUR_S]


@pytest.mark.parametrize("rate", [1.25, 2.0, 10.0, 300.0])
def test_a_backlog_is_faster_than_time(rate: float) -> None:
    told = Told()
    told.steadily(0, 100, 0)
    end_s = (HOUR_S - 50) / (rate - 1)  # then all is told
    backlog = [told(vitals(0, [(HOUR_S + s, 50 + s * rate)]))[0] for s in np.arange(0, end_s, 1.0).tolist()]
    assert set(backlog) == {0.0}
    assert told.findings == []


@pytest.mark.parametrize("backwards", [False, True])
def test_a_backlog_beside_live_readings_is_one_however_slow(backwards: bool) -> None:
    told = Told()
    told.steadily(0, 100, 0)
    for second in range(100, 400):
        assert told(vitals(0, [(second, second)])) == [0.0]
        late_s = -second if backwards else second - HOUR_S
        assert told(vitals(0, [(second + 0.5, late_s)])) == [0.0]
    assert told.findings == []


def test_the_same_said_again_and_again_is_no_clock() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    assert {told(vitals(0, [(second, 40)]))[0] for second in range(100, 400)} == {0.0}
    assert told.findings == []


def test_old_fixes_in_between_do_not_hide_a_clock_set_back() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    told(locations(0, [(90.0, 80.0)]))
    for second in range(100, 200):
        told(vitals(0, [(second, second - HOUR_S)]))
        told(locations(0, [(second + 0.5, second - HOUR_S - 120 - second % 7)]))
    assert told.said() == [(160.0, Change.BEGAN, (("behind_s", HOUR_S),))]


def test_a_kind_with_a_clock_of_its_own_is_let_be() -> None:
    told = Told()
    for second in range(600):
        assert told(vitals(0, [(second, second - HOUR_S)])) == [0.0]
        if second % 200 == 0:
            assert told(locations(0, [(second, second)])) == [0.0]
    assert told.findings == []


def test_a_clock_ahead_is_corrected_at_once_and_blinds_nobody_when_it_is_right_again() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    assert set(told.steadily(100, 160, 540).values()) == {-540.0}
    assert set(told.steadily(160, 300, 0).values()) == {0.0}
    assert told.said() == [
        (100.0, Change.BEGAN, (("ahead_s", 540.0),)),
        (160.0, Change.ENDED, (("behind_s", 0.0),)),
    ]


def test_our_own_clock_that_went_back_is_not_the_devices_fault() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    for second in range(100, 400):
        assert told(vitals(0, [(second - 500, second)])) == [0.0]
    assert told.findings == []


def test_devices_without_a_clock_go_on_a_minute_after_ours_went_back() -> None:
    told = Told()
    told.steadily(4000, 4100, 0)
    corrections = told.steadily(500, 700, 0)
    assert {s for s, by_s in corrections.items() if by_s == 0} == set(range(500, 560))
    # On from what was seen last, at 4099 s.
    assert {s + by_s for s, by_s in corrections.items() if s >= 560} == {4099.001 + s for s in range(140)}
    assert told.findings == []


def test_a_correction_that_leads_into_the_future_is_given_up() -> None:
    told = Told()
    told.steadily(0, 100, 0)
    told.steadily(100, 200, -HOUR_S)
    # Right again, but first comes what it had kept for twenty minutes.
    backlog = [(2000.0 + n / 10, 800.0 + n) for n in range(1200)]
    assert {told(vitals(0, [moment]))[0] for moment in backlog} == {0.0}
    assert [change for _, change, _ in told.said()] == [Change.BEGAN, Change.ENDED]


@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.floats(0, 1), max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_stream_cut_between_moments_gives_the_same(seed: int, cuts: set[float]) -> None:
    random = np.random.default_rng(seed)
    received_s = np.cumsum(random.integers(1, 8, 300))
    skew_s = np.zeros(300)
    for at in random.integers(0, 300, 3):
        skew_s[at:] = random.choice([0.0, -90.0, -HOUR_S, 300.0])
    skew_s += random.choice([0.0, -200.0, -400.0])
    late_s = random.integers(0, 400, 300) * (random.random(300) < 0.1)
    stream = vitals(0, zip(received_s, received_s + skew_s - late_s, strict=True))
    stream = stream.take(np.repeat(np.arange(300), random.integers(1, 3, 300)))
    moment = np.searchsorted(received_s, (stream.received_ms - BEGIN_MS) / 1000)

    def followed(edges: list[int]) -> tuple[bytes, list[Finding], list[int]]:
        state, findings, right_ms = clocks.initial(1), [], np.empty(len(stream), dtype=np.int64)
        for begin, end in pairwise(edges):
            piece = random.permutation(np.flatnonzero((begin <= moment) & (moment < end)))
            after, found = clocks.correct(state, stream.take(piece))
            findings += found
            right_ms[piece] = after.time_ms
            state = np.frombuffer(state.tobytes(), dtype=state.dtype).copy()
        return state.tobytes(), findings, right_ms.tolist()

    assert followed([0, *sorted({int(cut * 300) for cut in cuts} - {0, 300}), 300]) == followed([0, 300])
