"""Where people stay, and when they were truly away, told from the whole track with hindsight.

Nothing of the detectors is used here, and nothing of their geometry: positions are compared by great circles on the
sphere, smoothed by medians that look ahead as well as back, and judged by distance and duration alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Float = NDArray[np.float64]
Flag = NDArray[np.bool_]

_EARTH_RADIUS_M: Final = 6_371_008.8
#: People count as in one place while they are this near its middle.
_PLACE_M: Final = 100.0
#: So long must somebody be in a place for it to be one where they stay.
_STAY_MIN: Final = 60
#: The zone around it: twice the median distance from its middle, and a margin as people leave when they draw one.
_SPREADS: Final = 2.0
_ZONE_MARGIN_M: Final = 30.0
_ZONE_M: Final = (50.0, 300.0)

#: Half of the window of the median, and the fewest fixes in it.
HALF_WINDOW_S: Final = 30.0
#: Nothing is known of a longer time without a fix.
GAP_S: Final = 300.0
#: Farther out than this is outside; what lies between that and the edge is neither in nor out.
OUTSIDE_M: Final = 20.0
#: So long must somebody be outside for an exit, and inside for a return.
HELD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Track:
    """A person's track: seconds from its beginning and WGS-84 degrees, each (n,)."""

    time_s: Float
    lat_deg: Float
    lon_deg: Float

    @property
    def recorded_s(self) -> Float:
        """Seconds (n,) recorded up to each fix, gaps left out."""
        passed_s = np.diff(self.time_s, prepend=self.time_s[0])
        return np.cumsum(np.where(passed_s <= GAP_S, passed_s, 0.0))


@dataclass(frozen=True, slots=True)
class Place:
    """A circle around where somebody stays: its middle in degrees, its radius."""

    lat_deg: float
    lon_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Exit:
    """A time away, in seconds of the track; `end_s` is infinite where it lasted to the end."""

    begin_s: float
    end_s: float


def places(tracks: Sequence[Track]) -> tuple[Place, ...]:
    """Where one person stays: the densest places of all their minutes, an hour or more each, at least one.

    A minute counts at the median of its fixes. The place with the most minutes within 100 m comes first; those of its
    minutes are taken out, and so on. Its radius is twice the median distance of its minutes, and 30 m more.
    """
    lat, lon = (np.concatenate(part) for part in zip(*map(_minutes, tracks), strict=True))
    middle = float(np.median(lat)), float(np.median(lon))
    plane = np.column_stack(_plane(lat, lon, *middle))
    left = np.ones(len(plane), dtype=np.bool_)
    found: list[Place] = []
    # Once a place: people stay in few.
    while left.any():
        rest = plane[left]
        tree = cKDTree(rest)
        crowd = tree.query_ball_point(rest, _PLACE_M, return_length=True)
        if found and crowd.max() < _STAY_MIN:
            break
        near = rest[np.hypot(*(rest - rest[crowd.argmax()]).T) <= _PLACE_M]
        heart = np.median(near, axis=0)
        away_m = np.hypot(*(plane - heart).T)
        belong = left & (away_m <= 2 * _PLACE_M)
        belong[np.flatnonzero(left)[crowd.argmax()]] = True
        radius_m = float(np.median(away_m[belong])) * _SPREADS + _ZONE_MARGIN_M
        found.append(Place(*_degrees(heart, *middle), radius_m=round(float(np.clip(radius_m, *_ZONE_M)), 1)))
        left &= ~belong
    return tuple(found)


def exits(track: Track, zones: Sequence[Place]) -> tuple[Exit, ...]:
    """The times in which somebody was truly outside all of their zones.

    Of the distances from the nearest edge the median within ±30 s is taken (never across a gap). More than 20 m
    outside for a minute is an exit, from its first moment; a minute inside is a return, at its first moment.
    """
    away_m = smoothed_m(track, zones)
    out = _held(track.time_s, away_m > OUTSIDE_M)
    back = _held(track.time_s, away_m <= 0)
    result: list[Exit] = []
    is_out = False
    for at, leaving in sorted([(i, True) for i in out] + [(i, False) for i in back]):
        if leaving and not is_out:
            result.append(Exit(float(track.time_s[at]), np.inf))
        elif is_out and not leaving:
            result[-1] = Exit(result[-1].begin_s, float(track.time_s[at]))
        is_out = leaving
    return tuple(result)


