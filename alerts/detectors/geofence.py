"""Leaving a safe zone, entering a forbidden one: decided from evidence, not from the crossing of a line."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.evidence import PER_NAT, SIGMAS_OF_68, added_up, beyond_edge
from alerts.detectors.fence_findings import CAUSES, Seen, crossed, last_seen, unheard
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Index, Int, Segments, in_order, since_ms, switch
from alerts.detectors.zones import Zone, ZoneTable
from alerts.findings import Change, Finding
from ingest.contract import Kind, PositionSource
from ingest.coordinates import metres_per_degree
from ingest.readings import SOURCES, AnyReadings, Location

__all__ = ["Geofence", "GeofenceSettings", "Zone", "ZoneTable"]

Float = NDArray[np.float64]
Flag = NDArray[np.bool_]
Places = slice | Index

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
    floor_nat: float = 0.5
    gnss_nat: float = 2.5
    other_nat: float = 1.5
    coarse_nat: float = 0.75
    coarse_m: float = 100.0
    mast_m: float = 2000.0
    said_s: float = 5.0
    unsaid_s: float = 30.0
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
        # A first fix says no more than one of many that follow closely.
        state["passed_ms"] = round(self._settings.said_s * 500.0)
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
        usable = np.isfinite(readings.lat_deg + readings.lon_deg)
        usable &= params["zones"][readings.row] >= 0
        fixes = readings if usable.all() else readings.take(usable)
        index = in_order(fixes.row, fixes.time_ms, state["last_ms"])
        if not len(index):
            return state, []
        if len(index) != len(fixes) or (index[1:] < index[:-1]).any():
            fixes = fixes.take(index)
        segments = Segments.of(fixes.row)
        # One fix of every row, as live batches mostly are: columns are read and written whole.
        whole = segments.alone and len(fixes) == len(state)
        rows: Places = slice(None) if whole else segments.group[segments.last]
        last: Places = slice(None) if segments.alone else segments.last
        group: Places = slice(None) if whole else segments.group
        settings = self._settings

        said = np.isfinite(fixes.accuracy_m)
        accuracy_m, alike_s = fixes.accuracy_m, np.array(settings.said_s)
        if not said.all():
            accuracy_m = np.where(said, accuracy_m, self._accuracy_m[fixes.source])
            alike_s = np.where(said, settings.said_s, settings.unsaid_s)
        sigma_m = np.maximum(accuracy_m * (1.0 / SIGMAS_OF_68), _LEAST_SIGMA_M)
        coarse = (accuracy_m > settings.coarse_m) | (fixes.source == self._cell)
        some_coarse = bool(coarse.any())
        most_nat = self._most_nat[fixes.source]
        # Farther from the edge than this nothing more is to be known.
        reach_m = np.maximum(settings.margin_m + sigma_m * np.sqrt(2.0 * most_nat), settings.near_m)
        if some_coarse:
            most_nat = np.where(coarse, settings.coarse_nat, most_nat)
            reach_m += np.where(coarse, settings.mast_m, 0.0)
        passed_ms = fixes.time_ms - segments.before(fixes.time_ms, state["last_ms"])
        # After a silence longer than is usual for it a receiver begins anew, and its first fix is often far off.
        usual_ms = np.minimum(passed_ms, 2 * segments.before(passed_ms, state["passed_ms"]))
        share = np.minimum(usual_ms / (alike_s * 1000.0), 1.0)
        says_nothing, speed_m_s = self._jumps(state, segments, fixes, accuracy_m, coarse, passed_ms)
        share[says_nothing] = 0.0
        away_m, _ = self._zones.nearest(
            params["zones"][group], fixes.lat_deg, fixes.lon_deg, fixes.time_ms, reach_m, settings.utc_offset_min
        )

        findings: list[Finding] = []
        for rule in range(len(CAUSES)):  # two rules, not readings
            none = np.isnan(away_m[rule])
            if rule:
                if none.all() and not state["out"][:, rule].any():
                    continue
            else:
                none |= fixes.time_ms < params["outing_until_ms"][group]
            beyond_m = away_m[rule] - settings.margin_m if rule == 0 else -away_m[rule]
            if some_coarse:
                of_cell_m = np.copysign(np.maximum(np.abs(beyond_m) - settings.mast_m, 0.0), beyond_m)
                beyond_m = np.where(coarse, of_cell_m, beyond_m)
            if none.any():
                beyond_m = np.where(none, 0.0, beyond_m)
            nat = beyond_edge(beyond_m, sigma_m, most_nat)
            if rule:
                nat = np.where((beyond_m > 0) & ~coarse, np.maximum(nat, settings.inside_nat), nat)
            steps = (nat * (share * PER_NAT)).astype(np.int64)
            findings += self._follow(
                state, rule, segments, rows, last, fixes, steps, none, accuracy_m, speed_m_s, params
            )

        lost_ms = state["lost_ms"][rows]
        if (lost_ms != NEVER).any():
            for i in segments.last[lost_ms != NEVER].tolist():
                row = int(segments.group[i])
                near, known_ms = bool(state["lost_near"][row]), int(state["last_ms"][row])
                findings.append(unheard(row, Change.ENDED, near, known_ms, int(fixes.time_ms[i])))
            state["lost_ms"][rows] = NEVER
        for field, values in (
            ("last_ms", fixes.time_ms),
            ("passed_ms", passed_ms),
            ("heard_ms", fixes.received_ms),
            ("lat_deg", fixes.lat_deg),
            ("lon_deg", fixes.lon_deg),
            ("accuracy_m", accuracy_m),
            ("speed_m_s", speed_m_s),
            ("battery_pct", fixes.battery_pct),
            ("near_m", away_m[0]),
            ("source", fixes.source),
        ):
            state[field][rows] = values[last]
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
            findings.append(self._crossed(rule, Change.BEGAN, onset_ms, last_seen(state, row), params))
        for row in np.flatnonzero(lost).tolist():
            moving = state["speed_m_s"][row] >= settings.moving_m_s
            near = bool(state["evidence"][row, 0] > 0 or (moving and state["near_m"][row] >= -settings.near_m))
            state["lost_ms"][row], state["lost_near"][row] = now_ms, near
            seen = last_seen(state, row)
            silence = (("unheard_s", round(float(quiet_ms[row]) / 1000.0)), ("limit_s", settings.unknown_s))
            findings.append(unheard(row, Change.BEGAN, near, seen.time_ms, now_ms, seen.evidence + silence))
        return state, findings

    def _jumps(
        self, state: Records, segments: Segments, fixes: Location, accuracy_m: Float, coarse: Flag, passed_ms: Int
    ) -> tuple[Flag, Float]:
        """Which fixes (n,) say nothing, as a jump or as the same cell again; and the speeds."""
        north_m, east_m = metres_per_degree(fixes.lat_deg)
        north = (fixes.lat_deg - segments.before(fixes.lat_deg, state["lat_deg"])) * north_m
        east = (fixes.lon_deg - segments.before(fixes.lon_deg, state["lon_deg"])) * east_m
        moved_m = np.sqrt(north * north + east * east)
        passed_s = np.maximum(passed_ms, 1000) * 0.001
        certain_m = moved_m - accuracy_m - segments.before(accuracy_m, state["accuracy_m"])
        speed_m_s = certain_m / passed_s  # NaN before the first fix: no jump
        nothing = speed_m_s > self._settings.fastest_m_s
        speed_m_s = np.maximum(speed_m_s, 0.0)
        if nothing.any():
            speed_m_s[nothing] = np.nan
        speed_m_s = np.where(np.isfinite(fixes.speed_m_s), fixes.speed_m_s, speed_m_s)
        if coarse.any():
            again = fixes.source == segments.before(fixes.source, state["source"])
            nothing |= coarse & (fixes.source != self._gnss) & (moved_m < 1.0) & again
        return nothing, speed_m_s

    def _follow(
        self,
        state: Records,
        rule: int,
        segments: Segments,
        rows: Places,
        last: Places,
        fixes: Location,
        steps: Int,
        restart: Flag,
        accuracy_m: Float,
        speed_m_s: Float,
        params: Records,
    ) -> list[Finding]:
        """Take fixes (n,) through one rule; `state` is the caller's own and is written at `rows`."""
        settings = self._settings
        low, high = self._bounds
        evidence = added_up(segments, steps, restart, low, high, state["evidence"][:, rule])
        leaning = evidence > 0
        outside = state["out"][:, rule]
        if not (leaning.any() or outside.any() or (state["since_ms"][:, rule] != NEVER).any()):
            state["evidence"][rows, rule] = evidence[last]  # nobody is near an edge, as nearly always
            return []
        since = since_ms(segments, leaning, fixes.time_ms, state["since_ms"][:, rule])
        certain = evidence >= round(settings.raise_nat * PER_NAT)
        out = switch(segments, certain, ~leaning, since, outside, state["onset_ms"][:, rule])
        live = fixes.received_ms - fixes.time_ms <= settings.live_s * 1000.0
        rung = switch(
            segments, out.active & live, ~out.active, out.onset_ms, state["rung"][:, rule], state["onset_ms"][:, rule]
        )
        follow_ms = round(settings.follow_s * 1000.0)
        told_ms = segments.before(fixes.time_ms, state["last_ms"])
        moved_on = rung.active & ~rung.began & live & (fixes.time_ms // follow_ms != told_ms // follow_ms)
        state["evidence"][rows, rule] = evidence[last]
        state["since_ms"][rows, rule] = since[last]
        state["out"][rows, rule] = out.active[last]
        state["rung"][rows, rule] = rung.active[last]
        state["onset_ms"][rows, rule] = out.onset_ms[last]
        findings = []
        for i in np.flatnonzero(rung.began | rung.ended | moved_on).tolist():
            change = Change.BEGAN if rung.began[i] else Change.ENDED if rung.ended[i] else Change.WITNESSED
            seen = Seen(
                int(segments.group[i]),
                int(fixes.time_ms[i]),
                float(fixes.lat_deg[i]),
                float(fixes.lon_deg[i]),
                float(accuracy_m[i]),
                float(speed_m_s[i]),
                float(fixes.battery_pct[i]),
            )
            findings.append(self._crossed(rule, change, int(out.onset_ms[i]), seen, params))
        return findings

    def _crossed(self, rule: int, change: Change, onset_ms: int, seen: Seen, params: Records) -> Finding:
        of = int(params["zones"][seen.row])
        return crossed(rule, change, onset_ms, seen, self._zones, of, self._settings.utc_offset_min)
