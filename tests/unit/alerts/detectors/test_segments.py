"""Streams side by side, against the same done one reading at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors.segments import NEVER, Segments, in_order, since_ms, switch

GROUPS = 3
entries = st.lists(st.tuples(st.integers(0, GROUPS - 1), st.booleans(), st.booleans()), min_size=1, max_size=40)
carried = st.lists(st.tuples(st.integers(-1, 5), st.booleans()), min_size=GROUPS, max_size=GROUPS)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=30), st.lists(st.integers(-1, 9), min_size=3))
def test_news_are_later_sorted_and_single(readings: list[tuple[int, int]], last: list[int]) -> None:
    row = np.array([r for r, _ in readings], dtype=np.int32)
    time_ms = np.array([t for _, t in readings], dtype=np.int64)
    index = in_order(row, time_ms, np.array(last))
    got = [readings[i] for i in index]
    assert got == sorted({(r, t) for r, t in readings if t > last[r]})
    assert all(readings.index(readings[i]) == i for i in index), "the first of equals counts"


@given(entries, carried)
def test_since_when_something_holds(entries: list[tuple[int, bool, bool]], carried: list[tuple[int, bool]]) -> None:
    entries.sort(key=lambda e: e[0])
    group = np.array([g for g, _, _ in entries])
    holds = np.array([h for _, h, _ in entries])
    time_ms = np.arange(len(entries)) + 100
    got = since_ms(Segments.of(group), holds, time_ms, np.array([c for c, _ in carried]))
    since = dict(enumerate(c for c, _ in carried))
    for i, (g, h, _) in enumerate(entries):
        since[g] = (since[g] if since[g] != NEVER else int(time_ms[i])) if h else NEVER
        assert got[i] == since[g]


@given(entries, carried)
def test_a_switch_is_followed(entries: list[tuple[int, bool, bool]], carried: list[tuple[int, bool]]) -> None:
    entries.sort(key=lambda e: e[0])
    group = np.array([g for g, _, _ in entries])
    on = np.array([a for _, a, _ in entries])
    off = np.array([b and not a for _, a, b in entries])
    time_ms = np.arange(len(entries), dtype=np.int64) + 100
    got = switch(
        Segments.of(group), on, off, time_ms, np.array([a for _, a in carried]), np.array([c for c, _ in carried])
    )
    active = {g: a for g, (_, a) in enumerate(carried)}
    onset = {g: c for g, (c, _) in enumerate(carried)}
    for i, g in enumerate(group.tolist()):
        assert got.began[i] == (on[i] and not active[g])
        assert got.ended[i] == (off[i] and active[g])
        if got.began[i]:
            onset[g] = int(time_ms[i])
        active[g] = bool(on[i] or (active[g] and not off[i]))
        assert got.active[i] == active[g]
        assert got.onset_ms[i] == onset[g]


def test_nothing_has_no_segments() -> None:
    segments = Segments.of(np.empty(0, dtype=np.intp))
    assert len(segments.last) == 0
    assert len(segments.latest_before(np.empty(0, dtype=np.bool_))) == 0
