"""Limits on vital signs: beyond one for long enough is an alarm, well back within it is its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied, each, raise_to
from alerts.detectors.segments import NEVER, Segments, in_order, spans_ms, switch
from alerts.detectors.signs import SIGNS, off_of, values_of
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

if TYPE_CHECKING:
    from alerts.detectors.medical import Medical

#: The limits in the order of the state's and the parameters' columns: first the low ones, then the high ones, each in
#: the order of the signs.
LIMITS: Final = (
    "heart_rate_low",
    "spo2_low",
    "respiration_low",
    "temperature_low",
    "systolic_low",
    "heart_rate_high",
    "spo2_high",
    "respiration_high",
    "temperature_high",
    "systolic_high",
)
_COUNT: Final = len(LIMITS)
_LOW: Final = slice(0, len(SIGNS))
_HIGH: Final = slice(len(SIGNS), _COUNT)
_SIGN: Final = np.repeat([-1.0, 1.0], len(SIGNS))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, in its vital sign's unit: at or beyond `raise_at` for `delay_s` it is an alarm, which ends at or
    within `clear_at`. In between an alarm goes on and none begins."""

    raise_at: float
    clear_at: float
    delay_s: float


@dataclass(frozen=True, slots=True)
class Scale2Settings:
    """Limits on SpO2 for residents on scale 2, in place of everybody's; %.

    The bands worth three points of that scale (Royal College of Physicians, NEWS2, 2017, chart 1): at most 83, and
    while on oxygen also at least 97, since too much of it harms these people. That takes longer than a lack of
    oxygen, so it may last a minute (our choice).
    """

    spo2_low: Limit = Limit(83.0, 85.0, 15.0)
    spo2_high: Limit = Limit(97.0, 95.0, 60.0)


