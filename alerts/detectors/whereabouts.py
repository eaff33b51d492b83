"""Where somebody is, as far as is known: read from what the geofence detector remembers, which stays as it is."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from alerts.detectors.geofence import GeofenceSettings
from alerts.detectors.segments import NEVER
from alerts.detectors.zones import ZoneTable
from ingest.contract import PositionSource
from ingest.readings import SOURCES


class Standing(StrEnum):
    """What the evidence says of somebody and their safe zones; `unfenced`: none counts now, or they are out in company.

    `unknown`: no usable fix, none for long, or one that says neither. Never `inside` where it is not known.
    """

    INSIDE = "inside"
    PROBABLY_OUTSIDE = "probably_outside"
    OUTSIDE = "outside"
    UNFENCED = "unfenced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The last usable fix of a row, WGS-84, and what is known by now; None where it is not known.

    `fix_ms` is device time put right, `heard_ms` receive time. `zone` is the nearest safe zone that counts,
    `distance_m` how far outside its edge (negative: inside), `direction` from its middle; `forbidden` the forbidden
    zone in which they seem to be.
    """

    row: int
    standing: Standing
    fix_ms: int
    heard_ms: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float
    source: PositionSource | None
    speed_m_s: float | None
    battery_pct: float | None
    zone: str | None
    distance_m: float | None
    direction: str | None
    forbidden: str | None


def whereabouts(
    known: np.void, row: int, zones: ZoneTable, settings: GeofenceSettings, now_ms: int
) -> Whereabouts | None:
    """Where the person of directory row `row` is, by what the fence knows of it; None: no fix was ever usable."""
    if known["last_ms"] == NEVER:
        return None
    of = zones.sets(row + 1)[row]
    at = np.array([known["lat_deg"]]), np.array([known["lon_deg"]])
    away_m, nearest = np.full((2, 1), np.nan), np.full((2, 1), -1)
    if of >= 0:
        # The whole earth: here the distance itself is told.
        far_m, now = np.array([1e7]), np.array([now_ms])
        away_m, nearest = zones.nearest(np.array([of], dtype=np.intp), *at, now, far_m, settings.utc_offset_min)
    safe, forbidden = (int(index) for index in nearest[:, 0])
    fenced = safe >= 0 and zones.outings.get(row, 0) <= now_ms
    lost = known["lost_ms"] != NEVER or now_ms - known["heard_ms"] >= settings.unknown_s * 1000.0
    source = int(known["source"])
    return Whereabouts(
        row=row,
        standing=_standing(known, float(away_m[0, 0]), settings, lost=bool(lost), fenced=fenced),
        fix_ms=int(known["last_ms"]),
        heard_ms=int(known["heard_ms"]),
        lat_deg=float(known["lat_deg"]),
        lon_deg=float(known["lon_deg"]),
        accuracy_m=float(known["accuracy_m"]),
        source=SOURCES[source] if source >= 0 else None,
        speed_m_s=_finite(known["speed_m_s"]),
        battery_pct=_finite(known["battery_pct"]),
        zone=zones.zones[safe].zone if safe >= 0 else None,
        distance_m=_finite(away_m[0, 0]) if safe >= 0 else None,
        direction=zones.direction(safe, float(at[0][0]), float(at[1][0])) if safe >= 0 else None,
        forbidden=zones.zones[forbidden].zone if forbidden >= 0 and known["out"][1] else None,
    )


def _standing(known: np.void, away_m: float, settings: GeofenceSettings, *, lost: bool, fenced: bool) -> Standing:
    evidence = int(known["evidence"][0])
    if lost:
        return Standing.UNKNOWN
    if not fenced:
        return Standing.UNFENCED
    if known["out"][0]:
        return Standing.OUTSIDE
    if evidence > 0:
        return Standing.PROBABLY_OUTSIDE
    return Standing.INSIDE if evidence < 0 and _may_be_inside(known, away_m, settings) else Standing.UNKNOWN


def _may_be_inside(known: np.void, away_m: float, settings: GeofenceSettings) -> bool:
    """Whether the last fix is one of somebody inside: those before it do not say where they are now.

    A far cell says nothing up to `mast_m` from the edge, and what was taken for a jump may be where they are.
    """
    accuracy_m, source = float(known["accuracy_m"]), int(known["source"])
    cell = source >= 0 and SOURCES[source] is PositionSource.LBS
    if cell or accuracy_m > settings.coarse_m:
        return away_m < settings.margin_m - settings.mast_m
    return away_m <= settings.margin_m + accuracy_m


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
