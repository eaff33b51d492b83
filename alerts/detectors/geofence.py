"""Leaving a safe zone, entering a forbidden one: decided from evidence, not from the crossing of a line."""

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.evidence import PER_NAT, SIGMAS_OF_68, added_up, beyond_edge
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Int, Segments, in_order, since_ms, switch
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind, PositionSource
from ingest.coordinates import metres_per_degree
from ingest.readings import SOURCES, AnyReadings, Location

__all__ = ["Geofence", "GeofenceSettings", "Zone", "ZoneTable"]

Float = NDArray[np.float64]
Flag = NDArray[np.bool_]

_CAUSES: Final = ("left_safe_zone", "entered_forbidden_zone")
_LOST, _UNKNOWN = "lost_near_edge", "position_unknown"
_NO_SOURCE: Final = -1
#: A fix as certain as a stone: evidence stays finite.
_LEAST_SIGMA_M: Final = 1.0


@dataclass(frozen=True, slots=True)
class GeofenceSettings:
    """How certain is certain. Evidence is in nats: 3 are odds of 20 to 1. Where no source stands the number is ours.

    `margin_m`: people walk along fences, and fences are drawn by hand: this far outside is still the edge; none for
    forbidden zones, as a pond has no margin.
    `raise_nat`, `ceiling_nat`, `floor_nat`: evidence of being outside at which it is an alarm, and the most that is
    kept for and against; at 0 somebody is back for certain.
    `gnss_nat`, `other_nat`, `coarse_nat`: the most that one fix can say, by its source: satellites; Wi-Fi or not named;
    a mobile cell or any fix worse than `coarse_m`. So at least two fixes decide, and of cells five different ones.
    `mast_m`: a cell's place is that of its mast, or of the middle of where it is heard: so far off it says nothing.
    `said_s`, `unsaid_s`: errors of fixes soon after one another are alike, so that together they say no more than one
    in this time; `unsaid_s` where no accuracy is given: reflections between houses last for half a minute.
    `inside_nat`: the least that a fix inside a forbidden zone says, if it is no coarse one: a pond is smaller than the
    error of a fix.
    `gnss_m`, `wifi_m`, `lbs_m`: accuracy taken where a fix brings none, by source (usual figures of open sky, indoor
    Wi-Fi and a mobile cell); `unknown_m` where it does not name its source either.
    `fastest_m_s`: a fix that would need more than this, beyond both accuracies, is a jump and says nothing (180 km/h).
    `live_s`: a fix older than this came late: what it says of now is not known until no more has come for `settle_s`.
    `follow_s`: how often an open alarm is told where the person is.
    `unknown_s`: without a usable fix for so long it is not known where somebody is.
    `near_m`, `moving_m_s`: if they were last seen within this of the edge and moving, it is known well enough.
    `utc_offset_min`: the local clock's minutes before UTC, for zones with hours; 480 is China's one time zone.
    """

    margin_m: float = 10.0
    raise_nat: float = 3.0
    ceiling_nat: float = 4.0
    floor_nat: float = 1.5
    gnss_nat: float = 2.5
    other_nat: float = 1.5
    coarse_nat: float = 0.75
    coarse_m: float = 100.0
    mast_m: float = 2000.0
    said_s: float = 5.0
    unsaid_s: float = 25.0
    inside_nat: float = 0.75
    gnss_m: float = 15.0
    wifi_m: float = 50.0
    lbs_m: float = 1000.0
    unknown_m: float = 100.0
    fastest_m_s: float = 50.0
    live_s: float = 300.0
    settle_s: float = 15.0
    follow_s: float = 30.0
    unknown_s: float = 1800.0
    near_m: float = 30.0
    moving_m_s: float = 0.5
    utc_offset_min: int = 480


class _Place(NamedTuple):
    """Where and how somebody was last seen, as told with an alarm."""

    row: int
    time_ms: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float
    speed_m_s: float
    battery_pct: float


