"""Limits on vital signs: beyond one for long enough is an alarm, well back within it is its end."""

from dataclasses import dataclass, fields
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.segments import NEVER, Segments, in_order, since_ms, switch
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

_CHANNELS: Final = ("heart_rate_bpm", "spo2_pct", "respiration_per_min", "temperature_c", "systolic_mmhg")

#: The limits in the order of the state's and the parameters' columns: cause, channel, 1 for high and -1 for low.
LIMITS: Final = (
    ("heart_rate_low", 0, -1.0),
    ("heart_rate_high", 0, 1.0),
    ("spo2_low", 1, -1.0),
    ("respiration_low", 2, -1.0),
    ("respiration_high", 2, 1.0),
    ("temperature_low", 3, -1.0),
    ("temperature_high", 3, 1.0),
    ("systolic_low", 4, -1.0),
    ("systolic_high", 4, 1.0),
)
_COUNT: Final = len(LIMITS)
_CHANNEL: Final = np.array([channel for _, channel, _ in LIMITS])
_SIGN: Final = np.array([sign for _, _, sign in LIMITS])


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, in its vital sign's unit: at or beyond `raise_at` for `delay_s` it is an alarm, which ends at or
    within `clear_at`. In between an alarm goes on and none begins."""

    raise_at: float
    clear_at: float
    delay_s: float


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
    quality_min: float = 0.5

    def limits(self) -> tuple[Limit, ...]:
        """The limits in the order of LIMITS."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return tuple(values[cause] for cause, _, _ in LIMITS)


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

    def __init__(self, settings: VitalSettings | None = None) -> None:
        self._settings = settings or VitalSettings()

    def initial(self, count: int) -> Records:
        """Rows of which nothing was measured yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "since_ms", "onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        limits = self._settings.limits()
        params["raise_at"] = [limit.raise_at for limit in limits]
        params["clear_at"] = [limit.clear_at for limit in limits]
        params["delay_s"] = [limit.delay_s for limit in limits]
        params["quality_min"] = self._settings.quality_min
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        state = state.copy()
        index = in_order(readings.row, readings.time_ms, state["last_ms"])
        row, time_ms = readings.row[index], readings.time_ms[index]
        if not len(row):
            return state, []
        # A row's last reading is written last.
        state["last_ms"][row] = time_ms

        off = (readings.worn if isinstance(readings, Vitals) else readings.present)[index] == 0
        poor = readings.quality[index] < params["quality_min"][row]
        values = _values(readings, index)[:, _CHANNEL]
        beyond = values * _SIGN >= (params["raise_at"] * _SIGN)[row]
        beyond &= ~(off | poor)[:, np.newaxis]

        # Only (row, limit) pairs with something going on are looked at closer; mostly there are none.
        busy = state["active"] | (state["since_ms"] != NEVER)
        beyond_at, beyond_limit = np.nonzero(beyond)
        busy[row[beyond_at], beyond_limit] = True
        if not busy.any():
            return state, []
        known = np.isfinite(values)
        known &= ~poor[:, np.newaxis]
        known |= off[:, np.newaxis]
        known &= busy[row]
        limit, at = np.nonzero(known.T)  # by limit, then row, then time
        return state, _judge(state, params, row[at], limit, time_ms[at], values[at, limit], beyond[at, limit], off[at])

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing."""
        return state, []


def _values(readings: Vitals | Bed, index: NDArray[np.intp]) -> NDArray[np.float64]:
    if isinstance(readings, Vitals):
        return np.stack([getattr(readings, channel)[index] for channel in _CHANNELS], axis=1)
    values = np.full((len(index), len(_CHANNELS)), np.nan)
    values[:, _CHANNELS.index("heart_rate_bpm")] = readings.heart_rate_bpm[index]
    values[:, _CHANNELS.index("respiration_per_min")] = readings.respiration_per_min[index]
    return values


def _judge(
    state: Records,
    params: Records,
    row: NDArray[np.int32],
    limit: NDArray[np.intp],
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    beyond: NDArray[np.bool_],
    off: NDArray[np.bool_],
) -> list[Finding]:
    """Take readings (n,), sorted by limit, row and time, through delay and hysteresis; `state` is ours, and written."""
    pair = row.astype(np.intp) * _COUNT + limit
    segments = Segments.of(pair)
    sign = _SIGN[limit]
    within = ~off & (value * sign <= params["clear_at"][row, limit] * sign)
    began_ms = since_ms(segments, beyond, time_ms, state["since_ms"].reshape(-1))
    delay_ms = (params["delay_s"][row, limit] * 1000.0).astype(np.int64)
    raised = beyond & (time_ms - began_ms >= delay_ms)
    alarms = switch(segments, raised, within, began_ms, state["active"].reshape(-1), state["onset_ms"].reshape(-1))
    last = segments.last
    rows, limits = row[last], limit[last]
    state["since_ms"][rows, limits] = began_ms[last]
    state["onset_ms"][rows, limits] = alarms.onset_ms[last]
    state["active"][rows, limits] = alarms.active[last]
    return [
        _finding(
            int(row[i]),
            int(limit[i]),
            Change.BEGAN if alarms.began[i] else Change.ENDED,
            int(alarms.onset_ms[i]),
            int(time_ms[i]),
            float(value[i]),
            params,
        )
        for i in np.flatnonzero(alarms.began | alarms.ended)
    ]


def _finding(
    row: int, limit: int, change: Change, onset_ms: int, found_ms: int, value: float, params: Records
) -> Finding:
    cause, channel, _ = LIMITS[limit]
    name = _CHANNELS[channel]
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
