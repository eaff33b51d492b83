"""The emergency button: every press is an alarm, whatever else is wrong with the message."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from alerts.detectors import repeats
from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Flag, Int, Segments, never
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Action, Kind
from ingest.readings import ACTIONS, SOURCES, AnyReadings, Sos

_CANCEL: Final = ACTIONS.index(Action.CANCEL)
_TEST: Final = ACTIONS.index(Action.TEST)


@dataclass(frozen=True, slots=True)
class PressSettings:
    """`bounce_s`: presses this close together are one finger (a shaking hand or contact bounce), not two calls."""

    bounce_s: float = 2.0


class Press:
    """A press begins an alarm at once; a cancel calls off the last press; a test is a press marked as a drill.

    Needs: nothing but the message; a position only adds evidence, however bad the fix. An unknown action counts as a
    press. Only what is repeated exactly is left out: a press rings however late it comes, whatever the clock says.
    """

    name: ClassVar[str] = "press"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.SOS})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype([repeats.FIELD, ("open_ms", "<i8"), ("onset_ms", "<i8")])
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("bounce_s", "<f8")])
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: PressSettings | None = None) -> None:
        self._settings = settings or PressSettings()

    def initial(self, count: int) -> Records:
        """Rows on which nobody has pressed yet."""
        return never(count, self.state_dtype)

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        params["bounce_s"] = self._settings.bounce_s
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take presses in; see the class."""
        assert isinstance(readings, Sos)
        state = copied(state)
        # At one moment a press comes before its cancel: devices without a clock send both with one receive time.
        order = np.lexsort((readings.action, readings.time_ms, readings.row))
        sos = readings.take(order)
        sos = sos.take(repeats.news(state, sos.row, sos.time_ms, sos.seq, sos.action))
        if not len(sos):
            return state, []
        cancel, test = sos.action == _CANCEL, sos.action == _TEST
        press = ~cancel & ~test

        segments = Segments.of(sos.row)
        # Cancelled since: the next press is a new one, and a second cancel has nothing to call off.
        before_ms, cancelled = repeats.still_open(segments, press, cancel, sos.time_ms, state["open_ms"][sos.row])
        bounce_ms = np.maximum(1, (params["bounce_s"] * 1000.0).astype(np.int64))[sos.row]
        began = press & ((before_ms == NEVER) | (np.abs(sos.time_ms - before_ms) >= bounce_ms))
        drill = test & _first_of_its_time(segments, test, sos.time_ms)
        opened = segments.latest(began)
        onset_ms = np.where(opened >= 0, sos.time_ms[opened], state["onset_ms"][sos.row])
        last = segments.last
        open_ms = np.where(cancelled, NEVER, np.where(press, sos.time_ms, before_ms))
        state["open_ms"][sos.row[last]] = open_ms[last]
        state["onset_ms"][sos.row[last]] = onset_ms[last]

        findings = [_finding(sos, i, int(sos.time_ms[i]), Change.BEGAN) for i in np.flatnonzero(began)]
        findings += [_finding(sos, i, int(sos.time_ms[i]), Change.BEGAN, drill=True) for i in np.flatnonzero(drill)]
        findings += [_finding(sos, i, int(onset_ms[i]), Change.CANCELLED) for i in np.flatnonzero(cancelled)]
        return state, sorted(findings, key=lambda f: (f.found_ms, f.change is Change.CANCELLED))

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone presses no button."""
        return state, []


def _first_of_its_time(segments: Segments, chosen: Flag, time_ms: Int) -> Flag:
    before = segments.latest_before(chosen)
    result: Flag = (before < 0) | (time_ms[before] != time_ms)
    return result


def _finding(sos: Sos, i: np.intp, onset_ms: int, change: Change, *, drill: bool = False) -> Finding:
    return Finding(
        row=int(sos.row[i]),
        condition=Condition.SOS,
        cause="press",
        change=change,
        priority=Priority.HIGH,
        onset_ms=onset_ms,
        found_ms=int(sos.time_ms[i]),
        evidence=tuple(_position(sos, i)),
        drill=drill,
    )


def _position(sos: Sos, i: np.intp) -> Iterable[tuple[str, float | int | str]]:
    if np.isfinite(sos.lat_deg[i]) and np.isfinite(sos.lon_deg[i]):
        yield "lat_deg", float(sos.lat_deg[i])
        yield "lon_deg", float(sos.lon_deg[i])
        if np.isfinite(sos.accuracy_m[i]):
            yield "accuracy_m", float(sos.accuracy_m[i])
        if sos.source[i] >= 0:
            yield "source", str(SOURCES[sos.source[i]])
