"""What a fence tells: where somebody is, beside which zone, and how well that is known."""

from typing import Final, NamedTuple

import numpy as np

from alerts.detectors.contract import Records
from alerts.detectors.zones import ZoneTable
from alerts.findings import Change, Condition, Evidence, Finding, Priority

#: The causes by rule: outside all safe zones, inside a forbidden one.
CAUSES: Final = ("left_safe_zone", "entered_forbidden_zone")
LOST: Final = "lost_near_edge"
UNKNOWN: Final = "position_unknown"

#: The whole earth: where zones are named, the distance itself is told.
_FAR_M: Final = 1e7


class Seen(NamedTuple):
    """Where and how somebody was last seen, as told with an alarm."""

    row: int
    time_ms: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float
    speed_m_s: float
    battery_pct: float

    @property
    def evidence(self) -> Evidence:
        """What is known of it, units in the names."""
        known = {
            "lat_deg": self.lat_deg,
            "lon_deg": self.lon_deg,
            "accuracy_m": round(self.accuracy_m, 1),
            "speed_m_s": round(self.speed_m_s, 1),
            "battery_pct": self.battery_pct,
        }
        return (*((name, value) for name, value in known.items() if np.isfinite(value)), ("fix_ms", self.time_ms))


def last_seen(state: Records, row: int) -> Seen:
    """The last fix of a row of the fence's state."""
    record = state[row]
    numbers = ("lat_deg", "lon_deg", "accuracy_m", "speed_m_s", "battery_pct")
    return Seen(row, int(record["last_ms"]), *(float(record[name]) for name in numbers))


def crossed(
    rule: int, change: Change, onset_ms: int, seen: Seen, zones: ZoneTable, of: int, utc_offset_min: int
) -> Finding:
    """Somebody is on the wrong side of a rule, or on the right one again; `of` is their set of zones."""
    at = np.array([seen.lat_deg]), np.array([seen.lon_deg]), np.array([seen.time_ms])
    away_m, zone = zones.nearest(np.array([of], dtype=np.intp), *at, np.array([_FAR_M]), utc_offset_min)
    nearest = int(zone[rule, 0])
    where: Evidence = ()
    if nearest >= 0:
        where = (
            ("zone", zones.zones[nearest].zone),
            ("distance_m", round(float(away_m[rule, 0]), 1)),
            ("direction", zones.direction(nearest, seen.lat_deg, seen.lon_deg)),
        )
    return Finding(
        row=seen.row,
        condition=Condition.GEOFENCE,
        cause=CAUSES[rule],
        change=change,
        priority=Priority.HIGH,
        onset_ms=onset_ms,
        found_ms=seen.time_ms,
        evidence=where + seen.evidence,
    )


def unheard(row: int, change: Change, near: bool, onset_ms: int, found_ms: int, evidence: Evidence = ()) -> Finding:
    """It is not known where somebody is, worse if they were last seen `near` the edge; or it is known again."""
    return Finding(
        row=row,
        condition=Condition.GEOFENCE,
        cause=LOST if near else UNKNOWN,
        change=change,
        priority=Priority.MEDIUM if near else Priority.LOW,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=evidence,
    )
