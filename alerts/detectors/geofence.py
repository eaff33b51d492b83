"""Leaving a safe zone, entering a forbidden one: found from evidence, not from the crossing of a line."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.segments import NEVER, Segments, in_order, since_ms, switch
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind, PositionSource
from ingest.readings import SOURCES, AnyReadings, Location

__all__ = ["Geofence", "GeofenceSettings", "Zone", "ZoneTable"]

Float = NDArray[np.float64]
Flag = NDArray[np.bool_]

_CAUSES: Final = ("left_safe_zone", "entered_forbidden_zone")


@dataclass(frozen=True, slots=True)
class GeofenceSettings:
    """How certain is certain.

    `margin_m`: people walk along fences, and fences are drawn by hand: this far outside is still the edge (our choice).
    `accuracy_factor`: a fix counts as outside only if it lies this many of its own accuracies further out. The accuracy
    is a radius of 68 % confidence; 1 % of two-dimensional normal errors lie beyond two such radii (Rayleigh:
    exp(-1.14 · 4)).
    `fixes`: so many such fixes in a row; one alone may be a wild one (our choice).
    `precise_m`: a fix at least this accurate is believed where it says it is inside; a worse one must lie its own
    accuracy deep inside. Otherwise a mobile mast in the garden would bring everybody home.
    `gnss_m`, `wifi_m`, `lbs_m`: accuracy taken where a fix brings none, by source (usual figures of open sky, indoor
    Wi-Fi and a mobile cell); `unknown_m` where it does not name its source either.
    """

    margin_m: float = 10.0
    accuracy_factor: float = 2.0
    fixes: int = 2
    precise_m: float = 50.0
    gnss_m: float = 15.0
    wifi_m: float = 50.0
    lbs_m: float = 1000.0
    unknown_m: float = 100.0


class Geofence:
    """Whether each person is outside all their safe zones, or inside a forbidden one, with hysteresis from accuracy.

    Needs `lat`, `lon`; `acc` and `src` if there are. Being found outside is enough, without ever having been inside.
    Somebody with several safe zones is safe in any of them. Distances are in metres on a plane at each zone.
    The forbidden rule is a fix inside the zone, certain as `precise_m` says: a pond is smaller than two accuracies.
    Misses: whoever leaves and comes back between fixes; who stays within margin and accuracy of the edge.
    """

    name: ClassVar[str] = "geofence"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.LOCATION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("since_ms", "<i8", (2,)),
            ("fixes", "<i4", (2,)),
            ("active", "?", (2,)),
            ("onset_ms", "<i8", (2,)),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("zone_first", "<i4"), ("zone_count", "<i4")])
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, zones: ZoneTable, settings: GeofenceSettings | None = None) -> None:
        self._zones = zones
        self._settings = settings or GeofenceSettings()
        by_source = {
            PositionSource.GNSS: self._settings.gnss_m,
            PositionSource.WIFI: self._settings.wifi_m,
            PositionSource.LBS: self._settings.lbs_m,
        }
        # Code -1, no source, finds the last entry.
        self._accuracy_m = np.array([*(by_source[source] for source in SOURCES), self._settings.unknown_m])

    def initial(self, count: int) -> Records:
        """People of whom no fix is known."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "since_ms", "onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """Where in the table each directory row's zones are."""
        params = np.empty(count, dtype=self.params_dtype)
        params["zone_first"], params["zone_count"] = self._zones.spans(count)
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take fixes in; see the class."""
        assert isinstance(readings, Location)
        state = state.copy()
        usable = np.isfinite(readings.lat_deg) & np.isfinite(readings.lon_deg)
        usable &= params["zone_count"][readings.row] > 0
        fixes = readings.take(usable)
        fixes = fixes.take(in_order(fixes.row, fixes.time_ms, state["last_ms"]))
        if not len(fixes):
            return state, []
        accuracy_m = np.where(np.isfinite(fixes.accuracy_m), fixes.accuracy_m, self._accuracy_m[fixes.source])
        # A row's last fix is written last.
        state["last_ms"][fixes.row] = fixes.time_ms
        outside_m, zone = self._distances(fixes, params)
        findings: list[Finding] = []
        for index in range(len(_CAUSES)):  # two rules, not readings
            wrong, right = self._judged(index, outside_m[index], accuracy_m)
            # A fix that cannot tell says nothing, not even that the last one was a mistake.
            told = np.flatnonzero(wrong | right)
            if len(told):
                findings += self._follow(
                    state,
                    index,
                    fixes.take(told),
                    wrong[told],
                    accuracy_m[told],
                    outside_m[index, told],
                    zone[index, told],
                )
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone moves nobody."""
        return state, []

    def _distances(self, fixes: Location, params: Records) -> tuple[Float, NDArray[np.intp]]:
        """Metres outside (2, n) the nearest safe and the nearest forbidden zone, and their indices; NaN, -1: none."""
        count = params["zone_count"][fixes.row].astype(np.intp)
        fix = np.repeat(np.arange(len(fixes)), count)
        place = np.arange(len(fix)) - np.repeat(np.cumsum(count) - count, count)
        zone = self._zones.members[params["zone_first"][fixes.row][fix] + place]
        away_m = self._zones.outside_m(zone, fixes.lat_deg[fix], fixes.lon_deg[fix])
        nearest_m, nearest = np.full((2, len(fixes)), np.nan), np.full((2, len(fixes)), -1, dtype=np.intp)
        rule = self._zones.forbidden[zone].astype(np.intp)
        # Written farthest first, so that the nearest zone of each rule stays.
        order = np.lexsort((zone, -away_m))
        nearest_m[rule[order], fix[order]] = away_m[order]
        nearest[rule[order], fix[order]] = zone[order]
        return nearest_m, nearest

    def _judged(self, index: int, outside_m: Float, accuracy_m: Float) -> tuple[Flag, Flag]:
        """Which fixes (n,) are certainly wrong and which certainly right; NaN is neither."""
        out = outside_m > self._settings.margin_m + self._settings.accuracy_factor * accuracy_m
        inside = (outside_m <= 0) & ((accuracy_m <= self._settings.precise_m) | (-outside_m >= accuracy_m))
        return (out, inside) if index == 0 else (inside, out)

    def _follow(
        self,
        state: Records,
        index: int,
        fixes: Location,
        wrong: Flag,
        accuracy_m: Float,
        outside_m: Float,
        zone: NDArray[np.intp],
    ) -> list[Finding]:
        """Take decisive fixes (n,), wrong or right, through one rule; `state` is the caller's own and is written."""
        segments = Segments.of(fixes.row)
        began_ms = since_ms(segments, wrong, fixes.time_ms, state["since_ms"][:, index])
        count = _run_length(segments, wrong, state["fixes"][:, index])
        certain = wrong & (count >= self._settings.fixes)
        alarms = switch(segments, certain, ~wrong, began_ms, state["active"][:, index], state["onset_ms"][:, index])
        last = segments.last
        rows = fixes.row[last]
        state["since_ms"][rows, index] = began_ms[last]
        state["fixes"][rows, index] = count[last]
        state["active"][rows, index] = alarms.active[last]
        state["onset_ms"][rows, index] = alarms.onset_ms[last]
        return [
            self._finding(
                _CAUSES[index],
                Change.BEGAN if alarms.began[i] else Change.ENDED,
                int(alarms.onset_ms[i]),
                fixes.take(np.array([i])),
                float(accuracy_m[i]),
                float(outside_m[i]),
                int(zone[i]),
            )
            for i in np.flatnonzero(alarms.began | alarms.ended)
        ]

    def _finding(
        self, cause: str, change: Change, onset_ms: int, fix: Location, accuracy_m: float, away_m: float, zone: int
    ) -> Finding:
        return Finding(
            row=int(fix.row[0]),
            condition=Condition.GEOFENCE,
            cause=cause,
            change=change,
            priority=Priority.HIGH,
            onset_ms=onset_ms,
            found_ms=int(fix.time_ms[0]),
            evidence=(
                ("zone", self._zones.zones[zone].zone),
                ("distance_m", round(away_m, 1)),
                ("lat_deg", float(fix.lat_deg[0])),
                ("lon_deg", float(fix.lon_deg[0])),
                ("accuracy_m", accuracy_m),
            ),
        )


def _run_length(segments: Segments, holds: Flag, carried: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many readings in a row (n,) held, counting the `carried` ones of before the batch; at most a million."""
    began = segments.run_start(holds)
    length = np.arange(len(holds)) - began + 1 + np.where(began == segments.start, carried[segments.group], 0)
    return np.where(holds, np.minimum(length, 1_000_000), 0)
