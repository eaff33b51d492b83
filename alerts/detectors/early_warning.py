"""An early-warning score of which some inputs are missing: raised by the least it can be, ended by what is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.medical import Medical
from alerts.detectors.news2 import NOT_KNOWN, sure_points, way_of
from alerts.detectors.rowwise import copied, each
from alerts.detectors.scored import Input, Score, scored
from alerts.detectors.segments import NEVER, Segments, spans_ms, switch
from alerts.detectors.signs import SIGNS
from alerts.detectors.sources import (
    BRACELET_SLOTS,
    CHARTED,
    MAT_SLOTS,
    SLOTS,
    TIME_SHIFT,
    counting,
    mat_counts,
    packed,
    slots_of,
)
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

Int = NDArray[np.int64]

_LEVELS: Final = (Priority.MEDIUM, Priority.HIGH)
_OXYGEN_POINTS: Final = {None: NOT_KNOWN, "air": 0, "oxygen": 2}


@dataclass(frozen=True, slots=True)
class EarlyWarningSettings:
    """When the early-warning score calls somebody.

    `medium_at`, `high_at`: totals of 5 and 7 ask for an urgent assessment and for an emergency one (Royal College of
    Physicians, NEWS2, 2017, charts 2 and 4). A single sign worth three points is the business of its own limit.
    `clear_at`: it ends at or under this total; 3 lies inside the band of low risk, one point more than the next
    lower total, so that a sign wavering by one point does not make it ring again (our choice).
    `delay_s`: the total must hold so long, since two signs that are off at once are often one arm that moved (our
    choice; a reading a minute means the second reading).
    `…_expires_s`: how long a sign counts. 15 min for what devices measure all the time, the silence alarm's 10 min and
    a report more; 1 h for temperature, which changes slowly; 6 h for pressure, which is measured now and then: the
    longest that chart 4 lets pass between two sets of observations at 1 to 4 points (our choices).
    `better_s`: of bracelet and mat the one of the better quality counts, as long as the other did not measure so much
    later: two reports of devices that report each minute (our choice). Who has left the bed is not judged by the mat.
    `quality_min`: readings whose own quality is known and lower than this (0–1) are not used (our choice).
    """

    medium_at: int = 5
    high_at: int = 7
    clear_at: int = 3
    delay_s: float = 60.0
    heart_rate_expires_s: float = 900.0
    spo2_expires_s: float = 900.0
    respiration_expires_s: float = 900.0
    temperature_expires_s: float = 3_600.0
    systolic_expires_s: float = 21_600.0
    better_s: float = 120.0
    quality_min: float = 0.5


class EarlyWarning:
    """The least total that the known signs of a resident make, over all their devices, against two levels.

    Each sign counts as last measured, by bracelet or mat, whichever says it measured better (see
    `alerts.detectors.sources`), until it expires; a reading of one device is not dropped because the clock of another
    is ahead, only because it measured the same later. A sign not known counts nothing, so it neither hides nor invents
    points. An expired sign does not end an alarm either: what counted when the total was last high goes on counting
    towards the end until it is measured again, for unknown is not better.
    Poor readings, a bracelet not worn and an empty mat are as if never sent.
    Misses: whoever is ill in a way that none of these signs shows; consciousness, which no device tells; a total that
    would be high if what is missing were known (the evidence says how high it may be).
    """

    name: ClassVar[str] = "early_warning"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            #: By slot the last measurement in one number, NEVER where there was none.
            ("seen", "<i8", (SLOTS,)),
            ("since_ms", "<i8", (2,)),
            ("onset_ms", "<i8", (2,)),
            ("held_ms", "<i8"),
            ("active", "?", (2,)),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("raise_at", "<i8", (2,)),
            ("clear_at", "<i8"),
            ("delay_ms", "<i8"),
            ("expires_ms", "<i8", (len(SIGNS),)),
            ("better_ms", "<i8"),
            ("quality_min", "<f8"),
            ("way", "<i8"),
            ("oxygen_points", "<i8"),
            ("oxygen_sure", "<i8"),
            #: Points of signs without which no level is reached.
            ("needed", "<i8"),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = True

    def __init__(self, settings: EarlyWarningSettings | None = None) -> None:
        self._settings = settings or EarlyWarningSettings()
        assert self._settings.clear_at < self._settings.medium_at <= self._settings.high_at

    def initial(self, count: int) -> Records:
        """Residents of whom nothing was measured yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("seen", "since_ms", "onset_ms", "held_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row: SpO2 on scale 1, nobody said what they breathe."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        params["raise_at"] = (settings.medium_at, settings.high_at)
        params["clear_at"] = settings.clear_at
        params["delay_ms"] = round(settings.delay_s * 1000)
        params["expires_ms"] = [
            round(1000 * getattr(settings, f"{name}_expires_s"))
            for name in ("heart_rate", "spo2", "respiration", "temperature", "systolic")
        ]
        params["better_ms"] = round(settings.better_s * 1000)
        params["quality_min"] = settings.quality_min
        params["way"] = way_of(None)
        params["oxygen_points"], params["oxygen_sure"], params["needed"] = NOT_KNOWN, 0, settings.medium_at
        return params

    def of_residents(self, medical: Sequence[Medical | None]) -> Records:
        """Parameters of rows whose residents have these settings; None: those of everybody."""
        params = self.defaults(len(medical))
        params["way"] = [way_of(one) for one in medical]
        params["oxygen_points"] = [_OXYGEN_POINTS[one.oxygen if one else None] for one in medical]
        params["oxygen_sure"] = np.maximum(params["oxygen_points"], 0)
        params["needed"] -= params["oxygen_sure"]
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        state = copied(state)
        row = readings.row
        if not len(row):
            return state, []
        slots = slots_of(readings)
        alone = each(row, len(state))
        if alone:  # no row has a moment between before, which was judged, and after
            news = packed(readings, params["quality_min"])
            after = state["seen"]  # a view: it is written, and what was news is no news then
            np.maximum(after[:, slots], news, out=after[:, slots])
            closer = _worst_total(sure_points(_chart_of(after), params["way"])) >= params["needed"]
        else:
            news = packed(readings, params["quality_min"][row])
            before = state["seen"][row]
            after = before.copy()
            np.maximum(after[:, slots], news, out=after[:, slots])
            closer = _may_reach(before, after, row, params)
        closer |= state["since_ms"][:, 0] != NEVER
        closer |= state["active"][:, 0]
        findings: list[Finding] = []
        at = (closer if alone else closer[row]).nonzero()[0]
        if len(at):
            if not alone:
                at = at[np.lexsort((readings.time_ms[at], row[at]))]
            findings = _follow(state, params, row[at], slots, news[at])
        if not alone:
            np.maximum.at(state["seen"], row, after)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing, and what it makes unknown is not better."""
        return state, []


def standing(state: Records, params: Records, now_ms: int) -> tuple[Score, Priority | None]:
    """The score of one resident as it stands, and the priority of the alarm it has raised.

    `state` and `params` (1,) are theirs. What has expired by `now_ms` is not known; a device whose clock is ahead makes
    nothing younger than 0.
    """
    seen = state["seen"][0]
    active = [level for level, is_active in zip(_LEVELS, state["active"][0], strict=True) if is_active]
    clock_ms = max(now_ms, int(seen.max()) >> TIME_SHIFT)
    return scored(seen, clock_ms, params[0]), active[-1] if active else None


def _chart_of(seen: Int) -> Int:
    # NEVER is all ones, and so is UNKNOWN.
    return seen & CHARTED


def _may_reach(before: Int, after: Int, row: NDArray[np.integer], params: Records) -> NDArray[np.bool_]:
    """Whether (k,) the total of a row may reach a level with what was known before and after each reading (n, 7).

    With nothing expired and everything at its worst, for mostly that is no level yet.
    """
    way = params["way"][row]
    worst = np.maximum(sure_points(_chart_of(before), way), sure_points(_chart_of(after), way))
    reach = np.zeros(len(params), dtype=np.int64)
    np.add.at(reach, row, _worst_total(worst))
    result: NDArray[np.bool_] = reach >= params["needed"]
    return result


def _worst_total(points: NDArray[np.int8]) -> NDArray[np.int8]:
    """Of points by slot (n, 7) their sum (n,), of a sign with two sources the more."""
    bracelet, mat = points[:, BRACELET_SLOTS], points[:, MAT_SLOTS]
    heart_rate, spo2, respiration, temperature, systolic = bracelet.T
    total: NDArray[np.int8] = np.maximum(heart_rate, mat[:, 0]) + np.maximum(respiration, mat[:, 1])
    total += spo2
    total += temperature
    total += systolic
    return total


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known at each of n moments: `seen` (n, 7), and of it what counts of each sign: `best` (n, 5).

    `clock_ms` (n,) is the moment; `fresh` (n, 5) says which signs have not expired, `fewest` (n, 5) are their points.
    """

    row: NDArray[np.integer]
    seen: Int
    best: Int
    clock_ms: Int
    fresh: NDArray[np.bool_]
    fewest: NDArray[np.int8]

    @classmethod
    def at(
        cls, segments: Segments, state: Records, params: Records, row: NDArray[np.integer], slots: slice, news: Int
    ) -> "_Known":
        """After each reading (n,), sorted by row and time; `news` is what each tells in `slots`, else NEVER."""
        seen = state["seen"][row]
        own = seen[:, slots]  # a view: it is written
        if segments.alone:
            np.maximum(own, news, out=own)
        else:
            for slot in range(news.shape[1]):  # five of a bracelet, two of a mat
                latest = segments.latest(news[:, slot] > own[:, slot])
                own[:, slot] = np.where(latest >= 0, news[latest, slot], own[:, slot])
        clock_ms = seen.max(axis=1) >> TIME_SHIFT
        expires_ms = params["expires_ms"][row]
        best = counting(seen, mat_counts(seen, clock_ms, params["better_ms"][row], expires_ms))
        fresh = (best != NEVER) & (clock_ms[:, np.newaxis] - (best >> TIME_SHIFT) <= expires_ms)
        return cls(row, seen, best, clock_ms, fresh, sure_points(_chart_of(best), params["way"][row]))


def _follow(state: Records, params: Records, row: NDArray[np.integer], slots: slice, news: Int) -> list[Finding]:
    """Take readings (n,), sorted by row and time, through delay and hysteresis; `state` is ours, and written."""
    segments = Segments.of(row)
    known = _Known.at(segments, state, params, row, slots, news)
    oxygen = params["oxygen_sure"][row]
    total = np.where(known.fresh, known.fewest, 0).sum(axis=1) + oxygen
    high = total[:, np.newaxis] >= params["raise_at"][row]  # (n, 2), by level
    if not (np.count_nonzero(high) or np.count_nonzero(state["active"][row])):
        state["since_ms"][row] = NEVER  # nothing to raise, and nothing to end
        return []
    began_ms = spans_ms(segments, high, ~high, known.clock_ms, state["since_ms"])
    raised = high & (known.clock_ms[:, np.newaxis] - began_ms >= params["delay_ms"][row, np.newaxis])

    # Since when the total held when it was last high: what counted then counts towards the end, expired or not.
    latest = segments.latest(raised[:, 0])
    held_ms = np.where(latest >= 0, began_ms[latest, 0], state["held_ms"][row])
    counted = known.fresh | ((known.best >> TIME_SHIFT) + params["expires_ms"][row] >= held_ms[:, np.newaxis])
    within = np.where(counted, known.fewest, 0).sum(axis=1) + oxygen <= params["clear_at"][row]
    within = np.broadcast_to(within[:, np.newaxis], raised.shape)
    alarms = switch(segments, raised, within, began_ms, state["active"], state["onset_ms"])

    last = segments.last
    rows = row[last]
    state["held_ms"][rows], state["since_ms"][rows] = held_ms[last], began_ms[last]
    state["onset_ms"][rows], state["active"][rows] = alarms.onset_ms[last], alarms.active[last]
    told = alarms.began | alarms.ended
    if not np.count_nonzero(told):
        return []
    # Both at once are one alarm, and the graver one tells of it.
    told[:, 0] &= ~(alarms.began.all(axis=1) & (alarms.onset_ms[:, 0] == alarms.onset_ms[:, 1]))
    return [
        _finding(known, int(at), _LEVELS[level], alarms.began[at, level], int(alarms.onset_ms[at, level]), params)
        for level, at in np.argwhere(told.T)
    ]


def _finding(known: _Known, at: int, priority: Priority, began: bool, onset_ms: int, params: Records) -> Finding:
    row, found_ms = int(known.row[at]), int(known.clock_ms[at])
    return Finding(
        row=row,
        condition=Condition.VITALS,
        cause="early_warning",
        change=Change.BEGAN if began else Change.ENDED,
        priority=priority,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(
            *_evidence(scored(known.seen[at], found_ms, params[row])),
            ("held_s", (found_ms - onset_ms) / 1000.0),
        ),
    )


def _evidence(score: Score) -> Evidence:
    """The interval, then each known input with its points and how old it is."""
    interval = score.interval
    evidence: list[tuple[str, float | int | str]] = [
        ("score", interval.name),
        ("score_lowest", interval.lowest),
        ("score_highest", interval.highest),
        ("inputs_known", interval.known),
    ]
    for one in score.inputs:  # seven, and only for a finding
        if one.known and one.counts is not None:
            evidence += [
                (one.name, one.counts.value),
                (f"points_{one.name}", one.fewest),
                (f"age_{one.name}_s", one.counts.age_ms / 1000.0),
                *_beside(one),
            ]
        elif one.known and one.name == "oxygen":
            evidence += [("breathes", "oxygen" if one.fewest else "air"), ("points_breathes", one.fewest)]
    return tuple(evidence)


def _beside(one: Input) -> Evidence:
    """Where both sources measured an input: which of them counts, and what the other says."""
    if one.counts is None or one.other is None:
        return ()
    return (f"measured_by_{one.name}", one.counts.source), (f"other_{one.name}", one.other.value)
