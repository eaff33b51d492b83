"""Coordinates in China: WGS-84, which satellites speak, and the two that maps and many locators speak instead.

GCJ-02 differs from WGS-84 by up to 700 m, BD-09 by about another kilometre, so a fence in one and a fix in another
are of no use to each other. The constants are those of the published reverse engineering of GCJ-02 (the
"eviltransform" formulas: Krasovsky 1940 ellipsoid, the shift applied only inside lon 72.004–137.8347, lat
0.8293–55.8271) and of Baidu's own conversion of GCJ-02 into BD-09. The forward directions are exact; the inverse is a
fixed point iterated until it moves by less than a millimetre. Outside the bounds all three systems are one.

Within some 700 m of the bounds, where the shift starts in one step, the inverse is not unique.

Arrays are float64 degrees, converted whole; NaN stays NaN. No input is changed.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.contract import Crs

Degrees = NDArray[np.float64]
Pair = tuple[Degrees, Degrees]
_Shift = Callable[[Degrees, Degrees], Pair]

#: Codes of coordinate reference systems are positions in this order, as in the columns of readings.
_CRSS: Final = tuple(Crs)

_SEMI_MAJOR_AXIS_M: Final = 6378245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BOUNDS_LON_DEG: Final = (72.004, 137.8347)
_BOUNDS_LAT_DEG: Final = (0.8293, 55.8271)

_BAIDU_TURNS: Final = np.pi * 3000.0 / 180.0
_BAIDU_LON_DEG: Final = 0.0065
_BAIDU_LAT_DEG: Final = 0.006

#: The shift changes by less than 1 % of a move, so each round makes the error a hundredth; four leave micrometres.
_ROUNDS: Final = 4

_EARTH_RADIUS_M: Final = 6371008.8


def convert(lat_deg: ArrayLike, lon_deg: ArrayLike, source: Crs, target: Crs) -> Pair:
    """Coordinates (n,) of one system in another, inverse directions to well under a millimetre."""
    lat, lon = np.asarray(lat_deg, dtype=np.float64), np.asarray(lon_deg, dtype=np.float64)
    if source is target:
        return lat, lon
    if source is Crs.BD09:
        lat, lon = _inverse(_gcj02_to_bd09, lat, lon)
    if source is not Crs.WGS84 and target is Crs.WGS84:
        return _inverse(_wgs84_to_gcj02, lat, lon)
    if source is Crs.WGS84:
        lat, lon = _forward(_wgs84_to_gcj02, lat, lon)
    if target is Crs.BD09:
        lat, lon = _forward(_gcj02_to_bd09, lat, lon)
    return lat, lon


def to_wgs84(lat_deg: ArrayLike, lon_deg: ArrayLike, crs_code: ArrayLike) -> Pair:
    """WGS-84 of coordinates (n,) that each speak their own system; int8 codes index ``tuple(Crs)``.

    A code below 0 (the system is not known) gives NaN: a position in an unknown system is not a position.
    """
    return _coded(lat_deg, lon_deg, crs_code, inbound=True)


def from_wgs84(lat_deg: ArrayLike, lon_deg: ArrayLike, crs: Crs) -> Pair:
    """WGS-84 coordinates (n,) in the system given."""
    return convert(lat_deg, lon_deg, Crs.WGS84, crs)


def from_wgs84_coded(lat_deg: ArrayLike, lon_deg: ArrayLike, crs_code: ArrayLike) -> Pair:
    """WGS-84 coordinates (n,) each in its own system, coded as in `to_wgs84`."""
    return _coded(lat_deg, lon_deg, crs_code, inbound=False)


def distance_m(lat1_deg: ArrayLike, lon1_deg: ArrayLike, lat2_deg: ArrayLike, lon2_deg: ArrayLike) -> Degrees:
    """Great-circle distance in metres on the mean sphere (haversine; within 0.6 % of the ellipsoid)."""
    lat1, lon1, lat2, lon2 = (
        np.radians(np.asarray(v, dtype=np.float64)) for v in (lat1_deg, lon1_deg, lat2_deg, lon2_deg)
    )
    half_chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    result: Degrees = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0)))
    return result


def metres_per_degree(lat_deg: ArrayLike) -> Pair:
    """Metres a degree of latitude and of longitude are at latitudes (n,), on the WGS-84 ellipsoid.

    For flat local distances: over 10 km the plane so made is wrong by less than 0.1 %.
    """
    cosine = np.cos(np.asarray(lat_deg, dtype=np.float64) * (np.pi / 180.0))
    square = cosine * cosine
    # Series in the cosines of 2 and 4, and of 1, 3 and 5 latitudes, as polynomials in that of one (Chebyshev).
    north: Degrees = 111693.951 + square * (-1129.044 + square * 9.4)
    east: Degrees = cosine * (111693.93 + square * (-376.36 + square * 1.888))
    return north, east


def _coded(lat_deg: ArrayLike, lon_deg: ArrayLike, crs_code: ArrayLike, *, inbound: bool) -> Pair:
    lat, lon = np.asarray(lat_deg, dtype=np.float64), np.asarray(lon_deg, dtype=np.float64)
    code = np.asarray(crs_code)
    if code.size and code.max() >= len(_CRSS):
        raise ValueError(f"no coordinate reference system has code {code.max()}")
    if not code.any():  # all WGS-84 (code 0), as most batches are
        return lat, lon
    lat, lon = lat.copy(), lon.copy()
    for index, crs in enumerate(_CRSS):  # three systems, not readings
        chosen = code == index
        if crs is not Crs.WGS84 and chosen.any():
            pair = (crs, Crs.WGS84) if inbound else (Crs.WGS84, crs)
            lat[chosen], lon[chosen] = convert(lat[chosen], lon[chosen], *pair)
    unknown = code < 0
    lat[unknown] = np.nan
    lon[unknown] = np.nan
    return lat, lon


def _inside(lat: Degrees, lon: Degrees) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (
        (lon >= _BOUNDS_LON_DEG[0])
        & (lon <= _BOUNDS_LON_DEG[1])
        & (lat >= _BOUNDS_LAT_DEG[0])
        & (lat <= _BOUNDS_LAT_DEG[1])
    )
    return result


def _tame(inside: NDArray[np.bool_], lat: Degrees, lon: Degrees) -> Pair:
    """The same with places outside the bounds moved to its middle: at the poles the formulas run away."""
    return np.where(inside, lat, 35.0), np.where(inside, lon, 105.0)


def _forward(shift: _Shift, lat: Degrees, lon: Degrees) -> Pair:
    inside = _inside(lat, lon)  # NaN is not inside and stays itself
    new_lat, new_lon = shift(*_tame(inside, lat, lon))
    return np.where(inside, new_lat, lat), np.where(inside, new_lon, lon)


def _inverse(shift: _Shift, lat: Degrees, lon: Degrees) -> Pair:
    inside = _inside(lat, lon)
    goal_lat, goal_lon = guess_lat, guess_lon = _tame(inside, lat, lon)
    for _ in range(_ROUNDS):
        there_lat, there_lon = shift(guess_lat, guess_lon)
        guess_lat, guess_lon = guess_lat - (there_lat - goal_lat), guess_lon - (there_lon - goal_lon)
    return np.where(inside, guess_lat, lat), np.where(inside, guess_lon, lon)


def _wgs84_to_gcj02(lat: Degrees, lon: Degrees) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root, product = 0.1 * np.sqrt(np.abs(x)), 0.1 * x * y
    ripple = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + product + 2.0 * root
        + (ripple + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
        + (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    )  # fmt: skip
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + product + root
        + (ripple + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
        + (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    )  # fmt: skip
    phi = np.radians(lat)
    curve = 1.0 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian_m = _SEMI_MAJOR_AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / curve**1.5
    parallel_m = _SEMI_MAJOR_AXIS_M / np.sqrt(curve) * np.cos(phi)
    return lat + np.degrees(north_m / meridian_m), lon + np.degrees(east_m / parallel_m)


def _gcj02_to_bd09(lat: Degrees, lon: Degrees) -> Pair:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU_TURNS)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU_TURNS)
    return radius * np.sin(angle) + _BAIDU_LAT_DEG, radius * np.cos(angle) + _BAIDU_LON_DEG
