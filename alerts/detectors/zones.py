"""Zones: where somebody should be, or should not, when, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from alerts.detectors.outlines import Outlines
from ingest.contract import Crs
from ingest.coordinates import convert, distance_m, metres_per_degree

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Flag = NDArray[np.bool_]
Ring = tuple[tuple[float, float], ...]

SAFE: Final = "safe"
FORBIDDEN: Final = "forbidden"

#: Beyond this the flat local plane is off by more than a fix is.
LARGEST_M: Final = 200_000.0
#: Rows with more zones than this ask an index which of them are near.
_FEW: Final = 8
_DAY_MIN: Final = 24 * 60
_WINDS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
#: 1970-01-01 was a Thursday; days of the week count from Monday, 0.
_FIRST_DAY: Final = 3


@dataclass(frozen=True, slots=True)
class Hours:
    """When a zone counts: from one minute of the local day to another, the night may cross midnight.

    `days`: on which days of the week it begins, Monday 0. ValueError says what is wrong.
    """

    from_min: int
    until_min: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)

    def __post_init__(self) -> None:
        for name, value, most in (("from", self.from_min, _DAY_MIN - 1), ("until", self.until_min, _DAY_MIN)):
            if not 0 <= value <= most:
                raise ValueError(f"hours: {name} is not a minute of the day (got {value})")
        if self.from_min == self.until_min:
            raise ValueError("hours: from and until are the same; leave both out for the whole day")
        if not self.days or not set(self.days) <= set(range(7)):
            raise ValueError(f"hours: days of the week are 0 (Monday) to 6 (got {self.days})")


@dataclass(frozen=True, slots=True)
class Zone:
    """A circle (lat, lon in degrees, radius in metres), a polygon (corners in degrees, closed by itself), or areas.

    `areas` are polygons of rings, each an outer ring and its holes. `safe`: one should be inside; `forbidden`: one
    should be outside. The coordinates are of the system `crs`. Without `hours` it counts always.
    ValueError says what is wrong with a zone that is none.
    """

    zone: str
    rule: Literal["safe", "forbidden"]
    crs: Crs
    circle: tuple[float, float, float] | None = None
    polygon: Ring | None = None
    areas: tuple[tuple[Ring, ...], ...] | None = None
    hours: Hours | None = None

    def __post_init__(self) -> None:
        if self.rule not in (SAFE, FORBIDDEN):
            raise ValueError(f"zone {self.zone}: rule {self.rule!r} is neither safe nor forbidden")
        if sum(shape is not None for shape in (self.circle, self.polygon, self.areas)) != 1:
            raise ValueError(f"zone {self.zone}: needs a circle, a polygon or areas, one of the three")
        corners = [self.circle[:2]] if self.circle is not None else [c for ring in self.rings for c in ring]
        for lat, lon in corners:
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # also NaN
                raise ValueError(f"zone {self.zone}: {lat}, {lon} is no latitude and longitude")
        if self.circle is not None and not 0 < self.circle[2] <= LARGEST_M:
            raise ValueError(f"zone {self.zone}: radius {self.circle[2]} m is not within 0 to {LARGEST_M:.0f} m")
        if self.circle is None:
            _check_areas(self.zone, self.outline)

    @property
    def outline(self) -> tuple[tuple[Ring, ...], ...]:
        """Its polygons as rings, each the outer one first; none of a circle."""
        return ((self.polygon,),) if self.polygon is not None else self.areas or ()

    @property
    def rings(self) -> tuple[Ring, ...]:
        """All rings of all its polygons."""
        return tuple(ring for area in self.outline for ring in area)


def _check_areas(zone: str, areas: Sequence[Sequence[Ring]]) -> None:
    if not areas or not all(areas):
        raise ValueError(f"zone {zone}: has an area without an outer ring")
    if any(len(set(ring)) < 3 for area in areas for ring in area):
        raise ValueError(f"zone {zone}: a polygon needs three corners")
    turned = [[[(lon, lat) for lat, lon in ring] for ring in area] for area in areas]
    shape = shapely.MultiPolygon([(outer, holes) for outer, *holes in turned])
    if not shape.is_valid:
        raise ValueError(f"zone {zone}: {shapely.is_valid_reason(shape)} (longitude latitude)")
    west, south, east, north = shape.bounds
    if float(distance_m(south, west, north, east)) > 2 * LARGEST_M:
        raise ValueError(f"zone {zone}: is more than {2 * LARGEST_M / 1000:.0f} km across")


class ZoneTable:
    """All zones, in WGS-84 and in metres on a plane of their own, and which of them each directory row has.

    `row_zones` maps a row to the indices of its zones in `zones`; rows with the same zones share a set of them.
    `outings` maps a row to the time, Unix milliseconds, until which its person is out in company.
    """

    def __init__(
        self,
        zones: Iterable[Zone] = (),
        row_zones: Mapping[int, Iterable[int]] | None = None,
        outings: Mapping[int, int] | None = None,
    ) -> None:
        self.outings: Mapping[int, int] = dict(outings or {})
        self.zones: tuple[Zone, ...] = tuple(zones)
        count = len(self.zones)
        #: Origin of each zone's plane and what a degree is there.
        self._lat_deg, self._lon_deg = np.zeros(count), np.zeros(count)
        self._radius_m = np.full(count, np.nan)
        for index, zone in enumerate(self.zones):  # once at start, not per reading
            if zone.circle is not None:
                lat, lon = convert(zone.circle[0], zone.circle[1], zone.crs, Crs.WGS84)
                self._radius_m[index] = zone.circle[2]
            else:
                lat, lon = (part.mean() for part in _in_wgs84(zone, zone.rings[0]))
            self._lat_deg[index], self._lon_deg[index] = float(lat), float(lon)
        self._north_m, self._east_m = metres_per_degree(self._lat_deg)
        self._round, self._angular = bool(np.isfinite(self._radius_m).all()), bool(np.isnan(self._radius_m).all())
        self._outlines = Outlines([self._areas_m(index) for index in range(count)])
        self.forbidden: Flag = np.array([zone.rule == FORBIDDEN for zone in self.zones], dtype=np.bool_)

        self._hours = np.full((count, 2), -1, dtype=np.int64)
        self._days = np.ones((count, 7), dtype=np.bool_)
        for index, zone in enumerate(self.zones):
            if zone.hours is not None:
                self._hours[index] = zone.hours.from_min, zone.hours.until_min
                self._days[index] = [day in zone.hours.days for day in range(7)]
        self._timed = bool((self._hours >= 0).any())

        sets: dict[tuple[int, ...], int] = {}
        self._row_set: dict[int, int] = {}
        for row, indices in (row_zones or {}).items():  # once at start
            of_row = tuple(sorted(set(indices)))
            if row < 0 or any(not 0 <= i < count for i in of_row):
                raise ValueError(f"row {row} has a zone that is not in the table")
            if of_row:
                self._row_set[row] = sets.setdefault(of_row, len(sets))
        #: The zones of all sets one after another; a set's begin at its `first` and are `length`.
        self._members: Index = np.array([i for of_row in sets for i in of_row], dtype=np.intp)
        self._length: Index = np.array([len(of_row) for of_row in sets], dtype=np.intp)
        self._first: Index = np.cumsum(self._length) - self._length
        #: Whether a set has a safe, a forbidden zone.
        self.has = np.array([[any(self.forbidden[list(s)] == rule) for s in sets] for rule in (False, True)]).reshape(
            2, -1
        )
        #: Whether every set is of one zone, as most are; and whether any zone is forbidden.
        self._lone, self._forbids = bool((self._length == 1).all()), bool(self.forbidden.any())
        self._many: Flag = self._length > _FEW
        self._index = self._tree() if self._many.any() else None
        self._belongs = np.sort(np.repeat(np.arange(len(sets)), self._length) * max(count, 1) + self._members)

    def out_until(self, outings: Mapping[int, int]) -> Self:
        """The same zones with other `outings`."""
        table = copy(self)
        table.outings = dict(outings)
        return table

    def sets(self, count: int) -> NDArray[np.int32]:
        """Which set of zones each of the rows 0 … count - 1 has; -1: none."""
        result = np.full(count, -1, dtype=np.int32)
        here = {row: number for row, number in self._row_set.items() if row < count}
        result[list(here)] = list(here.values())
        return result

    def of_row(self, row: int) -> tuple[Zone, ...]:
        """The zones of a directory row, in the order of `zones`."""
        number = self._row_set.get(row)
        if number is None:
            return ()
        first = self._first[number]
        return tuple(self.zones[i] for i in self._members[first : first + self._length[number]].tolist())

    def nearest(
        self, of: Index, lat_deg: Float, lon_deg: Float, time_ms: NDArray[np.int64], reach_m: Float, offset_min: int
    ) -> tuple[Float, Index]:
        """How far outside (2, n) the nearest safe and the nearest forbidden zone of set `of` each position (n,) is.

        In metres, negative: how deep inside; NaN where there is none that counts at `time_ms`, by a local clock
        `offset_min` before UTC. Beyond `reach_m` (n,) either way it is only known that it is no less. Second, their
        indices (2, n); -1 where none is within reach.
        """
        if self._lone and not self._timed:
            zone = self._members[of]
            away_m = self.outside_m(zone, lat_deg, lon_deg, reach_m)
            if not self._forbids:
                return np.stack([away_m, np.full(len(of), np.nan)]), np.stack([zone, np.full(len(of), -1)])
            forbidden = self.forbidden[zone]
            return np.where([~forbidden, forbidden], away_m, np.nan), np.where([~forbidden, forbidden], zone, -1)
        fix, zone = self._pairs(of, lat_deg, lon_deg, reach_m)
        if self._timed:
            counts = self._counting(zone, time_ms[fix], offset_min)
            fix, zone = fix[counts], zone[counts]
        away_m = self.outside_m(zone, lat_deg[fix], lon_deg[fix], reach_m[fix])
        forbidden = self.forbidden[zone]
        nearest_m = np.full((2, len(of)), np.nan)
        nearest = np.full((2, len(of)), -1, dtype=np.intp)
        # Written farthest first, so that the nearest zone of each rule stays.
        order = np.lexsort((zone, -away_m))
        rule = forbidden[order].astype(np.intp)
        nearest_m[rule, fix[order]] = away_m[order]
        nearest[rule, fix[order]] = zone[order]
        if self._many.any():
            # An index names only what is near: the others are farther away than anything that matters.
            far = np.isnan(nearest_m) & self._some_count(of, time_ms, offset_min)
            nearest_m = np.where(far, np.broadcast_to(reach_m, nearest_m.shape), nearest_m)
        return nearest_m, nearest

    def outside_m(self, zone: Index, lat_deg: Float, lon_deg: Float, reach_m: Float | None = None) -> Float:
        """How far outside its zone each WGS-84 position (n,) is, in metres; negative: how deep inside.

        Beyond `reach_m` (n,) from the edge it may say just that.
        """
        x = _turn(lon_deg - self._lon_deg[zone]) * self._east_m[zone]
        y = (lat_deg - self._lat_deg[zone]) * self._north_m[zone]
        if self._angular:
            return self._outlines.outside_m(zone, x, y, reach_m)
        outside: Float = np.sqrt(x * x + y * y) - self._radius_m[zone]
        if self._round:
            return outside
        angular = np.flatnonzero(np.isnan(outside) & np.isfinite(x + y))
        outside[angular] = self._outlines.outside_m(
            zone[angular], x[angular], y[angular], None if reach_m is None else reach_m[angular]
        )
        return outside

    def direction(self, zone: int, lat_deg: float, lon_deg: float) -> str:
        """The wind's name for the way from a zone's middle to a WGS-84 position."""
        east = float(_turn(np.array(lon_deg - self._lon_deg[zone]))) * float(self._east_m[zone])
        north = (lat_deg - float(self._lat_deg[zone])) * float(self._north_m[zone])
        return _WINDS[round(np.degrees(np.arctan2(east, north)) / 45.0) % 8]

    def _pairs(self, of: Index, lat_deg: Float, lon_deg: Float, reach_m: Float) -> tuple[Index, Index]:
        """Every position with every zone of its set, of large sets those within reach: indices of both."""
        length = self._length[of]
        if self._index is not None:
            length = np.where(self._many[of], 0, length)
        if (length == 1).all():
            return np.arange(len(of)), self._members[self._first[of]]
        fix = np.repeat(np.arange(len(of)), length)
        place = np.arange(len(fix)) - np.repeat(np.cumsum(length) - length, length)
        zone = self._members[self._first[of][fix] + place]
        if self._index is None or not (many := np.flatnonzero(self._many[of])).size:
            return fix, zone
        north_m, east_m = metres_per_degree(lat_deg[many])
        high, wide = reach_m[many] / north_m, reach_m[many] / np.maximum(east_m, 1.0)
        lat, lon = lat_deg[many], lon_deg[many]
        asked, found = self._index.query(shapely.box(lon - wide, lat - high, lon + wide, lat + high))
        key = of[many][asked] * max(len(self.zones), 1) + found
        place = np.minimum(np.searchsorted(self._belongs, key), len(self._belongs) - 1)
        mine = self._belongs[place] == key
        return np.concatenate([fix, many[asked[mine]]]), np.concatenate([zone, found[mine]])

    def _counting(self, zone: Index, time_ms: NDArray[np.int64], offset_min: int) -> Flag:
        """Which zones (n,) count at a time (n,)."""
        minutes = time_ms // 60_000 + offset_min
        minute, day = minutes % _DAY_MIN, (minutes // _DAY_MIN + _FIRST_DAY) % 7
        begin, end = self._hours[zone, 0], self._hours[zone, 1]
        today, yesterday = self._days[zone, day], self._days[zone, day - 1]
        over = begin > end
        late, early = minute >= begin, minute < end
        counts: Flag = (begin < 0) | np.where(over, (late & today) | (early & yesterday), late & early & today)
        return counts

    def _some_count(self, of: Index, time_ms: NDArray[np.int64], offset_min: int) -> Flag:
        """Whether (2, n) any safe, any forbidden zone of the set counts then."""
        if not self._timed:
            return self.has[:, of]
        length = self._length[of]
        fix = np.repeat(np.arange(len(of)), length)
        zone = self._members[self._first[of][fix] + np.arange(len(fix)) - np.repeat(np.cumsum(length) - length, length)]
        counts = self._counting(zone, time_ms[fix], offset_min)
        some = np.zeros((2, len(of)), dtype=np.bool_)
        some[self.forbidden[zone[counts]].astype(np.intp), fix[counts]] = True
        return some

    def _tree(self) -> shapely.STRtree:
        """Boxes around all zones, in degrees."""
        boxes = self._outlines.boxes_m()  # (z, 4): west, south, east, north
        round_m = np.stack([-self._radius_m, -self._radius_m, self._radius_m, self._radius_m], axis=1)
        boxes = np.where(np.isnan(boxes), round_m, boxes)
        lon = self._lon_deg[:, np.newaxis] + boxes[:, [0, 2]] / self._east_m[:, np.newaxis]
        lat = self._lat_deg[:, np.newaxis] + boxes[:, [1, 3]] / self._north_m[:, np.newaxis]
        return shapely.STRtree(shapely.box(lon[:, 0], lat[:, 0], lon[:, 1], lat[:, 1]))

    def _areas_m(self, index: int) -> list[list[NDArray[np.float64]]]:
        """The rings (corners, 2) of one zone's areas, x east and y north on its plane."""
        zone = self.zones[index]
        areas = []
        for area in zone.outline:
            rings = []
            for ring in area:
                lat, lon = _in_wgs84(zone, ring)
                x = (lon - self._lon_deg[index]) * self._east_m[index]
                rings.append(np.column_stack([x, (lat - self._lat_deg[index]) * self._north_m[index]]))
            areas.append(rings)
        return areas


def _in_wgs84(zone: Zone, ring: Ring) -> tuple[Float, Float]:
    corners = np.array(ring, dtype=np.float64)
    return convert(corners[:, 0], corners[:, 1], zone.crs, Crs.WGS84)


def _turn(degrees: Float) -> Float:
    """Differences of longitude the short way round."""
    if not (np.abs(degrees) > 180.0).any():
        return degrees
    result: Float = (degrees + 180.0) % 360.0 - 180.0
    return result
