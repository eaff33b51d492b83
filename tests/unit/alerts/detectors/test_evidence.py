"""Evidence adds up between its bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors.evidence import added_up, beyond_edge
from alerts.detectors.segments import Segments


def test_the_likelihood_ratio_of_normal_errors() -> None:
    # One standard deviation off costs half a nat.
    sigma_m = np.array([10.0, 10.0, 10.0, 20.0])
    evidence = beyond_edge(np.array([10.0, -10.0, 1000.0, 10.0]), sigma_m, 2.5)
    assert evidence.tolist() == pytest.approx([0.5, -0.5, 2.5, 0.125])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2500, 2500), st.booleans()), max_size=80),
    st.lists(st.integers(-1500, 4000), min_size=4, max_size=4),
)
def test_sums_are_those_of_one_step_after_another(stream: list[tuple[int, int, bool]], carried: list[int]) -> None:
    stream.sort(key=lambda reading: reading[0])
    now, expected = list(carried), []
    for group, step, restart in stream:
        now[group] = 0 if restart else min(4000, max(-1500, now[group] + step))
        expected.append(now[group])
    group = np.array([g for g, _, _ in stream], dtype=np.intp)
    steps = np.array([s for _, s, _ in stream], dtype=np.int64)
    restart = np.array([r for _, _, r in stream], dtype=np.bool_)
    sums = added_up(Segments.of(group), steps, restart, -1500, 4000, np.array(carried))
    assert sums.tolist() == expected
