"""Devices that fell silent, were never heard, or are about to: the watch over the watchers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments, in_order, switch
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.directory import DeviceType
from ingest.readings import AnyReadings, Location, Status, Vitals

#: A longer pause between two ticks means that we, not the devices, were away.
_PAUSE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class SupervisionSettings:
    """When a device needs a hand.

    `silent_s`: nothing received for this long; 10 min is several periods of a bracelet's, a mat's or a locator's
    usual reports (our choice; per device by its parameters).
    `silent_button_s`: the same for emergency buttons, which sleep until pressed but for a daily report; 26 h lets one
    of these be two hours late (our choice).
    `battery_low_pct`, `battery_clear_pct`: at or under the first it is low, at or over the second, or charging, it is
    well again (our choice: 15 % is a usual warning level, the 10 % between keep it from chattering).
    """

    silent_s: float = 600.0
    silent_button_s: float = 93_600.0
    battery_low_pct: float = 15.0
    battery_clear_pct: float = 25.0


class Supervision:
    """Nothing received from a device for `silent_s`, by the clock that receives; and a battery running low.

    Every device of the fleet is expected, also one that never said a word since the watch began. After a pause of the
    service itself (a restart, a jump of the clock) the watch begins anew, so that a restart does not report the
    whole fleet. A parameter `silent_s` of 0 leaves a device out.
    Misses: a device that is alive while one of its sensors is not.
    """

    name: ClassVar[str] = "supervision"
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("heard_ms", "<i8"),
            ("watched_ms", "<i8"),
            ("ticked_ms", "<i8"),
            ("silent", "?"),
            ("silent_onset_ms", "<i8"),
            ("battery_ms", "<i8"),
            ("battery_low", "?"),
            ("battery_onset_ms", "<i8"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [("silent_s", "<f8"), ("battery_low_pct", "<f8"), ("battery_clear_pct", "<f8")]
    )
    tick_s: ClassVar[float | None] = 1.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: SupervisionSettings | None = None) -> None:
        self._settings = settings or SupervisionSettings()

    def initial(self, count: int) -> Records:
        """Devices whose watch begins with the first tick."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("heard_ms", "watched_ms", "ticked_ms", "silent_onset_ms", "battery_ms", "battery_onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        params["silent_s"] = self._settings.silent_s
        params["battery_low_pct"] = self._settings.battery_low_pct
        params["battery_clear_pct"] = self._settings.battery_clear_pct
        return params

    def expecting(self, types: Sequence[DeviceType | None]) -> Records:
        """Parameters for rows of devices of these types; None is a row whose device left the fleet."""
        params = self.defaults(len(types))
        params["silent_s"][[type is DeviceType.BUTTON for type in types]] = self._settings.silent_button_s
        params["silent_s"][[type is None for type in types]] = 0.0
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Note who was heard, and how full their batteries are."""
        state = copied(state)
        row, received_ms = readings.row, readings.received_ms
        heard_ms = state["heard_ms"].copy()
        np.maximum.at(heard_ms, row, received_ms)
        findings: list[Finding] = []
        if state["silent"].any():
            back = state["silent"] & (heard_ms > state["heard_ms"])
            first_ms = np.full(len(state), np.iinfo(np.int64).max)
            news = received_ms > state["heard_ms"][row]
            np.minimum.at(first_ms, row[news], received_ms[news])
            findings += [
                _silence(int(i), Change.ENDED, int(state["silent_onset_ms"][i]), int(first_ms[i]), params)
                for i in np.flatnonzero(back)
            ]
            state["silent"][back] = False
        state["heard_ms"] = heard_ms
        if isinstance(readings, Vitals | Location | Status):
            findings += _battery(state, readings, params)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Find who has been silent for too long."""
        state = copied(state)
        away = (state["ticked_ms"] == NEVER) | (np.abs(now_ms - state["ticked_ms"]) > _PAUSE_MS)
        state["watched_ms"][away] = now_ms
        state["ticked_ms"] = now_ms
        # A time to come was written by a clock that has since been put right.
        state["heard_ms"] = np.minimum(state["heard_ms"], now_ms)
        quiet_since_ms = np.maximum(state["heard_ms"], state["watched_ms"])
        silent_ms = params["silent_s"] * 1000.0
        fell = ~state["silent"] & (silent_ms > 0) & (now_ms - quiet_since_ms >= silent_ms)
        onset_ms = np.where(state["heard_ms"] != NEVER, state["heard_ms"], state["watched_ms"])
        state["silent"][fell] = True
        state["silent_onset_ms"][fell] = onset_ms[fell]
        return state, [
            _silence(int(i), Change.BEGAN, int(onset_ms[i]), now_ms, params, never=bool(state["heard_ms"][i] == NEVER))
            for i in np.flatnonzero(fell)
        ]


def _silence(
    row: int, change: Change, onset_ms: int, found_ms: int, params: Records, *, never: bool = False
) -> Finding:
    evidence: Evidence = (
        ("silent_s", round(max(0, found_ms - onset_ms) / 1000.0, 1)),
        ("limit_s", float(params["silent_s"][row])),
    )
    return Finding(
        row=row,
        condition=Condition.DEVICE,
        cause="silent",
        change=change,
        priority=Priority.LOW,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(*evidence, ("heard", "never")) if never else evidence,
    )


def _battery(state: Records, readings: Vitals | Location | Status, params: Records) -> list[Finding]:
    """Follow the batteries; `state` is the caller's own and is written."""
    told = np.flatnonzero(np.isfinite(readings.battery_pct))
    if not len(told):
        return []
    told = told[in_order(readings.row[told], readings.time_ms[told], state["battery_ms"])]
    row, time_ms, battery_pct = readings.row[told], readings.time_ms[told], readings.battery_pct[told]
    # A row's last reading is written last.
    state["battery_ms"][row] = time_ms
    charging: NDArray[np.bool_] = (
        readings.charging[told] == 1 if isinstance(readings, Status) else np.zeros(len(told), dtype=np.bool_)
    )
    low = (battery_pct <= params["battery_low_pct"][row]) & ~charging
    if not (low.any() or state["battery_low"].any()):
        return []
    well = (battery_pct >= params["battery_clear_pct"][row]) | charging
    segments = Segments.of(row)
    alarms = switch(segments, low, well, time_ms, state["battery_low"], state["battery_onset_ms"])
    last = segments.last
    state["battery_low"][row[last]] = alarms.active[last]
    state["battery_onset_ms"][row[last]] = alarms.onset_ms[last]
    return [
        Finding(
            row=int(row[i]),
            condition=Condition.DEVICE,
            cause="battery_low",
            change=Change.BEGAN if alarms.began[i] else Change.ENDED,
            priority=Priority.LOW,
            onset_ms=int(alarms.onset_ms[i]),
            found_ms=int(time_ms[i]),
            evidence=(
                ("battery_pct", float(battery_pct[i])),
                ("limit_pct", float(params["battery_low_pct" if alarms.began[i] else "battery_clear_pct"][row[i]])),
            ),
        )
        for i in np.flatnonzero(alarms.began | alarms.ended)
    ]
