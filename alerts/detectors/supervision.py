"""Devices that fell silent, were never heard, or are about to: the watch over the watchers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors import battery
from alerts.detectors.contract import Records, Result
from alerts.detectors.outages import AFTER_WORDS, CONCERNED, TOLD, Standing, settle
from alerts.detectors.rowwise import copied, raise_to
from alerts.detectors.segments import NEVER, Segments
from alerts.findings import SILENT, Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.directory import DeviceType
from ingest.readings import AnyReadings, Location, Status, Vitals

#: A longer pause between two ticks means that we, not the devices, were away.
_PAUSE_MS: Final = 60_000
#: Where nothing happens, that there was a tick is written so seldom; where a site's alarm is open, it is looked at.
_TICKED_MS: Final = 20_000
_OPEN_MS: Final = 5_000
_FOR_EVER_MS: Final = 1 << 60
#: A device speaks steadily while its words are no farther apart than this share of its limit (our choice: one whose
#: usual words come at about its limit would otherwise end its alarm with each of them, and begin it before the next).
_STEADY: Final = 0.8


@dataclass(frozen=True, slots=True)
class SupervisionSettings:
    """When a device needs a hand. All numbers are our choice.

    `silent_s`: nothing received for this long; 10 min is several periods of a bracelet's, a mat's or a locator's
    usual reports.
    `silent_button_s`: the same for emergency buttons, which sleep until pressed but for a daily report; 26 h lets one
    of these be two hours late.
    `back_s`: heard again once it has spoken for so long without a longer pause; a button with its first word.
    `many_devices`: so many of one site that fall silent within `many_within_s` are one alarm.
    `link_down_share`: where so much of a site is quiet, its link is down.
    `battery_low_pct`, `battery_clear_pct`: at or under the first it is low, at or over the second, or charging, it is
    well again (15 % is a usual warning level, the 10 % between keep it from chattering).
    `battery_empty_pct`: of a device that falls silent after this its battery is the likely reason.
    """

    silent_s: float = 600.0
    silent_button_s: float = 93_600.0
    back_s: float = 10.0
    many_devices: int = 5
    many_within_s: float = 60.0
    link_down_share: float = 0.9
    battery_low_pct: float = 15.0
    battery_clear_pct: float = 25.0
    battery_empty_pct: float = 5.0


class Supervision:
    """Nothing received from a device for `silent_s`, by the clock that receives; and a battery running low.

    Every device of the fleet is expected, also one that never said a word since the watch began. After a pause of the
    service itself (a restart, a jump of the clock) the watch begins anew, so that a restart does not report the
    whole fleet. A parameter `silent_s` of 0 leaves a device out. Many that fall silent together are one alarm of their
    site (see `outages`). The end of a silence is a device that speaks steadily, not a first word.
    Misses: a device that is alive while one of its sensors is not (see `sensors`).
    """

    name: ClassVar[str] = "supervision"
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("heard_ms", "<i8"),
            ("watched_ms", "<i8"),
            ("ticked_ms", "<i8"),
            ("onset_ms", "<i8"),  # of the silence
            ("since_ms", "<i8"),  # since when it waits, or, told of, speaks again
            *battery.FIELDS,
            ("standing", "i1"),  # see Standing
            ("spare", "i1", (2,)),  # whole words a record
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("silent_s", "<f8"),
            ("back_s", "<f8"),
            ("battery_low_pct", "<f8"),
            ("battery_clear_pct", "<f8"),
            ("site", "<i4"),  # a number of its own; -1: its site is not known
        ]
    )
    tick_s: ClassVar[float | None] = 1.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: SupervisionSettings | None = None) -> None:
        self._settings = settings or SupervisionSettings()

    def initial(self, count: int) -> Records:
        """Devices whose watch begins with the first tick."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("heard_ms", "watched_ms", "ticked_ms", "onset_ms", "since_ms"):
            state[field] = NEVER
        battery.begin(state)
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.zeros(count, dtype=self.params_dtype)
        for field in ("silent_s", "back_s", "battery_low_pct", "battery_clear_pct"):
            params[field] = getattr(self._settings, field)
        params["site"] = -1
        return params

    def expecting(self, types: Sequence[DeviceType | None], sites: Sequence[str]) -> Records:
        """Parameters for rows of devices of these types and sites; None is a row whose device left the fleet."""
        params = self.defaults(len(types))
        buttons = [type is DeviceType.BUTTON for type in types]
        params["silent_s"][buttons] = self._settings.silent_button_s
        params["back_s"][buttons] = 0.0
        params["silent_s"][[type is None for type in types]] = 0.0
        number: dict[str, int] = {}
        params["site"] = [number.setdefault(site, len(number)) for site in sites]
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Note who was heard, and how full their batteries are."""
        state = copied(state)
        findings: list[Finding] = []
        if state["standing"].any():
            findings += _speaking(state, readings, params)
        heard_ms = state["heard_ms"].copy()
        raise_to(heard_ms, readings.row, readings.received_ms)
        state["heard_ms"] = heard_ms
        if isinstance(readings, Vitals | Location | Status):
            findings += battery.follow(state, readings, params)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Find who has been silent for too long, and whether that has a cause in common."""
        ticked_ms, heard_ms = state["ticked_ms"], state["heard_ms"]
        limit_ms = (params["silent_s"] * 1000.0).astype(np.int64)
        if not self._something_to_do(state, limit_ms, now_ms):
            return state, []
        state = copied(state)
        standing = state["standing"]
        away = (ticked_ms == NEVER) | (np.abs(now_ms - ticked_ms) > _PAUSE_MS)
        quiet_ms = now_ms - np.maximum(np.minimum(heard_ms, now_ms), state["watched_ms"])
        quiet_ms[away] = 0
        over = (limit_ms > 0) & (quiet_ms >= limit_ms)
        fell = over & (standing == Standing.HEARD)
        # Of whom a word came, but none for long since: silent once more.
        again = over & TOLD[standing] & (heard_ms > state["onset_ms"])
        windows = ticked_ms // self._window_ms
        remind = bool(np.any(windows != now_ms // self._window_ms))
        state["watched_ms"][away] = now_ms
        state["ticked_ms"] = now_ms
        # A time to come was written by a clock that has since been put right.
        state["heard_ms"] = np.minimum(heard_ms, now_ms)
        # Who waited when we went away has had no chance to speak since.
        standing[away & (standing == Standing.HELD)] = Standing.HEARD
        state["since_ms"][away & (standing == Standing.LEFT)] = now_ms
        fresh = fell | again
        onset_ms = np.where(state["heard_ms"] != NEVER, state["heard_ms"], state["watched_ms"])
        state["onset_ms"][fresh] = onset_ms[fresh]
        state["since_ms"][again] = NEVER
        settings = self._settings
        findings, alone = settle(
            state,
            params["site"],
            limit_ms,
            quiet_ms,
            fell,
            now_ms,
            many=settings.many_devices,
            window_ms=self._window_ms,
            share=settings.link_down_share,
            remind=remind,
        )
        nowhere = fell & (params["site"] < 0)
        standing[nowhere], state["since_ms"][nowhere] = Standing.TOLD, NEVER
        singly = nowhere | (again & (standing == Standing.TOLD))
        for row in [*np.flatnonzero(singly).tolist(), *alone.tolist()]:  # few, or they were told together
            findings.append(self._silence(state[row], row, now_ms, params))
        return state, findings

    @staticmethod
    def _something_to_do(state: Records, limit_ms: NDArray[np.int64], now_ms: int) -> bool:
        """Whether a tick changes anything: mostly not, and a large fleet is looked at each second."""
        ticked_ms = int(state["ticked_ms"].min(initial=now_ms))
        pause_ms = now_ms - ticked_ms
        heard_ms, standing = state["heard_ms"], state["standing"]
        if ticked_ms == NEVER or not 0 <= pause_ms < _TICKED_MS or heard_ms.max(initial=NEVER) > now_ms:
            return True
        if standing.max(initial=Standing.HEARD) >= CONCERNED:
            grouped = (standing == Standing.MANY) | (standing == Standing.DOWN)
            if pause_ms >= _OPEN_MS or ((standing >= CONCERNED) & ~grouped).any():
                return True
        least_ms = int(limit_ms.min(initial=_FOR_EVER_MS, where=limit_ms > 0))
        late = np.flatnonzero(heard_ms <= now_ms - least_ms)
        known, limit_ms = state.take(late), limit_ms[late]
        quiet_ms = now_ms - np.maximum(known["heard_ms"], known["watched_ms"])
        fresh = (known["standing"] == Standing.HEARD) | (known["heard_ms"] > known["onset_ms"])
        return bool((fresh & (limit_ms > 0) & (quiet_ms >= limit_ms)).any())

    @property
    def _window_ms(self) -> int:
        return max(1, round(self._settings.many_within_s * 1000.0))

    def _silence(self, known: np.void, row: int, now_ms: int, params: Records) -> Finding:
        more: Evidence = ()
        if known["heard_ms"] == NEVER:
            more = (("heard", "never"),)
        elif known["battery_pct"] <= self._settings.battery_empty_pct:
            more = (("battery_pct", round(float(known["battery_pct"]), 1)), ("likely", "battery_empty"))
        return _silence(row, Change.BEGAN, int(known["onset_ms"]), now_ms, now_ms, params, more)


def _speaking(state: Records, readings: AnyReadings, params: Records) -> list[Finding]:
    """Take in what devices say that are known to be silent; `state` is the caller's own and is written."""
    standing, heard_ms, since_ms = state["standing"], state["heard_ms"], state["since_ms"]
    news = (standing[readings.row] != Standing.HEARD) & (readings.received_ms > heard_ms[readings.row])
    if not news.any():
        return []
    row, received_ms = np.unique(np.stack([readings.row[news], readings.received_ms[news]]), axis=1)
    findings: list[Finding] = []
    # Once for each moment in which one device was heard; a batch of the service has one.
    for turn in Segments.of(row).turns():
        rows, at_ms = row[turn], received_ms[turn]
        stands = standing[rows]
        told = TOLD[stands]
        first = (since_ms[rows] == NEVER) | (at_ms - heard_ms[rows] > _STEADY * 1000.0 * params["silent_s"][rows])
        begun_ms = np.where(first, at_ms, since_ms[rows])
        steady = told & (at_ms - begun_ms >= params["back_s"][rows] * 1000.0)
        since_ms[rows] = np.where(told, begun_ms, since_ms[rows])
        standing[rows] = np.where(told & ~steady, stands, AFTER_WORDS[stands])
        ended = steady & (stands == Standing.TOLD)
        heard_ms[rows] = at_ms
        for i in np.flatnonzero(ended).tolist():
            row_ended, onset_ms = int(rows[i]), int(state["onset_ms"][rows[i]])
            findings.append(_silence(row_ended, Change.ENDED, onset_ms, int(begun_ms[i]), int(at_ms[i]), params))
    return findings


def _silence(
    row: int, change: Change, onset_ms: int, until_ms: int, found_ms: int, params: Records, more: Evidence = ()
) -> Finding:
    return Finding(
        row=row,
        condition=Condition.DEVICE,
        cause=SILENT,
        change=change,
        priority=Priority.LOW,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(
            ("silent_s", round(max(0, until_ms - onset_ms) / 1000.0, 1)),
            ("limit_s", float(params["silent_s"][row])),
            *more,
        ),
    )