class Geofence:
    """Whether each person is outside all their safe zones, or inside a forbidden one, from evidence summed over fixes.

    Each fix says as much as its accuracy and its distance from the edge allow (see `evidence`); a wild fix, a cell
    that is the same as before, or a jump nobody can make decides nothing. Being found outside is enough, without
    ever having been inside. Somebody with several safe zones is safe in any of them. An open alarm is told every
    `follow_s` where the person is, and ends when they are back for certain. What a late backlog says rings only if it
    is still so when the backlog has ended. Without a usable fix for long it is unknown where somebody is, never
    "inside". Needs `lat`, `lon`; `acc`, `src`, `speed` and `bat` if there are.
    Misses: whoever leaves and comes back between fixes; who stays within margin and accuracy of the edge.
    """

    name: ClassVar[str] = "geofence"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.LOCATION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("passed_ms", "<i8"),  # between the last two fixes
            ("heard_ms", "<i8"),  # when the last usable fix was received
            ("lat_deg", "<f8"),
            ("lon_deg", "<f8"),
            ("accuracy_m", "<f8"),
            ("speed_m_s", "<f8"),
            ("battery_pct", "<f8"),
            ("near_m", "<f8"),  # how far outside the safe zones the last fix was
            ("evidence", "<i8", (2,)),
            ("since_ms", "<i8", (2,)),  # since when there is more evidence for than against
            ("onset_ms", "<i8", (2,)),
            ("lost_ms", "<i8"),  # since when it has been told that the place is unknown
            ("source", "i1"),
            ("out", "?", (2,)),  # what the evidence says
            ("rung", "?", (2,)),  # what was told of it
            ("lost_near", "?"),
            ("spare", "i1", (2,)),  # whole words a record
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("zones", "<i4"), ("outing_until_ms", "<i8")])
    tick_s: ClassVar[float | None] = 5.0
    by_resident: ClassVar[bool] = False

    def __init__(self, zones: ZoneTable, settings: GeofenceSettings | None = None) -> None:
        self._zones = zones
        self._settings = settings = settings or GeofenceSettings()
        by_source = {
            PositionSource.GNSS: (settings.gnss_m, settings.gnss_nat),
            PositionSource.WIFI: (settings.wifi_m, settings.other_nat),
            PositionSource.LBS: (settings.lbs_m, settings.coarse_nat),
        }
        # Code -1, no source, finds the last entry.
        of_source = [*(by_source[source] for source in SOURCES), (settings.unknown_m, settings.other_nat)]
        self._accuracy_m, self._most_nat = np.array(of_source).T
        self._gnss, self._cell = SOURCES.index(PositionSource.GNSS), SOURCES.index(PositionSource.LBS)
        self._bounds = tuple(round(nat * PER_NAT) for nat in (-settings.floor_nat, settings.ceiling_nat))

    def initial(self, count: int) -> Records:
        """People of whom no fix is known."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "heard_ms", "since_ms", "onset_ms", "lost_ms"):
            state[field] = NEVER
        for field in ("lat_deg", "lon_deg", "accuracy_m", "speed_m_s", "battery_pct", "near_m"):
            state[field] = np.nan
        state["source"] = _NO_SOURCE
        state["evidence"] = self._bounds[0]
        state["passed_ms"] = np.iinfo(np.int64).max // 4
        return state

    def defaults(self, count: int) -> Records:
        """Which set of zones each directory row has, and until when the person is out in company (0: is not)."""
        params = np.zeros(count, dtype=self.params_dtype)
        params["zones"] = self._zones.sets(count)
        outings = {row: until_ms for row, until_ms in self._zones.outings.items() if row < count}
        params["outing_until_ms"][list(outings)] = list(outings.values())
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take fixes in; see the class."""
        assert isinstance(readings, Location)
        state = copied(state)
        usable = np.isfinite(readings.lat_deg + readings.lon_deg) & (params["zones"][readings.row] >= 0)
        fixes = readings if usable.all() else readings.take(usable)
        index = in_order(fixes.row, fixes.time_ms, state["last_ms"])
        if not len(index):
            return state, []
        fixes = fixes.take(index)
        segments = Segments.of(fixes.row)
        group, last = segments.group, segments.last
        settings = self._settings
        said = np.isfinite(fixes.accuracy_m)
        accuracy_m = np.where(said, fixes.accuracy_m, self._accuracy_m[fixes.source])
        sigma_m = np.maximum(accuracy_m / SIGMAS_OF_68, _LEAST_SIGMA_M)
        coarse = (accuracy_m > settings.coarse_m) | (fixes.source == self._cell)
        passed_ms = fixes.time_ms - segments.before(fixes.time_ms, state["last_ms"])
        # After a silence longer than is usual for it a receiver begins anew, and its first fix is often far off.
        usual_ms = np.minimum(passed_ms, 2 * segments.before(passed_ms, state["passed_ms"]))
        share = np.minimum(usual_ms / np.where(said, settings.said_s * 1000.0, settings.unsaid_s * 1000.0), 1.0)
        most_nat = np.where(coarse, settings.coarse_nat, self._most_nat[fixes.source])
        says_nothing, speed_m_s = self._jumps(state, segments, fixes, accuracy_m, coarse)
        reach_m = settings.margin_m + sigma_m * np.sqrt(2.0 * most_nat) + np.where(coarse, settings.mast_m, 0.0)
        away_m, _ = self._zones.nearest(
            params["zones"][group].astype(np.intp),
            fixes.lat_deg,
            fixes.lon_deg,
            fixes.time_ms,
            reach_m,
            settings.utc_offset_min,
        )

        findings: list[Finding] = []
        for rule in range(len(_CAUSES)):  # two rules, not readings
            applies = ~np.isnan(away_m[rule])
            if not rule:
                applies &= fixes.time_ms >= params["outing_until_ms"][group]
            elif not applies.any() and not state["out"][:, rule].any():
                continue
            steps = self._steps(rule, np.where(applies, away_m[rule], 0.0), sigma_m, most_nat, coarse, share)
            steps[says_nothing] = 0
            findings += self._follow(state, rule, segments, fixes, steps, ~applies, accuracy_m, speed_m_s, params)

        found_again = np.flatnonzero(state["lost_ms"][group[last]] != NEVER)
        findings += [self._found_again(state, int(group[i]), int(fixes.time_ms[i])) for i in last[found_again]]
        rows = group[last]
        state["lost_ms"][rows] = NEVER
        state["last_ms"][rows] = fixes.time_ms[last]
        state["passed_ms"][rows] = passed_ms[last]
        state["heard_ms"][rows] = fixes.received_ms[last]
        state["lat_deg"][rows] = fixes.lat_deg[last]
        state["lon_deg"][rows] = fixes.lon_deg[last]
        state["accuracy_m"][rows] = accuracy_m[last]
        state["speed_m_s"][rows] = speed_m_s[last]
        state["battery_pct"][rows] = fixes.battery_pct[last]
        state["near_m"][rows] = away_m[0, last]
        state["source"][rows] = fixes.source[last]
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Tell what late backlogs said once they have ended, and of whom it is not known where they are."""
        settings = self._settings
        quiet_ms = np.where(state["heard_ms"] == NEVER, 0, now_ms - state["heard_ms"])
        settled = quiet_ms >= settings.settle_s * 1000.0
        held = state["out"] & ~state["rung"] & settled[:, np.newaxis]
        lost = (quiet_ms >= settings.unknown_s * 1000.0) & (state["lost_ms"] == NEVER) & (params["zones"] >= 0)
        lost &= ~np.isnan(state["near_m"])  # somebody who has no safe zone now has nothing to be lost from
        if not (held.any() or lost.any()):
            return state, []
        state = copied(state)
        findings: list[Finding] = []
        # Row by row: of a fleet only those whose backlog ended or whose locator fell silent within these seconds.
        for row, rule in np.argwhere(held).tolist():
            state["rung"][row, rule] = True
            onset_ms = int(state["onset_ms"][row, rule])
            findings.append(self._finding(rule, Change.BEGAN, onset_ms, _last(state, row), params))
        for row in np.flatnonzero(lost).tolist():
            moving = state["speed_m_s"][row] >= settings.moving_m_s
            near = bool(state["evidence"][row, 0] > 0 or (moving and state["near_m"][row] >= -settings.near_m))
            state["lost_ms"][row], state["lost_near"][row] = now_ms, near
            place = _last(state, row)
            findings.append(
                Finding(
                    row=row,
                    condition=Condition.GEOFENCE,
                    cause=_LOST if near else _UNKNOWN,
                    change=Change.BEGAN,
                    priority=Priority.MEDIUM if near else Priority.LOW,
                    onset_ms=place.time_ms,
                    found_ms=now_ms,
                    evidence=(
                        *_evidence(place),
                        ("unheard_s", round(float(quiet_ms[row]) / 1000.0)),
                        ("limit_s", settings.unknown_s),
                    ),
                )
            )
        return state, findings

    def _jumps(
        self, state: Records, segments: Segments, fixes: Location, accuracy_m: Float, coarse: Flag
    ) -> tuple[Flag, Float]:
        """Which fixes (n,) say nothing, as a jump or as the same cell again; and the speeds."""
        north_m, east_m = metres_per_degree(fixes.lat_deg)
        north = (fixes.lat_deg - segments.before(fixes.lat_deg, state["lat_deg"])) * north_m
        east = (fixes.lon_deg - segments.before(fixes.lon_deg, state["lon_deg"])) * east_m
        moved_m = np.hypot(north, east)
        passed_s = np.maximum(fixes.time_ms - segments.before(fixes.time_ms, state["last_ms"]), 1000.0) / 1000.0
        certain_m = moved_m - accuracy_m - segments.before(accuracy_m, state["accuracy_m"])
        jump = certain_m > self._settings.fastest_m_s * passed_s  # NaN before the first fix: no jump
        same = (
            coarse
            & (fixes.source != self._gnss)
            & (moved_m < 1.0)
            & (fixes.source == segments.before(fixes.source, state["source"]))
        )
        own = np.maximum(certain_m, 0.0) / passed_s
        speed_m_s = np.where(np.isfinite(fixes.speed_m_s), fixes.speed_m_s, np.where(jump, np.nan, own))
        return jump | same, speed_m_s

    def _steps(self, rule: int, away_m: Float, sigma_m: Float, most_nat: Float, coarse: Flag, share: Float) -> Int:
        """What each fix (n,) says for the rule being broken."""
        settings = self._settings
        beyond_m = away_m - settings.margin_m if rule == 0 else -away_m
        if coarse.any():
            mast_m = np.copysign(np.maximum(np.abs(beyond_m) - settings.mast_m, 0.0), beyond_m)
            beyond_m = np.where(coarse, mast_m, beyond_m)
        nat = beyond_edge(beyond_m, sigma_m, most_nat)
        if rule:
            nat = np.where((away_m < 0) & ~coarse, np.maximum(nat, settings.inside_nat), nat)
        return (nat * share * PER_NAT).astype(np.int64)

    def _follow(
        self,
        state: Records,
        rule: int,
        segments: Segments,
        fixes: Location,
        steps: Int,
        restart: Flag,
        accuracy_m: Float,
        speed_m_s: Float,
        params: Records,
    ) -> list[Finding]:
        """Take fixes (n,) through one rule; `state` is the caller's own and is written."""
        settings = self._settings
        low, high = self._bounds
        group, last = segments.group, segments.last
        evidence = added_up(segments, steps, restart, low, high, state["evidence"][:, rule])
        leaning = evidence > 0
        since = since_ms(segments, leaning, fixes.time_ms, state["since_ms"][:, rule])
        certain = evidence >= round(settings.raise_nat * PER_NAT)
        out = switch(segments, certain, ~leaning, since, state["out"][:, rule], state["onset_ms"][:, rule])
        live = fixes.received_ms - fixes.time_ms <= settings.live_s * 1000.0
        rung = switch(
            segments, out.active & live, ~out.active, out.onset_ms, state["rung"][:, rule], state["onset_ms"][:, rule]
        )
        period = fixes.time_ms // round(settings.follow_s * 1000.0)
        told = np.where(
            segments.first, state["last_ms"][group] // round(settings.follow_s * 1000.0), np.roll(period, 1)
        )
        moved_on = rung.active & ~rung.began & live & (period != told)
        rows = group[last]
        state["evidence"][rows, rule] = evidence[last]
        state["since_ms"][rows, rule] = since[last]
        state["out"][rows, rule] = out.active[last]
        state["rung"][rows, rule] = rung.active[last]
        state["onset_ms"][rows, rule] = out.onset_ms[last]
        findings = []
        for i in np.flatnonzero(rung.began | rung.ended | moved_on).tolist():
            change = Change.BEGAN if rung.began[i] else Change.ENDED if rung.ended[i] else Change.WITNESSED
            place = _Place(
                int(group[i]),
                int(fixes.time_ms[i]),
                float(fixes.lat_deg[i]),
                float(fixes.lon_deg[i]),
                float(accuracy_m[i]),
                float(speed_m_s[i]),
                float(fixes.battery_pct[i]),
            )
            findings.append(self._finding(rule, change, int(out.onset_ms[i]), place, params))
        return findings

    def _finding(self, rule: int, change: Change, onset_ms: int, place: _Place, params: Records) -> Finding:
        at = np.array([place.lat_deg]), np.array([place.lon_deg])
        of = params["zones"][[place.row]].astype(np.intp)
        far_m = np.array([1e7])  # the whole earth: here the distance itself is told
        away_m, zone = self._zones.nearest(of, *at, np.array([place.time_ms]), far_m, self._settings.utc_offset_min)
        nearest = int(zone[rule, 0])
        where: Evidence = ()
        if nearest >= 0:
            where = (
                ("zone", self._zones.zones[nearest].zone),
                ("distance_m", round(float(away_m[rule, 0]), 1)),
                ("direction", self._zones.direction(nearest, place.lat_deg, place.lon_deg)),
            )
        return Finding(
            row=place.row,
            condition=Condition.GEOFENCE,
            cause=_CAUSES[rule],
            change=change,
            priority=Priority.HIGH,
            onset_ms=onset_ms,
            found_ms=place.time_ms,
            evidence=where + _evidence(place),
        )

    def _found_again(self, state: Records, row: int, time_ms: int) -> Finding:
        near = bool(state["lost_near"][row])
        return Finding(
            row=row,
            condition=Condition.GEOFENCE,
            cause=_LOST if near else _UNKNOWN,
            change=Change.ENDED,
            priority=Priority.MEDIUM if near else Priority.LOW,
            onset_ms=int(state["last_ms"][row]),
            found_ms=time_ms,
        )


def _last(state: Records, row: int) -> _Place:
    """The last fix of a row."""
    record = state[row]
    numbers = ("lat_deg", "lon_deg", "accuracy_m", "speed_m_s", "battery_pct")
    return _Place(row, int(record["last_ms"]), *(float(record[name]) for name in numbers))


def _evidence(place: _Place) -> Evidence:
    known = {
        "lat_deg": place.lat_deg,
        "lon_deg": place.lon_deg,
        "accuracy_m": round(place.accuracy_m, 1),
        "speed_m_s": round(place.speed_m_s, 1),
        "battery_pct": place.battery_pct,
    }
    return (*((name, value) for name, value in known.items() if np.isfinite(value)), ("fix_ms", place.time_ms))
