"""Zones: where somebody should be, or should not, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.contract import Crs
from ingest.coordinates import convert, distance_m, metres_per_degree

Float = NDArray[np.float64]
Index = NDArray[np.intp]

SAFE: Final = "safe"
FORBIDDEN: Final = "forbidden"

#: Beyond this the flat local plane is off by more than a fix is.
LARGEST_M: Final = 200_000.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A circle (lat, lon in degrees, radius in metres) or a polygon (corners in degrees, closed by itself).

    `safe`: one should be inside; `forbidden`: one should be outside. The coordinates are of the system `crs`.
    ValueError says what is wrong with a zone that is none.
    """

    zone: str
    rule: Literal["safe", "forbidden"]
    crs: Crs
    circle: tuple[float, float, float] | None = None
    polygon: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if self.rule not in (SAFE, FORBIDDEN):
            raise ValueError(f"zone {self.zone}: rule {self.rule!r} is neither safe nor forbidden")
        if (self.circle is None) == (self.polygon is None):
            raise ValueError(f"zone {self.zone}: needs a circle or a polygon, one of the two")
        corners = self.polygon if self.polygon is not None else (self.circle[:2],) if self.circle is not None else ()
        for lat, lon in corners:
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # also NaN
                raise ValueError(f"zone {self.zone}: {lat}, {lon} is no latitude and longitude")
        if self.circle is not None and not 0 < self.circle[2] <= LARGEST_M:
            raise ValueError(f"zone {self.zone}: radius {self.circle[2]} m is not within 0 to {LARGEST_M:.0f} m")
        if self.polygon is not None:
            _check_polygon(self.zone, self.polygon)


def _check_polygon(zone: str, corners: Sequence[tuple[float, float]]) -> None:
    if len(set(corners)) < 3:
        raise ValueError(f"zone {zone}: a polygon needs three corners")
    shape = shapely.Polygon([(lon, lat) for lat, lon in corners])
    if not shape.is_valid:
        raise ValueError(f"zone {zone}: {shapely.is_valid_reason(shape)} (longitude latitude)")
    west, south, east, north = shape.bounds
    if float(distance_m(south, west, north, east)) > 2 * LARGEST_M:
        raise ValueError(f"zone {zone}: is more than {2 * LARGEST_M / 1000:.0f} km across")


class ZoneTable:
    """All zones, in WGS-84 and in metres on a plane of their own, and which of them each directory row has.

    `row_zones` maps a row to the indices of its zones in `zones`.
    """

    def __init__(self, zones: Iterable[Zone] = (), row_zones: Mapping[int, Iterable[int]] | None = None) -> None:
        self.zones: tuple[Zone, ...] = tuple(zones)
        count = len(self.zones)
        #: Origin of each zone's plane and what a degree is there.
        self._lat_deg, self._lon_deg = np.zeros(count), np.zeros(count)
        self._radius_m = np.full(count, np.nan)
        self._shapes = np.full(count, None, dtype=np.object_)
        for index, zone in enumerate(self.zones):  # once at start, not per reading
            self._place(index, zone)
        self._north_m, self._east_m = metres_per_degree(self._lat_deg)
        for index, zone in enumerate(self.zones):
            if zone.polygon is not None:
                self._shapes[index] = self._shape(index, zone)
        self._outlines = shapely.boundary(self._shapes)
        shapely.prepare(self._shapes)
        self.forbidden: NDArray[np.bool_] = np.array([zone.rule == FORBIDDEN for zone in self.zones], dtype=np.bool_)

        lists = {row: sorted(set(indices)) for row, indices in (row_zones or {}).items()}
        for row, indices in lists.items():
            if row < 0 or any(not 0 <= i < count for i in indices):
                raise ValueError(f"row {row} has a zone that is not in the table")
        self._rows = lists
        ordered = sorted(lists)
        #: The zones of all rows one after another; a row's begin at its `first`.
        self.members: Index = np.array([i for row in ordered for i in lists[row]], dtype=np.intp)
        lengths = [len(lists[row]) for row in ordered]
        self._first = dict(zip(ordered, np.cumsum([0, *lengths])[:-1].tolist() if lengths else [], strict=True))

    def spans(self, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """For rows 0 … count - 1: where a row's zones begin in `members`, and how many they are."""
        first, length = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
        for row, indices in self._rows.items():  # once at start
            if row < count:
                first[row], length[row] = self._first[row], len(indices)
        return first, length

    def outside_m(self, zone: Index, lat_deg: Float, lon_deg: Float) -> Float:
        """How far outside its zone each WGS-84 position (n,) is, in metres; negative: how deep inside."""
        x = _turn(lon_deg - self._lon_deg[zone]) * self._east_m[zone]
        y = (lat_deg - self._lat_deg[zone]) * self._north_m[zone]
        outside: Float = np.hypot(x, y) - self._radius_m[zone]
        angular = np.flatnonzero(np.isnan(self._radius_m[zone]))
        if len(angular):
            shapes, x, y = zone[angular], x[angular], y[angular]
            to_edge = shapely.distance(self._outlines[shapes], shapely.points(x, y))
            outside[angular] = np.where(shapely.contains_xy(self._shapes[shapes], x, y), -to_edge, to_edge)
        return outside

    def _place(self, index: int, zone: Zone) -> None:
        if zone.circle is not None:
            lat, lon = convert(zone.circle[0], zone.circle[1], zone.crs, Crs.WGS84)
            self._radius_m[index] = zone.circle[2]
        else:
            lat, lon = (part.mean() for part in _corners(zone))
        self._lat_deg[index], self._lon_deg[index] = float(lat), float(lon)

    def _shape(self, index: int, zone: Zone) -> shapely.Polygon:
        lat, lon = _corners(zone)
        x = (lon - self._lon_deg[index]) * self._east_m[index]
        y = (lat - self._lat_deg[index]) * self._north_m[index]
        return shapely.Polygon(np.column_stack([x, y]))


def _corners(zone: Zone) -> tuple[Float, Float]:
    corners = np.array(zone.polygon, dtype=np.float64)
    return convert(corners[:, 0], corners[:, 1], zone.crs, Crs.WGS84)


def _turn(degrees: Float) -> Float:
    """Differences of longitude the short way round."""
    result: Float = (degrees + 180.0) % 360.0 - 180.0
    return result
