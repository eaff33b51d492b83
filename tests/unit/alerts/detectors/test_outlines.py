"""Distances from outlines, edge by edge and by index, held against shapely's own."""

import numpy as np
import pytest
import shapely

from alerts.detectors.outlines import Outlines


def star(random: np.random.Generator, corners: int, radius_m: float) -> np.ndarray:
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    out_m = radius_m * random.uniform(0.4, 1.0, corners)
    return np.column_stack([out_m * np.cos(angle), out_m * np.sin(angle)])


@pytest.mark.parametrize(("corners", "hole_corners"), [(5, 3), (30, 20), (400, 100)])
def test_distances_are_those_of_the_outline_with_its_hole(corners: int, hole_corners: int) -> None:
    random = np.random.default_rng(corners)
    ring, hole = star(random, corners, 300.0), star(random, hole_corners, 60.0)
    shape = shapely.Polygon(ring, [hole])
    x_m, y_m = random.uniform(-400, 400, (2, 2000))
    points = shapely.points(x_m, y_m)
    expected = shapely.distance(shape.boundary, points) * np.where(shapely.contains(shape, points), -1, 1)
    outlines = Outlines([[], [[ring, hole]]])
    number = np.ones(2000, dtype=np.intp)
    np.testing.assert_allclose(outlines.outside_m(number, x_m, y_m), expected, atol=1e-9)
    reach_m = random.uniform(1, 100, 2000)
    within = outlines.outside_m(number, x_m, y_m, reach_m)
    near = np.abs(expected) <= reach_m
    np.testing.assert_allclose(within[near], expected[near], atol=1e-9)
    assert (np.sign(within) == np.sign(expected)).all()
    assert (np.abs(within[~near]) >= reach_m[~near] - 1e-9).all()


def test_large_and_small_ones_may_come_together() -> None:
    random = np.random.default_rng(3)
    outlines = Outlines([[[star(random, 4, 10.0)]], [[star(random, 200, 10.0)]]])
    number = random.integers(0, 2, 100)
    x_m, y_m = random.uniform(-20, 20, (2, 100))
    one_by_one = [outlines.outside_m(number[[i]], x_m[[i]], y_m[[i]])[0] for i in range(100)]
    np.testing.assert_allclose(outlines.outside_m(number, x_m, y_m), one_by_one)


def test_boxes_hold_the_outlines() -> None:
    outlines = Outlines([[[np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0]])]], []])
    assert outlines.boxes_m()[0].tolist() == [0.0, 0.0, 2.0, 3.0]
    assert np.isnan(outlines.boxes_m()[1]).all()
