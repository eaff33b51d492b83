"""Out of bed and not back: what a bed mat can tell of it."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.segments import NEVER, Segments, in_order, since_ms, switch
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed

_ALWAYS: Final = -1
_DAY_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class BedSettings:
    """When an absence from the bed is an exit.

    `away_s`: an absence must last this long. 10 s is longer than turning over, sitting up or a few lost readings
    leave a mat empty, and shorter than most old people take to the door (our choice; mats on the market leave
    it to the ward).
    `night_start_min`, `night_end_min`: minutes of the local day in which an absence must begin to count, the night may
    cross midnight; None: the whole day.
    `utc_offset_min`: the local clock's minutes before UTC; 480 is China's one time zone.
    """

    away_s: float = 10.0
    night_start_min: int | None = None
    night_end_min: int | None = None
    utc_offset_min: int = 480


class BedExit:
    """A bed that was occupied has been empty for longer than `away_s`; it ends when it is occupied again.

    Needs `present`. A bed never seen occupied is empty, not left. A lost reading says nothing: only readings
    that say "absent" count, the last of which holds until another comes.
    Misses: a person who falls beside the bed with an arm on the mat; more than one person in a bed.
    """

    name: ClassVar[str] = "bed_exit"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("since_ms", "<i8"),
            ("since_received_ms", "<i8"),
            ("onset_ms", "<i8"),
            ("active", "?"),
            ("occupied", "?"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [("away_s", "<f8"), ("night_start_min", "<i4"), ("night_end_min", "<i4"), ("utc_offset_min", "<i4")]
    )
    tick_s: ClassVar[float | None] = 1.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: BedSettings | None = None) -> None:
        self._settings = settings or BedSettings()

    def initial(self, count: int) -> Records:
        """Beds of which nothing is known."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "since_ms", "since_received_ms", "onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row; -1 for a night that is not set."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        params["away_s"] = settings.away_s
        params["night_start_min"] = _ALWAYS if settings.night_start_min is None else settings.night_start_min
        params["night_end_min"] = _ALWAYS if settings.night_end_min is None else settings.night_end_min
        params["utc_offset_min"] = settings.utc_offset_min
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take readings of mats in; see the class."""
        assert isinstance(readings, Bed)
        state = state.copy()
        bed = readings.take(readings.present >= 0)
        bed = bed.take(in_order(bed.row, bed.time_ms, state["last_ms"]))
        if not len(bed):
            return state, []
        segments = Segments.of(bed.row)
        present = bed.present == 1
        occupied = (segments.latest(present) >= 0) | state["occupied"][bed.row]
        away = ~present & occupied
        left_ms = since_ms(segments, away, bed.time_ms, state["since_ms"])
        left_received_ms = since_ms(segments, away, bed.received_ms, state["since_received_ms"])
        long = away & (bed.time_ms - left_ms >= _away_ms(params)[bed.row]) & _at_night(left_ms, params[bed.row])
        exits = switch(segments, long, present, left_ms, state["active"], state["onset_ms"])

        last = segments.last
        rows = bed.row[last]
        state["last_ms"][rows] = bed.time_ms[last]
        state["since_ms"][rows] = left_ms[last]
        state["since_received_ms"][rows] = left_received_ms[last]
        state["onset_ms"][rows] = exits.onset_ms[last]
        state["active"][rows] = exits.active[last]
        state["occupied"][rows] = occupied[last]
        return state, [
            _finding(
                int(bed.row[i]),
                Change.BEGAN if exits.began[i] else Change.ENDED,
                int(exits.onset_ms[i]),
                int(bed.time_ms[i]),
                params,
            )
            for i in np.flatnonzero(exits.began | exits.ended)
        ]

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Find the beds whose last word was "absent", too long ago by the clock that received it."""
        overdue = (state["since_ms"] != NEVER) & ~state["active"]
        overdue &= now_ms - state["since_received_ms"] >= _away_ms(params)
        overdue &= _at_night(state["since_ms"], params)
        if not overdue.any():
            return state, []
        state = state.copy()
        state["active"][overdue] = True
        state["onset_ms"][overdue] = state["since_ms"][overdue]
        return state, [
            _finding(int(row), Change.BEGAN, int(state["onset_ms"][row]), now_ms, params)
            for row in np.flatnonzero(overdue)
        ]


def _away_ms(params: Records) -> NDArray[np.int64]:
    result: NDArray[np.int64] = (params["away_s"] * 1000.0).astype(np.int64)
    return result


def _at_night(time_ms: NDArray[np.int64], params: Records) -> NDArray[np.bool_]:
    start, end = params["night_start_min"], params["night_end_min"]
    minute = (time_ms // 60_000 + params["utc_offset_min"]) % _DAY_MIN
    within = np.where(start <= end, (start <= minute) & (minute < end), (start <= minute) | (minute < end))
    result: NDArray[np.bool_] = within | (start == _ALWAYS) | (end == _ALWAYS)
    return result


def _finding(row: int, change: Change, onset_ms: int, found_ms: int, params: Records) -> Finding:
    return Finding(
        row=row,
        condition=Condition.BED,
        cause="bed_exit",
        change=change,
        priority=Priority.MEDIUM,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(
            ("away_s", round(max(0, found_ms - onset_ms) / 1000.0, 1)),
            ("limit_s", float(params["away_s"][row])),
        ),
    )
