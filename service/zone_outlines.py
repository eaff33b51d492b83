"""Zones as they are drawn beside somebody's way: in WGS-84, those near, and large ones with fewer corners."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from alerts.detectors.zones import Zone
from ingest.contract import Crs
from ingest.coordinates import convert, metres_per_degree
from service.fleet.nouns import Ring

#: Zones further away are of no help on the map, and no more than so many are.
_NEAR_M: Final = 5_000.0
_MOST: Final = 30
#: Outlines with more corners are simplified, each corner moved by no more than this share of the extent.
_MOST_CORNERS: Final = 500
_SHARE: Final = 1 / 2_000


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone in WGS-84: `middle` (lat, lon) and `radius_m` of a circle, or `areas` of rings of (lat, lon)."""

    zone: str
    rule: str
    middle: tuple[float, float] | None
    radius_m: float | None
    areas: tuple[tuple[Ring, ...], ...]


def outlines_near(zones: Iterable[Zone], lat_deg: float, lon_deg: float, named: Collection[str]) -> list[Outline]:
    """The outlines of zones near a place, the nearest first, and of those `named` wherever they are."""
    found: dict[str, tuple[float, Outline]] = {}
    for zone in zones:  # a resident's own, when somebody looks
        if zone.zone not in found:
            outline = _outline(zone)
            found[zone.zone] = _away_m(outline, lat_deg, lon_deg), outline
    near = sorted(found.values(), key=lambda item: (item[1].zone not in named, item[0]))
    return [outline for away_m, outline in near[:_MOST] if away_m <= _NEAR_M or outline.zone in named]


def _outline(zone: Zone) -> Outline:
    if zone.circle is not None:
        lat, lon = convert(zone.circle[0], zone.circle[1], zone.crs, Crs.WGS84)
        return Outline(zone.zone, zone.rule, (round(float(lat), 7), round(float(lon), 7)), zone.circle[2], ())
    areas = tuple(tuple(_ring(ring, zone.crs) for ring in area) for area in zone.outline)
    return Outline(zone.zone, zone.rule, None, None, areas)


def _ring(ring: Ring, crs: Crs) -> Ring:
    drawn = np.array(ring, dtype=np.float64)
    corners = np.column_stack(convert(drawn[:, 0], drawn[:, 1], crs, Crs.WGS84))
    if len(corners) > _MOST_CORNERS:
        tolerance_deg = float(np.ptp(corners, axis=0).max()) * _SHARE
        simple = shapely.simplify(shapely.LinearRing(corners), tolerance_deg)
        corners = shapely.get_coordinates(simple)[:-1]
    return tuple((lat, lon) for lat, lon in np.round(corners, 7).tolist())


def _away_m(outline: Outline, lat_deg: float, lon_deg: float) -> float:
    """How far a place is from an outline's edge or, within it, 0; near enough to sort by."""
    north_m, east_m = (float(part) for part in metres_per_degree(lat_deg))
    if outline.middle is not None and outline.radius_m is not None:
        north, east = (outline.middle[0] - lat_deg) * north_m, (outline.middle[1] - lon_deg) * east_m
        return max(0.0, float(np.hypot(north, east)) - outline.radius_m)
    planes = [
        [[((lon - lon_deg) * east_m, (lat - lat_deg) * north_m) for lat, lon in ring] for ring in area]
        for area in outline.areas
    ]
    shapes = [shapely.Polygon(outer, holes) for outer, *holes in planes]
    return min(float(shapely.distance(shape, shapely.Point(0, 0))) for shape in shapes)
