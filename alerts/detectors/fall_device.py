"""Falls that a device's own detector reports."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from alerts.detectors import repeats
from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments, never
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import FallState, Kind
from ingest.readings import FALL_STATES, AnyReadings, Fall

_SUSPECTED: Final = FALL_STATES.index(FallState.SUSPECTED)
_CONFIRMED: Final = FALL_STATES.index(FallState.CONFIRMED)
_CANCELLED: Final = FALL_STATES.index(FallState.CANCELLED)

#: Cause, priority and field of the state, by what the device said.
_CAUSES: Final = (
    (_SUSPECTED, "device_suspected", Priority.MEDIUM, "suspected_ms"),
    (_CONFIRMED, "device_confirmed", Priority.HIGH, "confirmed_ms"),
)


@dataclass(frozen=True, slots=True)
class DeviceFallSettings:
    """`repeat_s`: a device that says the same again within this time means the same fall; devices repeat for up to a
    minute until somebody answers (our choice)."""

    repeat_s: float = 60.0


class DeviceFall:
    """A fall event of the device itself, suspected (medium) or confirmed (high), and its cancelling by the wearer.

    Needs `state`. Only what is repeated exactly is left out: a fall rings however late it comes, and whatever the clock
    says. Its quality is the device's, which is why a suspicion alone is of medium priority.
    """

    name: ClassVar[str] = "device_fall"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.FALL})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            repeats.FIELD,
            ("suspected_ms", "<i8"),
            ("confirmed_ms", "<i8"),
            ("suspected_onset_ms", "<i8"),
            ("confirmed_onset_ms", "<i8"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("repeat_s", "<f8")])
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: DeviceFallSettings | None = None) -> None:
        self._settings = settings or DeviceFallSettings()

    def initial(self, count: int) -> Records:
        """Rows that reported no fall yet."""
        return never(count, self.state_dtype)

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        params = np.empty(count, dtype=self.params_dtype)
        params["repeat_s"] = self._settings.repeat_s
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take events in; see the class."""
        assert isinstance(readings, Fall)
        state = copied(state)
        fall = readings.take(readings.state >= 0)
        fall = fall.take(np.lexsort((fall.state, fall.time_ms, fall.row)))
        fall = fall.take(repeats.news(state, fall.row, fall.time_ms, fall.seq, fall.state))
        if not len(fall):
            return state, []
        segments = Segments.of(fall.row)
        rows = fall.row[segments.last]
        repeat_ms = (params["repeat_s"] * 1000.0).astype(np.int64)[fall.row]
        cancel = fall.state == _CANCELLED
        findings: list[Finding] = []
        for code, cause, priority, field in _CAUSES:  # two causes, not readings
            mine = fall.state == code
            before_ms, cancelled = repeats.still_open(segments, mine, cancel, fall.time_ms, state[field][fall.row])
            began = mine & ((before_ms == NEVER) | (np.abs(fall.time_ms - before_ms) >= repeat_ms))
            onset_field = field.replace("_ms", "_onset_ms")
            opened = segments.latest(began)
            onset_ms = np.where(opened >= 0, fall.time_ms[opened], state[onset_field][fall.row])
            findings += [
                Finding(
                    row=int(fall.row[i]),
                    condition=Condition.FALL,
                    cause=cause,
                    change=Change.BEGAN if began[i] else Change.CANCELLED,
                    priority=priority,
                    onset_ms=int(onset_ms[i]),
                    found_ms=int(fall.time_ms[i]),
                    evidence=(("confidence", float(fall.confidence[i])),) if np.isfinite(fall.confidence[i]) else (),
                )
                for i in np.flatnonzero(began | cancelled)
            ]
            after_ms = np.where(mine, fall.time_ms, np.where(cancelled, NEVER, before_ms))
            state[field][rows] = after_ms[segments.last]
            state[onset_field][rows] = onset_ms[segments.last]
        return state, sorted(findings, key=lambda f: f.found_ms)

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone tells of no fall."""
        return state, []
