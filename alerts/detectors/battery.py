"""Batteries: when one is low, and for how long it will last if it goes on as in the last hours."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.segments import NEVER, Int, Segments, in_order, switch
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.readings import Location, Status, Vitals

#: So many hours are looked back on.
_HOURS: Final = 12
#: Levels are kept in half per cent, 0 to 200.
_PER_PCT: Final = 2
_NONE: Final = 255
#: A level so much above the one before was charged, and what was before says nothing of what follows.
_CHARGED_PCT: Final = 2
#: A forecast needs so many hours with a level, the first so long before the last.
_LEVELS_LEAST: Final = 3
_SPAN_LEAST_H: Final = 2
_HOUR_MS: Final = 3_600_000

#: Fields of a record of state.
FIELDS: Final[tuple[tuple[Any, ...], ...]] = (
    ("battery_ms", "<i8"),
    ("battery_onset_ms", "<i8"),
    ("battery_pct", "<f4"),  # the latest
    ("battery_hour", "<i4"),  # of the latest of the levels,
    ("battery_levels", "u1", (_HOURS,)),  # each the first one of an hour, at the hour's place
    ("battery_low", "?"),
)


def begin(state: Records) -> None:
    """Write that nothing is known of any battery yet."""
    state["battery_ms"] = state["battery_onset_ms"] = state["battery_hour"] = NEVER
    state["battery_pct"] = np.nan
    state["battery_levels"] = _NONE


def follow(state: Records, readings: Vitals | Location | Status, params: Records) -> list[Finding]:
    """Take levels in; `state` is the caller's own and is written."""
    told = np.flatnonzero(np.isfinite(readings.battery_pct))
    if not len(told):
        return []
    told = told[in_order(readings.row[told], readings.time_ms[told], state["battery_ms"])]
    if not len(told):
        return []
    row, time_ms, battery_pct = readings.row[told], readings.time_ms[told], readings.battery_pct[told]
    charging: NDArray[np.bool_] = (
        readings.charging[told] == 1 if isinstance(readings, Status) else np.zeros(len(told), dtype=np.bool_)
    )
    # A row's last reading is written last.
    state["battery_ms"][row] = time_ms
    state["battery_pct"][row] = battery_pct
    findings: list[Finding] = []
    low = (battery_pct <= params["battery_low_pct"][row]) & ~charging
    if low.any() or state["battery_low"].any():
        findings = _switched(state, params, row, time_ms, battery_pct, low, charging)
    _keep(state["battery_levels"], state["battery_hour"], row, time_ms, battery_pct)
    return findings


def _switched(
    state: Records,
    params: Records,
    row: NDArray[np.int32],
    time_ms: Int,
    battery_pct: NDArray[np.float64],
    low: NDArray[np.bool_],
    charging: NDArray[np.bool_],
) -> list[Finding]:
    well = (battery_pct >= params["battery_clear_pct"][row]) | charging
    segments = Segments.of(row)
    alarms = switch(segments, low, well, time_ms, state["battery_low"], state["battery_onset_ms"])
    last = segments.last
    state["battery_low"][row[last]] = alarms.active[last]
    state["battery_onset_ms"][row[last]] = alarms.onset_ms[last]
    findings = []
    for i in np.flatnonzero(alarms.began | alarms.ended).tolist():
        began = bool(alarms.began[i])
        limit = params["battery_low_pct" if began else "battery_clear_pct"][row[i]]
        evidence: Evidence = (("battery_pct", float(battery_pct[i])), ("limit_pct", float(limit)))
        if began:
            until = slice(int(segments.start[i]), i + 1)
            evidence += _forecast(state[row[i] : row[i] + 1], time_ms[until], battery_pct[until])
        findings.append(
            Finding(
                row=int(row[i]),
                condition=Condition.DEVICE,
                cause="battery_low",
                change=Change.BEGAN if began else Change.ENDED,
                priority=Priority.LOW,
                onset_ms=int(alarms.onset_ms[i]),
                found_ms=int(time_ms[i]),
                evidence=evidence,
            )
        )
    return findings


def _keep(
    levels: NDArray[np.uint8], hours: NDArray[np.int32], row: NDArray[Any], time_ms: Int, battery_pct: NDArray[Any]
) -> None:
    """Write the first level of each hour that is later than the latest of `hours` (k,) into `levels` (k, hours)."""
    hour = (time_ms // _HOUR_MS).astype(np.int32)
    at = np.flatnonzero(hour > hours[row])
    if not len(at):
        return
    first = np.ones(len(at), dtype=np.bool_)
    first[1:] = (row[at[1:]] != row[at[:-1]]) | (hour[at[1:]] != hour[at[:-1]])
    at = at[first]
    level = np.clip(np.rint(battery_pct[at] * _PER_PCT), 0, 100 * _PER_PCT).astype(np.uint8)
    row, hour = row[at], hour[at]
    # One turn for every hour that a row has in this batch: one, and more only when a backlog of hours comes.
    for turn in Segments.of(row).turns():
        rows, now = row[turn], hour[turn]
        before = levels[rows, hours[rows] % _HOURS]
        charged = (before != _NONE) & (level[turn] > before.astype(np.int16) + _CHARGED_PCT * _PER_PCT)
        age_h = (now[:, np.newaxis] - np.arange(_HOURS)) % _HOURS
        kept = levels[rows]
        kept[(age_h < (now - hours[rows])[:, np.newaxis]) | charged[:, np.newaxis]] = _NONE
        kept[np.arange(len(rows)), now % _HOURS] = level[turn]
        levels[rows], hours[rows] = kept, now


def _forecast(known: Records, time_ms: Int, battery_pct: NDArray[np.float64]) -> Evidence:
    """For how long one battery lasts, by what is `known` (1,) of it and its readings since, the last the present one.

    The slope is the median of those between all pairs of levels (Theil 1950; Sen 1968, J. Am. Stat. Assoc. 63:1379),
    which a level that is far off does not move. Empty where too little is known, or where it does not fall.
    """
    levels, hours = known["battery_levels"].copy(), known["battery_hour"].copy()
    _keep(levels, hours, np.zeros(len(time_ms), dtype=np.int32), time_ms, battery_pct)
    age_h = (int(hours[0]) - np.arange(_HOURS)) % _HOURS
    there = np.flatnonzero(levels[0] != _NONE)
    if len(there) < _LEVELS_LEAST or np.ptp(age_h[there]) < _SPAN_LEAST_H:
        return ()
    one, other = np.triu_indices(len(there), 1)
    level, age = levels[0, there].astype(np.float64) / _PER_PCT, age_h[there]
    pct_per_h = float(np.median((level[one] - level[other]) / (age[one] - age[other])))
    return (("battery_left_h", round(float(battery_pct[-1]) / pct_per_h, 1)),) if pct_per_h > 0 else ()
