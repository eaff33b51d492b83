"""Distances from outlines of polygons, many at once.

Small outlines, as people draw them, are compared edge by edge in one numpy pass over all positions; large ones, such as
boundaries of districts, have an index of their edges, and only positions near an edge are measured.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Flag = NDArray[np.bool_]

#: Up to so many edges an outline is small.
_SMALL: Final = 64


class Outlines:
    """Outlines by number, each of areas (possibly none) of rings: (corners, 2), x east and y north in metres."""

    def __init__(self, outlines: Sequence[Sequence[Sequence[Float]]]) -> None:
        edges = [[_edges(ring) for area in areas for ring in area] for areas in outlines]
        lengths = [sum(len(ring) for ring in rings) for rings in edges]
        self._large = np.array(lengths, dtype=np.intp) > _SMALL
        small = [
            np.concatenate(rings) if 0 < n <= _SMALL else np.empty((0, 4))
            for rings, n in zip(edges, lengths, strict=True)
        ]
        flat = np.concatenate(small) if small else np.empty((0, 4))
        dx, dy = flat[:, 2], flat[:, 3]
        square = dx * dx + dy * dy
        per_square = np.divide(1.0, square, out=np.zeros_like(square), where=square > 0)
        slope = np.divide(dx, dy, out=np.zeros_like(square), where=dy != 0)
        #: Of each edge (6, edges): where it begins, its direction, 1 / length², and dx / dy.
        self._edges: Float = np.vstack([flat.T, per_square, slope])
        self._count: Index = np.array([len(part) for part in small], dtype=np.intp)
        self._first: Index = np.cumsum(self._count) - self._count
        #: By number of edges, as many a side, those of all outlines with so many (6, edges, outlines).
        self._alike = {
            count: self._edges[:, self._first[self._count == count] + np.arange(count)[:, np.newaxis]]
            for count in np.unique(self._count).tolist()
            if count
        }
        self._among: Index = np.zeros(len(small), dtype=np.intp)
        for count in self._alike:
            self._among[self._count == count] = np.arange(np.count_nonzero(self._count == count))

        self._shapes = np.array(
            [shapely.MultiPolygon([(ring[0], ring[1:]) for ring in areas]) if areas else None for areas in outlines],
            dtype=np.object_,
        )
        shapely.prepare(self._shapes)
        #: Around the origin: the radii of a circle within the outline, less than nothing if there is none, and of
        #: one that holds it.
        origin = shapely.Point(0.0, 0.0)
        edge_m = shapely.distance(shapely.boundary(self._shapes), origin)
        self._inner_m: Float = np.where(shapely.contains(self._shapes, origin), edge_m, -1.0)
        self._outer_m: Float = np.array(
            [max((np.hypot(*ring.T).max() for ring in chain(*areas)), default=np.nan) for areas in outlines],
            dtype=np.float64,
        )
        self._trees = {
            number: shapely.STRtree(_segments(edges[number])) for number in np.flatnonzero(self._large).tolist()
        }

    def boxes_m(self) -> Float:
        """West, south, east and north (outlines, 4) of each; NaN where it has no area."""
        return np.asarray(shapely.bounds(self._shapes), dtype=np.float64).reshape(-1, 4)

    def outside_m(self, outline: Index, x_m: Float, y_m: Float, reach_m: Float | None = None) -> Float:
        """How far outside its outline each position (n,) is; negative: inside.

        Farther from the edge than `reach_m` (n,) it may say just that.
        """
        if reach_m is None:
            return self._measured(outline, x_m, y_m, None)
        # Most people are well within their zone: two circles around its origin tell that without looking at edges.
        off_m = np.sqrt(x_m * x_m + y_m * y_m)
        deep_m, beyond_m = self._inner_m[outline] - off_m, off_m - self._outer_m[outline]
        result: Float = np.where(deep_m > beyond_m, -deep_m, beyond_m)
        unsure = np.flatnonzero(np.maximum(deep_m, beyond_m) < reach_m)
        if len(unsure):
            result[unsure] = self._measured(outline[unsure], x_m[unsure], y_m[unsure], reach_m[unsure])
        return result

    def _measured(self, outline: Index, x_m: Float, y_m: Float, reach_m: Float | None) -> Float:
        large = self._large[outline]
        if not large.any():
            return self._by_edges(outline, x_m, y_m)
        outside = np.empty(len(outline))
        few, many = np.flatnonzero(~large), np.flatnonzero(large)
        if len(few):
            outside[few] = self._by_edges(outline[few], x_m[few], y_m[few])
        outside[many] = self._by_index(outline[many], x_m[many], y_m[many], None if reach_m is None else reach_m[many])
        return outside

    def _by_edges(self, outline: Index, x_m: Float, y_m: Float) -> Float:
        count = self._count[outline]
        if len(count) and (count == count[0]).all():
            alike = self._alike[int(count[0])].take(self._among[outline], axis=2)
            near, crossed = _near_and_crossed(alike, x_m, y_m)
            near_m, inside = np.sqrt(near.min(axis=0)), np.logical_xor.reduce(crossed, axis=0)
        else:
            begin = np.cumsum(count) - count
            place = np.repeat(np.arange(len(outline)), count)
            edge = np.arange(len(place)) + np.repeat(self._first[outline] - begin, count)
            near, crossed = _near_and_crossed(self._edges[:, edge], x_m[place], y_m[place])
            near_m = np.sqrt(np.minimum.reduceat(near, begin))
            inside = np.add.reduceat(crossed.astype(np.int64), begin) % 2 == 1
        result: Float = np.where(inside, -near_m, near_m)
        return result

    def _by_index(self, outline: Index, x_m: Float, y_m: Float, reach_m: Float | None) -> Float:
        points = np.asarray(shapely.points(x_m, y_m))
        away_m = np.full(len(outline), np.inf) if reach_m is None else reach_m.copy()
        for number in np.unique(outline).tolist():  # large outlines are few: a district's, a park's
            here = np.flatnonzero(outline == number)
            (asked, _), found_m = self._trees[number].query_nearest(
                points[here],
                max_distance=None if reach_m is None else float(reach_m[here].max()),
                return_distance=True,
                all_matches=False,
            )
            away_m[here[asked]] = np.minimum(away_m[here[asked]], found_m)
        result: Float = np.where(shapely.contains_xy(self._shapes[outline], x_m, y_m), -away_m, away_m)
        return result


def _near_and_crossed(edges: Float, x_m: Float, y_m: Float) -> tuple[Float, Flag]:
    """Of edges (6, …) and positions: the squares of the distances, and whether a ray to the east crosses the edge.

    From inside of an outline it crosses an odd number of times.
    """
    begin_x, begin_y, dx, dy, per_square, slope = edges
    x, y = x_m - begin_x, y_m - begin_y
    along = np.minimum(np.maximum((x * dx + y * dy) * per_square, 0.0), 1.0)
    off_x, off_y = x - along * dx, y - along * dy
    crossed: Flag = ((y < 0) != (y < dy)) & (x < y * slope)
    near: Float = off_x * off_x + off_y * off_y
    return near, crossed


def _segments(rings: Sequence[Float]) -> NDArray[np.object_]:
    begin = np.concatenate(rings)
    return np.asarray(shapely.linestrings(np.stack([begin[:, :2], begin[:, :2] + begin[:, 2:]], axis=1)))


def _edges(ring: Float) -> Float:
    """Beginning and direction (edges, 4) of each edge of a ring."""
    return np.concatenate([ring, np.roll(ring, -1, axis=0) - ring], axis=1)