def far_out(track: Track, zones: Sequence[Place], at_s: float, within_s: float) -> bool:
    """Whether somebody was more than 20 m outside, however shortly, near a moment; near in recorded time, as nothing
    is known of a gap."""
    recorded_s = track.recorded_s
    at = recorded_s[np.searchsorted(track.time_s, at_s, side="right") - 1]
    return bool((smoothed_m(track, zones)[np.abs(recorded_s - at) <= within_s] > OUTSIDE_M).any())


def smoothed_m(track: Track, zones: Sequence[Place]) -> Float:
    """How far outside the nearest zone somebody was at each fix (n,), negative inside, with hindsight."""
    away_m = np.min([_distance_m(track, zone) - zone.radius_m for zone in zones], axis=0)
    piece = np.concatenate([[0], np.cumsum(np.diff(track.time_s) > GAP_S)])
    first, end = np.searchsorted(piece, piece), np.searchsorted(piece, piece, side="right")
    here = np.arange(len(piece))
    low = np.searchsorted(track.time_s, track.time_s - HALF_WINDOW_S)
    high = np.searchsorted(track.time_s, track.time_s + HALF_WINDOW_S, side="right")
    # One fix on either side even of sparse tracks: a wild one has no say.
    low = np.maximum(np.minimum(low, here - 1), first)
    high = np.minimum(np.maximum(high, here + 2), end)
    result = np.empty(len(away_m))
    length = high - low
    for width in np.unique(length).tolist():  # windows of one length at once
        chosen = np.flatnonzero(length == width)
        result[chosen] = np.median(away_m[low[chosen, np.newaxis] + np.arange(width)], axis=1)
    return result


def _held(time_s: Float, holds: Flag) -> list[int]:
    """The positions at which runs begin in which something holds for `HELD_S`."""
    change = np.flatnonzero(np.diff(holds, prepend=False, append=False))
    begin, end = change[::2], change[1::2] - 1
    return [int(at) for at in begin[time_s[end] - time_s[begin] >= HELD_S]]


def _minutes(track: Track) -> tuple[Float, Float]:
    minute = (track.time_s // 60).astype(np.int64)
    begin = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    groups = (np.split(values, begin[1:]) for values in (track.lat_deg, track.lon_deg))
    lat, lon = (np.array([np.median(group) for group in part]) for part in groups)
    return lat, lon


def _plane(lat_deg: Float, lon_deg: Float, middle_lat: float, middle_lon: float) -> tuple[Float, Float]:
    east = np.radians(lon_deg - middle_lon) * np.cos(np.radians(middle_lat)) * _EARTH_RADIUS_M
    return east, np.radians(lat_deg - middle_lat) * _EARTH_RADIUS_M


def _degrees(plane_m: Float, middle_lat: float, middle_lon: float) -> tuple[float, float]:
    lat = middle_lat + float(np.degrees(plane_m[1] / _EARTH_RADIUS_M))
    lon = middle_lon + float(np.degrees(plane_m[0] / _EARTH_RADIUS_M / np.cos(np.radians(middle_lat))))
    return lat, lon


def _distance_m(track: Track, zone: Place) -> Float:
    """Great-circle distances by the angle between unit vectors, from its chord."""
    lat, lon = np.radians(track.lat_deg), np.radians(track.lon_deg)
    lat0, lon0 = np.radians(zone.lat_deg), np.radians(zone.lon_deg)
    chord = np.sqrt(
        (np.cos(lat) * np.cos(lon) - np.cos(lat0) * np.cos(lon0)) ** 2
        + (np.cos(lat) * np.sin(lon) - np.cos(lat0) * np.sin(lon0)) ** 2
        + (np.sin(lat) - np.sin(lat0)) ** 2
    )
    result: Float = 2 * _EARTH_RADIUS_M * np.arcsin(np.minimum(chord / 2, 1.0))
    return result