@dataclass(frozen=True, slots=True)
class VitalSettings:
    """Limits for everybody; a resident may have others.

    `raise_at` is in each case the band worth three points, the most a single sign can score, of NEWS2 (Royal College of
    Physicians, 2017, chart 1: "a single 3: urgent review"); for temperature, whose upper end scores at most two,
    that band. `clear_at` lies one step back, inside the next band (our choice). Heart rate in /min, SpO2 in %,
    respiration in /min, temperature in °C, systolic pressure in mmHg.
    `delay_s`: 15 s for SpO2 and heart rate (a 15 s delay removed 60 % of SpO2 alarms, BI&T), 30 s for respiration,
    which needs several breaths, none for temperature and pressure, which change slowly or are measured one by one.
    `quality_min`: readings whose own quality is known and lower than this (0–1) are not used (our choice).
    """

    heart_rate_low: Limit = Limit(40.0, 43.0, 15.0)
    heart_rate_high: Limit = Limit(131.0, 125.0, 15.0)
    spo2_low: Limit = Limit(91.0, 93.0, 15.0)
    respiration_low: Limit = Limit(8.0, 9.0, 30.0)
    respiration_high: Limit = Limit(25.0, 23.0, 30.0)
    temperature_low: Limit = Limit(35.0, 35.3, 0.0)
    temperature_high: Limit = Limit(39.1, 38.7, 0.0)
    systolic_low: Limit = Limit(90.0, 95.0, 0.0)
    systolic_high: Limit = Limit(220.0, 210.0, 0.0)
    scale_2: Scale2Settings = field(default_factory=Scale2Settings)
    quality_min: float = 0.5

    def limits(self, medical: "Medical | None" = None) -> tuple[Limit, ...]:
        """The limits of a resident (None: of everybody) in the order of LIMITS; one that nobody set is out of reach."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        if medical is not None and medical.spo2_scale == 2:
            values["spo2_low"] = self.scale_2.spo2_low
            if medical.oxygen == "oxygen":
                values["spo2_high"] = self.scale_2.spo2_high
        values |= dict(medical.limits) if medical is not None else {}
        return tuple(values.get(name, _NONE) for name in LIMITS)


#: No reading is at or above it, and every reading is back within it.
_NONE: Final = Limit(np.inf, np.inf, 0.0)


class VitalLimits:
    """Each vital sign against its limits, with delay and hysteresis, for bracelets and for mats while occupied.

    A reading beyond the limit counts towards the delay only in an unbroken run of such readings. A reading of poor
    quality is as if it had not been sent. A bracelet that is not worn (a mat that is empty) breaks a run and ends
    nothing: no pulse on a table is not a pulse of 0, and an alarm does not end because the bracelet was taken off.
    Misses: whatever changes between readings; slow deterioration within the limits.
    """

    name: ClassVar[str] = "vital_limits"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("since_ms", "<i8", (_COUNT,)),
            ("onset_ms", "<i8", (_COUNT,)),
            ("active", "?", (_COUNT,)),
            ("busy", "?"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("raise_at", "<f8", (_COUNT,)),
            ("clear_at", "<f8", (_COUNT,)),
            ("delay_s", "<f8", (_COUNT,)),
            ("quality_min", "<f8"),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: VitalSettings | None = None) -> None:
        self._settings = settings or VitalSettings()

    def initial(self, count: int) -> Records:
        """Rows of which nothing was measured yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for name in ("last_ms", "since_ms", "onset_ms"):
            state[name] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        return self.of_residents([None] * count)

    def of_residents(self, medical: "Sequence[Medical | None]") -> Records:
        """Parameters of rows whose residents have these settings; None: those of everybody."""
        params = np.empty(len(medical), dtype=self.params_dtype)
        params["quality_min"] = self._settings.quality_min
        _set_limits(params, slice(None), self._settings.limits())
        for row, one in enumerate(medical):  # when the fleet changes, and only for the few with settings of their own
            if one is not None:
                _set_limits(params, row, self._settings.limits(one))
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        state = copied(state)
        row, time_ms = readings.row, readings.time_ms
        alone = each(row, len(state))
        values, raise_at = values_of(readings), params["raise_at"] if alone else params["raise_at"][row]
        beyond = values.T <= raise_at[:, _LOW].T
        beyond |= values.T >= raise_at[:, _HIGH].T
        # Only rows with something going on are looked at closer, and mostly they are few.
        busy = state["busy"].copy()
        if np.count_nonzero(beyond):
            busy[row[beyond.nonzero()[1]]] = True
        at = (busy if alone else busy[row]).nonzero()[0]
        findings: list[Finding] = []
        if len(at):
            at = at[in_order(row[at], time_ms[at], state["last_ms"])]
            off, poor = off_of(readings)[at], readings.quality[at] < params["quality_min"][row[at]]
            findings = _follow(state, params, row[at], time_ms[at], values[at], off, poor)
        raise_to(state["last_ms"], row, time_ms)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing."""
        return state, []


def _set_limits(params: Records, rows: slice | int, limits: Sequence[Limit]) -> None:
    params["raise_at"][rows] = [limit.raise_at for limit in limits]
    params["clear_at"][rows] = [limit.clear_at for limit in limits]
    params["delay_s"][rows] = [limit.delay_s for limit in limits]


def _follow(
    state: Records,
    params: Records,
    row: NDArray[np.integer],
    time_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    off: NDArray[np.bool_],
    poor: NDArray[np.bool_],
) -> list[Finding]:
    """Take readings (n,), sorted by row and time, through delay and hysteresis of all their limits.

    `values` (n, 5) are their signs; `state` is ours, and written.
    """
    if not len(row):
        return []
    segments = Segments.of(row)
    times, off, poor = time_ms[:, np.newaxis], off[:, np.newaxis], poor[:, np.newaxis]
    # A low limit is a high one of what is turned round.
    values = np.concatenate([-values, values], axis=1)
    raise_at, clear_at = params["raise_at"][row] * _SIGN, params["clear_at"][row] * _SIGN
    known = np.isfinite(values) & ~(off | poor)
    beyond = known & (values >= raise_at)
    began_ms = spans_ms(segments, beyond, (known & ~beyond) | off, time_ms, state["since_ms"])
    delay_ms = (params["delay_s"][row] * 1000.0).astype(np.int64)
    raised = beyond & (times - began_ms >= delay_ms)
    within = known & (values <= clear_at)
    alarms = switch(segments, raised, within, began_ms, state["active"], state["onset_ms"])
    last = segments.last
    rows = row[last]
    state["since_ms"][rows], state["onset_ms"][rows] = began_ms[last], alarms.onset_ms[last]
    state["active"][rows] = active = alarms.active[last]
    state["busy"][rows] = (active | (began_ms[last] != NEVER)).any(axis=1)
    told = alarms.began | alarms.ended
    return [
        _finding(
            int(row[at]),
            int(limit),
            Change.BEGAN if alarms.began[at, limit] else Change.ENDED,
            int(alarms.onset_ms[at, limit]),
            int(time_ms[at]),
            float(values[at, limit] * _SIGN[limit]),
            params,
        )
        for at, limit in (np.argwhere(told) if np.count_nonzero(told) else ())
    ]


def _finding(
    row: int, limit: int, change: Change, onset_ms: int, found_ms: int, value: float, params: Records
) -> Finding:
    cause, name = LIMITS[limit], SIGNS[limit % len(SIGNS)]
    unit = name.removeprefix(cause.rpartition("_")[0] + "_")
    bound = params["raise_at" if change is Change.BEGAN else "clear_at"][row, limit]
    return Finding(
        row=row,
        condition=Condition.VITALS,
        cause=cause,
        change=change,
        priority=Priority.HIGH,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(
            (name, value),
            (f"limit_{unit}", float(bound)),
            ("held_s", (found_ms - onset_ms) / 1000.0),
        ),
    )
