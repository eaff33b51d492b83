"""Leaving the bed, not coming back to it, and not leaving it: by the hour, and by who lies in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors import occupancy
from alerts.detectors.bed_profile import NEVER_UP, BedProfile, FallRisk
from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, switch
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed

Int = NDArray[np.int64]
Flag = NDArray[np.bool_]

_ALWAYS: Final = -1
_DAY_MIN: Final = 24 * 60
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = _DAY_MIN * _MINUTE_MS
#: In the order of the state's columns.
CAUSES: Final = ("bed_exit", "not_back", "still_in_bed")
_EXIT, _NOT_BACK, _STILL = range(len(CAUSES))
_PRIORITY: Final = (Priority.MEDIUM, Priority.MEDIUM, Priority.LOW)


@dataclass(frozen=True, slots=True)
class BedSettings:
    """When leaving the bed, or staying in it, calls somebody.

    `leave_s`: the bed is left when its mat has said nothing but "absent" for this long, and not once only.
    2.5 s is the third word of a mat that speaks each second, with room for its clock, and longer than the moment in
    which somebody turning over lies beside the sensor (our choice).
    `return_s`: back after so long on the mat; a cat, or a hand smoothing the blanket, is not the sleeper (our choice).
    `fall_risk`: of residents of whom nothing else was said. Of those at ``high`` risk, leaving is told at once.
    `back_s`: others may be away so long at night; 15 min is longer than going to the toilet takes (our choice).
    `night_start_min`, `night_end_min`: minutes of the local day between which others must have left for it to count;
    the night may cross midnight.
    `up_by_min`: by then, in the local day, a resident is usually up; whoever is still in bed, and has been for
    `stay_h` but for absences shorter than `up_s`, is told of (our choice: a morning, not a nap; half an hour up is up).
    `utc_offset_min`: the local clock's minutes before UTC; 480 is China's one time zone.
    """

    leave_s: float = 2.5
    return_s: float = 5.0
    fall_risk: FallRisk = "usual"
    back_s: float = 900.0
    night_start_min: int = 21 * 60
    night_end_min: int = 6 * 60
    up_by_min: int = 10 * 60
    stay_h: float = 4.0
    up_s: float = 1_800.0
    utc_offset_min: int = 480


class BedExit:
    """A bed with somebody in it is left (`bed_exit`, `not_back`), or not left by the hour at which it should be.

    Needs `present`, better each second than each ten: what a mat has not said cannot be judged. Occupancy has a
    hysteresis (see `alerts.detectors.occupancy`). A lost reading says nothing. A bed never seen occupied is empty,
    not left. An exit or an absence ends when the bed is occupied again; `still_in_bed` ends when it is left.
    Misses: a person who falls beside the bed with an arm on the mat; more than one person in a bed; whoever returns
    within `leave_s`.
    """

    name: ClassVar[str] = "bed_exit"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [*occupancy.STATE, ("active", "?", (len(CAUSES),)), ("onset_ms", "<i8", (len(CAUSES),))]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("leave_ms", "<i8"),
            ("return_ms", "<i8"),
            ("at_once", "?"),
            ("back_ms", "<i8"),
            ("night_start_min", "<i4"),
            ("night_end_min", "<i4"),
            ("up_by_min", "<i4"),
            ("stay_ms", "<i8"),
            ("up_ms", "<i8"),
            ("utc_offset_min", "<i4"),
        ]
    )
    tick_s: ClassVar[float | None] = 1.0
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: BedSettings | None = None) -> None:
        self._settings = settings or BedSettings()

    def initial(self, count: int) -> Records:
        """Beds of which nothing is known."""
        state = occupancy.initial(count, self.state_dtype)
        state["onset_ms"] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        return self.of_residents([None] * count)

    def of_residents(self, profiles: Sequence[BedProfile | None]) -> Records:
        """Parameters of rows whose residents have these profiles; None: as everybody."""
        settings = self._settings
        params = np.empty(len(profiles), dtype=self.params_dtype)
        params["leave_ms"], params["return_ms"] = round(settings.leave_s * 1000), round(settings.return_s * 1000)
        params["stay_ms"], params["up_ms"] = round(settings.stay_h * 3_600_000), round(settings.up_s * 1000)
        params["utc_offset_min"] = settings.utc_offset_min
        usual = self._profile(BedProfile(""))
        fields = ["at_once", "back_ms", "night_start_min", "night_end_min", "up_by_min"]
        for field, value in zip(fields, usual, strict=True):
            params[field] = value
        for row, one in enumerate(profiles):  # when the fleet changes, and only for the few with settings of their own
            if one is not None:
                for field, value in zip(fields, self._profile(one), strict=True):
                    params[field][row] = value
        return params

    def _profile(self, profile: BedProfile) -> tuple[bool, int, int, int, int]:
        settings = self._settings
        at_once = (profile.fall_risk or settings.fall_risk) == "high"
        usual = (_ALWAYS, _ALWAYS) if at_once else (settings.night_start_min, settings.night_end_min)
        start, end = usual if profile.night is None else profile.night
        back_s = settings.back_s if profile.back_s is None else profile.back_s
        up_by_min = settings.up_by_min if profile.up_by_min is None else profile.up_by_min
        return at_once, round(back_s * 1000), start, end, up_by_min

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take readings of mats in; see the class."""
        assert isinstance(readings, Bed)
        state = copied(state)
        index = occupancy.words(readings, state["last_ms"])
        if not len(index):
            return state, []
        row, time_ms = readings.row[index], readings.time_ms[index]
        own = params[row]
        bed = occupancy.follow(
            state,
            row,
            time_ms,
            readings.received_ms[index],
            readings.present[index] == 1,
            leave_ms=own["leave_ms"],
            return_ms=own["return_ms"],
            short_ms=own["up_ms"],
        )
        out, left_ms = bed.out.active, bed.out.onset_ms
        counts = out & (left_ms != NEVER) & _at_night(left_ms, own)
        up_by_ms = _up_by_ms(time_ms, own)
        still = ~out & (own["up_by_min"] != NEVER_UP) & (time_ms >= up_by_ms)
        still &= (bed.in_ms <= up_by_ms) & (bed.stay_ms <= up_by_ms - own["stay_ms"])
        found: list[Finding] = []
        for cause, on, off, onset_ms in (
            (_EXIT, counts & own["at_once"], ~out, left_ms),
            (_NOT_BACK, counts & ~own["at_once"] & (time_ms - left_ms >= own["back_ms"]), ~out, left_ms),
            (_STILL, still, out, up_by_ms),
        ):
            alarms = switch(bed.segments, on, off, onset_ms, state["active"][:, cause], state["onset_ms"][:, cause])
            last = bed.segments.last
            state["active"][row[last], cause] = alarms.active[last]
            state["onset_ms"][row[last], cause] = alarms.onset_ms[last]
            found += [
                _finding(
                    cause,
                    int(row[at]),
                    Change.BEGAN if alarms.began[at] else Change.ENDED,
                    int(alarms.onset_ms[at]),
                    int(time_ms[at]),
                    int(bed.stay_ms[at]),
                    params,
                )
                for at in np.flatnonzero(alarms.began | alarms.ended)
            ]
        return state, found

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Find the beds whose last word was "absent", too long ago by the clock that received it."""
        waiting = (state["since_received_ms"] != NEVER) & (
            (state["present"] == 1) == state["out"]  # a word not yet believed
        )
        away = state["out"] & (state["left_ms"] != NEVER) & ~state["active"][:, _EXIT] & ~state["active"][:, _NOT_BACK]
        if not (waiting | away).any():
            return state, []
        after = copied(state)
        left = occupancy.fallen_silent(after, now_ms, params["leave_ms"], params["return_ms"], params["up_ms"])
        away = after["out"] & (after["left_ms"] != NEVER) & _at_night(after["left_ms"], params)
        exits = left & away & params["at_once"]
        overdue = away & ~params["at_once"] & ~after["active"][:, _NOT_BACK]
        overdue &= now_ms - after["left_received_ms"] >= params["back_ms"]
        found = []
        for cause, began in ((_EXIT, exits), (_NOT_BACK, overdue)):
            after["active"][began, cause] = True
            after["onset_ms"][began, cause] = after["left_ms"][began]
            found += [
                _finding(cause, int(row), Change.BEGAN, int(after["left_ms"][row]), now_ms, NEVER, params)
                for row in np.flatnonzero(began)
            ]
        # By silence an end comes without a reading: whoever is in bed again, or has left it.
        for cause, over in ((_EXIT, ~after["out"]), (_NOT_BACK, ~after["out"]), (_STILL, left)):
            ended = over & after["active"][:, cause]
            after["active"][ended, cause] = False
            found += [
                _finding(
                    cause,
                    int(row),
                    Change.ENDED,
                    int(after["onset_ms"][row, cause]),
                    now_ms,
                    int(after["stay_ms"][row]),
                    params,
                )
                for row in np.flatnonzero(ended)
            ]
        return after, found


def _up_by_ms(time_ms: Int, params: Records) -> Int:
    """The moment (n,) of the local day of times (n,) by which somebody is usually up."""
    offset_ms = params["utc_offset_min"].astype(np.int64) * _MINUTE_MS
    day_ms = (time_ms + offset_ms) // _DAY_MS * _DAY_MS
    result: Int = day_ms + params["up_by_min"].astype(np.int64) * _MINUTE_MS - offset_ms
    return result


def _at_night(time_ms: Int, params: Records) -> Flag:
    start, end = params["night_start_min"], params["night_end_min"]
    minute = (time_ms // _MINUTE_MS + params["utc_offset_min"]) % _DAY_MIN
    within = np.where(start <= end, (start <= minute) & (minute < end), (start <= minute) | (minute < end))
    result: Flag = within | (start == _ALWAYS)
    return result


def _finding(
    cause: int, row: int, change: Change, onset_ms: int, found_ms: int, stay_ms: int, params: Records
) -> Finding:
    evidence: Evidence
    if cause == _STILL:
        minute = int(params["up_by_min"][row])
        evidence = (
            ("in_bed_s", round(max(0, found_ms - stay_ms) / 1000.0, 1)),
            ("up_by", f"{minute // 60}:{minute % 60:02}"),
        )
    else:
        limit_ms = params["leave_ms" if cause == _EXIT else "back_ms"][row]
        evidence = (
            ("away_s", round(max(0, found_ms - onset_ms) / 1000.0, 1)),
            ("limit_s", int(limit_ms) / 1000.0),
        )
    return Finding(
        row=row,
        condition=Condition.BED,
        cause=CAUSES[cause],
        change=change,
        priority=_PRIORITY[cause],
        onset_ms=min(onset_ms, found_ms),
        found_ms=found_ms,
        evidence=evidence,
    )
