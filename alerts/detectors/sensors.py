"""One sensor that is dead in a device that is alive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied, raise_to
from alerts.detectors.segments import NEVER
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.directory import DeviceType
from ingest.readings import AnyReadings, Bed, Location, Motion, Status, Vitals

#: Which sensors a device of a type has, each at its place in the state.
SENSORS: Final = {
    DeviceType.BRACELET: ("heart_rate", "spo2", "temperature", "motion"),
    DeviceType.BED_MAT: ("bed_signal",),
    DeviceType.LOCATOR: ("position",),
}
#: What every device of its type sends, whether or not it ever did.
EXPECTED: Final = frozenset({"heart_rate", "position"})
_PLACES: Final = 4
_TYPES: Final = tuple(SENSORS)
_BRACELET, _MAT, _LOCATOR = range(len(_TYPES))
_NOTHING: Final = -1
#: Light measures both: where the pulse is missed as well, one alarm says it.
_PULSE, _SPO2 = 0, 1
_MOTION: Final = SENSORS[DeviceType.BRACELET].index("motion")

_DAY_MS: Final = 86_400_000
#: What was not sent for so long is not missed any more (our choice: a week).
_USED_TO_MS: Final = 7 * _DAY_MS
#: A device is looked at when it has spoken for so long since the last look, and at most so many devices in one tick: no
#: press waits while a large fleet is gone through.
_LOOK_MS: Final = 60_000
_LOOK_MOST: Final = 5_000
#: Between two looks no more than this counts as time in which a device was alive: who was silent measured nothing.
_STEP_MS: Final = 900_000
#: Missing for so many times its usual pause (our choice).
_TIMES: Final = 3
_MOST_COUNTED_MS: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """For how long a sensor may say nothing while its device is worn (a mat occupied) and speaks. All our choice.

    `heart_rate_s`: bracelets measure it every few minutes. `spo2_s`, `temperature_s`: some do so only now and then.
    `motion_s`: packets of raw motion, for those that send them. `bed_signal_s`: heart rate or respiration of a mat.
    `position_s`: a fix; indoors there may be none for most of a day.
    `most_s`: the longest, of a sensor whose usual pauses are long: three of these must pass.
    """

    heart_rate_s: float = 3_600.0
    spo2_s: float = 43_200.0
    temperature_s: float = 43_200.0
    motion_s: float = 3_600.0
    bed_signal_s: float = 3_600.0
    position_s: float = 86_400.0
    most_s: float = 86_400.0


class Sensors:
    """A sensor that says nothing while its device speaks and could measure, for longer than is usual for it.

    Counted is only the time in which a bracelet is worn (says so, and not that it is charging) or a mat occupied,
    and in which the device is heard. Missed is what every device of the type sends (heart rate of a bracelet, position
    of a locator), and what this one sent within seven days. The usual pause is learned: the longest of the day, halved
    with each day that follows. A locator that had a fix and has zones is left to the watch over positions.
    Misses: a sensor that sends nonsense; bracelets that never say that they are worn.
    """

    name: ClassVar[str] = "sensors"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED, Kind.LOCATION, Kind.STATUS, Kind.MOTION})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("alive_ms", "<i8"),  # its latest reading,
            ("looked_ms", "<i8"),  # and the latest when it was last looked at
            ("on_ms", "<i8"),  # the latest that said it is worn, or occupied,
            ("off_ms", "<i8"),  # and that it is not
            ("sent_ms", "<i8", (_PLACES,)),  # the sensor's latest value,
            ("fresh", "?", (_PLACES,)),  # whether there was one since the last look,
            ("missed_ms", "<i4", (_PLACES,)),  # and what was counted since
            ("usual_ms", "<i4", (_PLACES,)),  # the usual pause,
            ("day", "<u2", (_PLACES,)),  # and the day when it was last learned, from 1970; 0: never
            ("dead", "?", (_PLACES,)),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("type", "<i4"),  # an index of SENSORS, or -1
            ("fenced", "?"),
            ("limit_ms", "<i4", (_PLACES,)),
            ("expected", "?", (_PLACES,)),
        ]
    )
    tick_s: ClassVar[float | None] = 5.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: SensorSettings | None = None) -> None:
        self._settings = settings or SensorSettings()

    def initial(self, count: int) -> Records:
        """Devices of which no sensor ever said anything."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("alive_ms", "looked_ms", "on_ms", "off_ms", "sent_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """Parameters of rows whose type is not known: of these nothing is missed."""
        return self.expecting([None] * count)

    def expecting(self, types: Sequence[DeviceType | None], fenced: Sequence[int] = ()) -> Records:
        """Parameters for rows of devices of these types; None: unknown, or it left the fleet.

        `fenced` are rows whose position is watched by the geofence.
        """
        params = np.zeros(len(types), dtype=self.params_dtype)
        params["type"] = [_TYPES.index(type) if type in SENSORS else _NOTHING for type in types]
        for code, names in enumerate(SENSORS.values()):
            mine = params["type"] == code
            for place, name in enumerate(names):
                params["limit_ms"][mine, place] = round(getattr(self._settings, f"{name}_s") * 1000.0)
                params["expected"][mine, place] = name in EXPECTED
        params["fenced"][list(fenced)] = True
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Note what was measured, and whether it could be."""
        assert isinstance(readings, Vitals | Bed | Location | Status | Motion)
        state = copied(state)
        row, time_ms = readings.row, readings.time_ms
        kept_ms = state["alive_ms"].copy()
        raise_to(kept_ms, row, time_ms)
        state["alive_ms"] = kept_ms
        code = params["type"][row]
        if isinstance(readings, Vitals):
            _there(state, row, readings.worn == 1, readings.worn == 0, time_ms)
            for place, values in enumerate((readings.heart_rate_bpm, readings.spo2_pct, readings.temperature_c)):
                _sent(state, place, row, (code == _BRACELET) & (values > 0), time_ms)
        elif isinstance(readings, Bed):
            _there(state, row, readings.present == 1, readings.present == 0, time_ms)
            measured = (readings.heart_rate_bpm > 0) | (readings.respiration_per_min > 0)
            _sent(state, 0, row, (code == _MAT) & measured, time_ms)
        elif isinstance(readings, Location):
            _sent(state, 0, row, (code == _LOCATOR) & np.isfinite(readings.lat_deg), time_ms)
        elif isinstance(readings, Status):
            charging = readings.charging == 1
            _there(state, row, (readings.worn == 1) & ~charging, (readings.worn == 0) | charging, time_ms)
        else:
            _sent(state, _MOTION, row, code == _BRACELET, time_ms)
        return state, []

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Look at the devices that spoke for long enough since they were last looked at."""
        alive_ms, looked_ms = state["alive_ms"], state["looked_ms"]
        spoke = np.flatnonzero((alive_ms - looked_ms >= _LOOK_MS) & (params["type"] >= 0))[:_LOOK_MOST]
        if not len(spoke):
            return state, []
        mine, own = state.take(spoke), params.take(spoke)
        alive_ms, looked_ms, fresh = mine["alive_ms"], mine["looked_ms"], mine["fresh"]
        able = (own["type"] == _LOCATOR) | ((mine["on_ms"] > mine["off_ms"]) & (mine["off_ms"] <= looked_ms))
        step_ms = np.where(able & (looked_ms != NEVER), np.minimum(alive_ms - looked_ms, _STEP_MS), 0)
        counted_ms = np.minimum(mine["missed_ms"] + step_ms[:, np.newaxis], _MOST_COUNTED_MS)

        ever, day = mine["day"] != 0, mine["sent_ms"] // _DAY_MS
        most_ms = round(self._settings.most_s * 1000.0)
        pause_ms = np.minimum(counted_ms, most_ms // _TIMES)
        before_ms = np.where(ever, mine["usual_ms"], np.where(own["expected"], 0, most_ms // _TIMES))
        before_ms = np.where(ever & (day != mine["day"]), before_ms // 2, before_ms)
        usual_ms = np.where(fresh, np.maximum(pause_ms, before_ms), mine["usual_ms"])

        limit_ms = np.maximum(own["limit_ms"], np.minimum(_TIMES * usual_ms, most_ms))
        used_to = (mine["sent_ms"] != NEVER) & (alive_ms[:, np.newaxis] - mine["sent_ms"] <= _USED_TO_MS)
        known = own["expected"] | used_to
        known[(own["type"] == _LOCATOR) & own["fenced"] & (mine["sent_ms"][:, 0] != NEVER)] = False
        missing = known & (own["limit_ms"] > 0) & ~fresh & (counted_ms >= limit_ms)
        missing[:, _SPO2] &= ~(missing[:, _PULSE] | (mine["dead"][:, _PULSE] & ~fresh[:, _PULSE]))
        began = missing & ~mine["dead"] & (step_ms > 0)[:, np.newaxis]
        ended = mine["dead"] & fresh
        findings = [
            _finding(
                int(spoke[i]),
                SENSORS[_TYPES[int(own["type"][i])]][place],
                began=bool(began[i, place]),
                onset_ms=min(int(alive_ms[i] - counted_ms[i, place]), now_ms),
                now_ms=now_ms,
                missed_ms=int(counted_ms[i, place]),
                limit_ms=int(limit_ms[i, place]),
            )
            for i, place in np.argwhere(began | ended).tolist()
        ]
        mine["missed_ms"] = np.where(fresh, 0, counted_ms)
        mine["usual_ms"] = usual_ms
        mine["day"] = np.where(fresh, day, mine["day"])
        mine["dead"] = (mine["dead"] | began) & ~ended
        mine["fresh"] = False
        mine["looked_ms"] = alive_ms
        state = copied(state)
        state[spoke] = mine
        return state, findings


def _sent(
    state: Records, place: int, row: NDArray[np.int32], said: NDArray[np.bool_], time_ms: NDArray[np.int64]
) -> None:
    """Note which readings (n,) say something of the sensor at `place`, and are no late ones; `state` is written."""
    row, time_ms = row[said], time_ms[said]
    late = (time_ms <= state["sent_ms"][row, place]) | (time_ms <= state["looked_ms"][row] - _STEP_MS)
    row, time_ms = row[~late], time_ms[~late]
    state["fresh"][row, place] = True
    kept_ms = state["sent_ms"][:, place].copy()
    raise_to(kept_ms, row, time_ms)
    state["sent_ms"][:, place] = kept_ms


def _there(
    state: Records, row: NDArray[np.int32], on: NDArray[np.bool_], off: NDArray[np.bool_], time_ms: NDArray[np.int64]
) -> None:
    """Note when somebody was, and was not, where they can be measured; `state` is written."""
    for field, said in (("on_ms", on), ("off_ms", off)):
        if said.any():
            kept_ms = state[field].copy()
            raise_to(kept_ms, row[said], time_ms[said])
            state[field] = kept_ms


def _finding(
    row: int, sensor: str, *, began: bool, onset_ms: int, now_ms: int, missed_ms: int, limit_ms: int
) -> Finding:
    return Finding(
        row=row,
        condition=Condition.DEVICE,
        cause="sensor_dead",
        change=Change.BEGAN if began else Change.ENDED,
        priority=Priority.LOW,
        onset_ms=onset_ms,
        found_ms=now_ms,
        evidence=(
            ("sensor", sensor),
            ("unmeasured_s", round(missed_ms / 1000.0, 1)),
            ("limit_unmeasured_s", round(limit_ms / 1000.0, 1)),
        ),
        subject=sensor,
    )
