"""The chart: every edge of every band, one unit on either side of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors.medical import Medical
from alerts.detectors.news2 import (
    INPUTS,
    MOST,
    NOT_KNOWN,
    fewest_points,
    interval_of,
    measured,
    most_points,
    sure_points,
    way_of,
)
from alerts.detectors.signs import SIGNS, UNKNOWN, charted

ON_SCALE_1 = None
ON_AIR, ON_OXYGEN, NOBODY_SAID = (Medical("r", 2, what) for what in ("air", "oxygen", None))

#: The chart as it is printed: the last value of each band and its points, then the points above; written out here by
#: hand so that it does not share a mistake with the tables of the code.
CHART: list[tuple[str, Medical | None, list[tuple[float, int]], int]] = [
    ("heart_rate_bpm", ON_SCALE_1, [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2)], 3),
    ("respiration_per_min", ON_SCALE_1, [(8, 3), (11, 1), (20, 0), (24, 2)], 3),
    ("temperature_c", ON_SCALE_1, [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)], 2),
    ("systolic_mmhg", ON_SCALE_1, [(90, 3), (100, 2), (110, 1), (219, 0)], 3),
    ("spo2_pct", ON_SCALE_1, [(91, 3), (93, 2), (95, 1)], 0),
    ("spo2_pct", Medical("r", 1, "oxygen"), [(91, 3), (93, 2), (95, 1)], 0),
    ("spo2_pct", ON_AIR, [(83, 3), (85, 2), (87, 1)], 0),
    ("spo2_pct", ON_OXYGEN, [(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2)], 3),
]


def points_of(bands: list[tuple[float, int]], above: int, value: float) -> int:
    return next((points for last, points in bands if value <= last + 1e-9), above)


EDGES = [
    pytest.param(sign, medical, round(value, 1), points_of(bands, above, value), id=f"{sign} {value:g} {medical}")
    for sign, medical, bands, above in CHART
    for last, _ in bands
    for unit in [0.1 if sign == "temperature_c" else 1.0]
    for value in (last - unit, last, last + unit)
]


def points(sign: str, value: float, medical: Medical | None) -> tuple[int, int]:
    values = np.full((1, len(SIGNS)), np.nan)
    values[0, SIGNS.index(sign)] = value
    chart, way = charted(values), np.array([way_of(medical)])
    few, many = fewest_points(chart, way)[0], most_points(chart, way)[0]
    assert (np.delete(few, SIGNS.index(sign)) == NOT_KNOWN).all()
    assert sure_points(chart, way)[0].sum() == few[SIGNS.index(sign)]
    return int(few[SIGNS.index(sign)]), int(many[SIGNS.index(sign)])


@pytest.mark.parametrize(("sign", "medical", "value", "expected"), EDGES)
def test_every_edge_of_the_chart(sign: str, medical: Medical | None, value: float, expected: int) -> None:
    assert points(sign, value, medical) == (expected, expected)


def test_all_edges_of_the_chart_are_here() -> None:
    assert len(EDGES) == 3 * (5 + 4 + 4 + 4 + 3 + 3 + 3 + 6)


@pytest.mark.parametrize(
    ("value", "expected"), [(83, (3, 3)), (88, (0, 0)), (92, (0, 0)), (93, (0, 1)), (95, (0, 2)), (97, (0, 3))]
)
def test_scale_2_without_word_of_oxygen_lies_between_the_two(value: float, expected: tuple[int, int]) -> None:
    assert points("spo2_pct", value, NOBODY_SAID) == expected


@pytest.mark.parametrize(
    ("sign", "value", "expected"),
    [("temperature_c", 35.04, 3), ("temperature_c", 35.05, 1), ("temperature_c", 39.05, 2), ("temperature_c", 39.04, 1),
     ("heart_rate_bpm", 40.4, 3), ("heart_rate_bpm", 40.5, 1), ("respiration_per_min", 24.5, 3)],
)  # fmt: skip
def test_between_two_units_the_nearer_counts(sign: str, value: float, expected: int) -> None:
    assert points(sign, value, None)[0] == expected


@given(st.floats(0, 400), st.floats(20, 45))
def test_charting_keeps_what_was_measured(value: float, temperature_c: float) -> None:
    chart = charted(np.array([[value, value, value, temperature_c, np.nan]]))[0]
    assert abs(measured(0, int(chart[0])) - value) <= 0.5 + 1e-5
    assert abs(measured(3, int(chart[3])) - temperature_c) <= 0.05 + 1e-5
    assert chart[4] == UNKNOWN


A_VALUE = st.none() | st.floats(0, 300)


@given(
    st.tuples(A_VALUE, A_VALUE, A_VALUE, st.none() | st.floats(20, 45), A_VALUE),
    st.sampled_from([NOT_KNOWN, 0, 3]),
    st.sampled_from([1, 2]),
    st.sampled_from([None, "air", "oxygen"]),
    st.integers(0, len(INPUTS) - 1),
)
def test_knowing_more_never_widens_the_interval(
    values: tuple[float | None, ...], consciousness: int, scale: int, oxygen: str | None, forgotten: int
) -> None:
    def interval(known: tuple[float | None, ...], oxygen: str | None, consciousness: int) -> tuple[int, int, int]:
        medical = Medical("r", scale, oxygen)  # type: ignore[arg-type]
        chart = charted(np.array([[np.nan if v is None else v for v in known]]))
        way = np.array([way_of(medical)])
        points = {None: NOT_KNOWN, "air": 0, "oxygen": 2}[oxygen]
        found = interval_of(fewest_points(chart, way)[0], most_points(chart, way)[0], points, consciousness)
        assert 0 <= found.lowest <= found.highest <= sum(MOST) == 20
        assert (found.name == "news2") == (found.known == 7)
        if found.name == "news2":
            assert found.lowest == found.highest
        return found.lowest, found.highest, found.known

    more = interval(values, oxygen, consciousness)
    less = interval(
        tuple(None if i == forgotten else v for i, v in enumerate(values)),
        None if INPUTS[forgotten] == "oxygen" else oxygen,
        NOT_KNOWN if INPUTS[forgotten] == "consciousness" else consciousness,
    )
    assert less[0] <= more[0] <= more[1] <= less[1]
    assert more[2] - 1 <= less[2] <= more[2]


def test_nothing_known_is_anything() -> None:
    nothing = np.full(len(SIGNS), NOT_KNOWN, dtype=np.int8)
    found = interval_of(nothing, nothing, NOT_KNOWN, NOT_KNOWN)
    assert (found.lowest, found.highest, found.known, found.name) == (0, 20, 0, "early_warning_score")
