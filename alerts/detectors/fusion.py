"""A bracelet and a bed mat of one resident side by side: which to believe, and when the two cannot both be right.

Nothing is averaged: of two values the one of the better quality is shown, with whose it is, and beside it the other.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.minutes import KEPT_MIN, MINUTE_MS, add, slot_of
from alerts.detectors.rowwise import copied, once
from alerts.detectors.segments import NEVER, Segments, in_order
from alerts.detectors.signs import SIGNS, off_of, values_of
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Source = Literal["bracelet", "bed_mat"]

SOURCES: Final[tuple[Source, ...]] = ("bracelet", "bed_mat")
_BRACELET, _MAT = range(len(SOURCES))
#: What both measure, as indices of SIGNS.
_BOTH: Final = (0, 2)
#: What is compared, minute by minute: heart rate, respiration, lying in bed against walking.
_PRESENCE: Final = len(_BOTH)
_COMPARED: Final = ("heart_rate", "respiration", "presence")


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """When two devices disagree, minute by minute.

    `heart_rate_apart_bpm`, `heart_rate_apart_share`: the larger of the two. A cardiac monitor may be off by 5 /min or
    10 %, whichever is more (ANSI/AAMI EC13), so two that both keep to that are at most twice that apart.
    `respiration_apart_per_min`: our choice. `steps`: so many steps in a minute in which the mat says "present"
    throughout cannot both be (our choice; turning over is a few).
    `held_min`: for so many minutes in a row that both measured, `presence_held_min` of them for steps; after `gap_min`
    without any the count begins anew. `agree_min`: so many that agree end it (our choices).
    `quality_min`, `moving_most`: readings that say they are poorer, or in which the sleeper moves more, are not
    compared. `…_fresh_s`: how long a value is shown as known: as it counts in the early warning.
    """

    heart_rate_apart_bpm: float = 10.0
    heart_rate_apart_share: float = 0.2
    respiration_apart_per_min: float = 6.0
    steps: int = 20
    held_min: int = 10
    presence_held_min: int = 3
    agree_min: int = 5
    gap_min: int = 30
    quality_min: float = 0.5
    moving_most: float = 0.2
    heart_rate_fresh_s: float = 900.0
    spo2_fresh_s: float = 900.0
    respiration_fresh_s: float = 900.0
    temperature_fresh_s: float = 3_600.0
    systolic_fresh_s: float = 21_600.0


class Fusion:
    """The latest value of each sign by each source, and minutes in which both measured, compared.

    A minute is compared once both sources have told of a later one, so the order in which their messages come does not
    matter, once both were heard and as long as neither is more than `KEPT_MIN` minutes ahead: what comes later still is
    for the record only.
    A bracelet that is not worn, an empty mat, and poor readings are not compared. Positions are not either: indoors
    a fix wanders further than from the bed to the door.
    Low priority and technical: somebody lies in another's bed, wears another's bracelet, or a sensor slipped.
    Misses: two devices that err alike; several bracelets or mats of one resident count as one.
    """

    name: ClassVar[str] = "fusion"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("time_ms", "<i8", (len(SOURCES), len(SIGNS))),
            ("value", "<f4", (len(SOURCES), len(SIGNS))),
            ("quality", "<f4", (len(SOURCES), len(SIGNS))),
            ("heard", "?", (len(SOURCES),)),
            ("last_ms", "<i8", (len(SOURCES),)),
            ("steps", "<f8"),
            #: By source and slot: which minute, sums in tenths, and of how many; steps, or words "present" and others.
            ("minute", "<i4", (len(SOURCES), KEPT_MIN)),
            ("sum", "<i4", (len(SOURCES), KEPT_MIN, 2)),
            ("count", "<i4", (len(SOURCES), KEPT_MIN, 2)),
            ("there", "<i4", (len(SOURCES), KEPT_MIN, 2)),
            ("judged", "<i8"),
            ("compared", "<i8", (len(_COMPARED),)),
            ("apart", "<i4", (len(_COMPARED),)),
            ("agree", "<i4", (len(_COMPARED),)),
            ("since", "<i8", (len(_COMPARED),)),
            ("active", "?", (len(_COMPARED),)),
            ("onset_ms", "<i8"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("apart", "<f8", (len(_COMPARED),)),
            ("share", "<f8"),
            ("held", "<i8", (len(_COMPARED),)),
            ("agree_min", "<i8"),
            ("gap_min", "<i8"),
            ("quality_min", "<f8"),
            ("moving_most", "<f8"),
            ("fresh_ms", "<i8", (len(SIGNS),)),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = True

    def __init__(self, settings: FusionSettings | None = None) -> None:
        self._settings = settings or FusionSettings()

    def initial(self, count: int) -> Records:
        """Residents of whom nothing was measured yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("time_ms", "last_ms", "minute", "judged", "compared", "since", "onset_ms"):
            state[field] = NEVER
        for field in ("value", "quality", "steps"):
            state[field] = np.nan
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        params["apart"] = (settings.heart_rate_apart_bpm, settings.respiration_apart_per_min, settings.steps)
        params["share"] = settings.heart_rate_apart_share
        params["held"] = (settings.held_min, settings.held_min, settings.presence_held_min)
        for field in ("agree_min", "gap_min", "quality_min", "moving_most"):
            params[field] = getattr(settings, field)
        params["fresh_ms"] = [
            round(1000 * getattr(settings, f"{name}_fresh_s"))
            for name in ("heart_rate", "spo2", "respiration", "temperature", "systolic")
        ]
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        if not len(readings):
            return copied(state), []
        state = copied(state)
        source = _MAT if isinstance(readings, Bed) else _BRACELET
        values = values_of(readings)
        poor = off_of(readings) | (readings.quality < params["quality_min"][readings.row])
        values[poor] = np.nan
        # Most have a bracelet and no mat: there is nothing to compare, and only the latest to remember.
        beside = state["heard"][readings.row, 1 - source]
        state["heard"][readings.row, source] = True
        if not beside.any() and once(readings.row, len(state)):
            _remember(state, source, readings, values)
            return state, []
        moving = np.zeros(len(readings), dtype=np.bool_)
        if isinstance(readings, Bed):
            moving = readings.moving_share > params["moving_most"][readings.row]
        for sign in range(len(SIGNS)):  # five: a sign is news by itself, whichever reading of a device brings it
            _take(state, source, sign, readings, values[:, sign], ~moving & beside)
        readings = readings.take(beside)
        _be_there(state, source, readings)
        return state, _compare(state, params, np.unique(readings.row))

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing."""
        return state, []


def _remember(state: Records, source: int, readings: Vitals | Bed, values: Float) -> None:
    """Remember the latest of all signs of readings (n,), each of another row; `state` is written."""
    row, time_ms = readings.row, readings.time_ms[:, np.newaxis]
    before_ms = state["time_ms"][row, source]
    news = np.isfinite(values) & (time_ms > before_ms)
    state["time_ms"][row, source] = np.where(news, time_ms, before_ms)
    state["value"][row, source] = np.where(news, values, state["value"][row, source])
    quality = np.where(news, readings.quality[:, np.newaxis], state["quality"][row, source])
    state["quality"][row, source] = quality


def _take(
    state: Records, source: int, sign: int, readings: Vitals | Bed, value: Float, counts: NDArray[np.bool_]
) -> None:
    """Remember the latest of one sign, and add up the minutes of what `counts` (n,); `state` is written."""
    index = np.flatnonzero(np.isfinite(value))
    if not len(index):
        return
    index = index[in_order(readings.row[index], readings.time_ms[index], state["time_ms"][:, source, sign])]
    row, time_ms = readings.row[index], readings.time_ms[index]
    # A row's last reading is written last.
    state["time_ms"][row, source, sign] = time_ms
    state["value"][row, source, sign] = value[index]
    state["quality"][row, source, sign] = readings.quality[index]
    if sign in _BOTH:
        still = counts[index]
        tenths = np.rint(value[index][still] * 10.0).astype(np.int64)
        add(state, source, "sum", "count", _BOTH.index(sign), row[still], time_ms[still], tenths)


def _be_there(state: Records, source: int, readings: Vitals | Bed) -> None:
    """Count steps, or words of presence, into their minutes; `state` is written."""
    told = np.isfinite(readings.steps) if isinstance(readings, Vitals) else readings.present >= 0
    index = np.flatnonzero(told)
    index = index[in_order(readings.row[index], readings.time_ms[index], state["last_ms"][:, source])]
    if not len(index):
        return
    row, time_ms = readings.row[index], readings.time_ms[index]
    state["last_ms"][row, source] = time_ms
    if isinstance(readings, Bed):
        present = readings.present[index] == 1
        add(state, source, "there", None, 0, row, time_ms, present.astype(np.int64))
        add(state, source, "there", None, 1, row, time_ms, (~present).astype(np.int64))
        return
    steps = readings.steps[index]
    before = np.where(Segments.of(row).first, state["steps"][row], np.roll(steps, 1))
    state["steps"][row] = steps
    worn = readings.worn[index] != 0
    # The counter begins anew at midnight.
    more = np.where(np.isfinite(before) & (steps > before) & worn, steps - before, 0.0)
    add(state, source, "there", None, 0, row, time_ms, np.minimum(more, 1e6).astype(np.int64))
    add(state, source, "there", None, 1, row, time_ms, worn.astype(np.int64))


def _compare(state: Records, params: Records, rows: NDArray[np.integer]) -> list[Finding]:
    """Compare the minutes that are over for both sources of `rows`, each row once; `state` is written."""
    heard = state["minute"][rows].max(axis=2).astype(np.int64)
    until = np.where((heard == NEVER).any(axis=1), NEVER, heard.min(axis=1) - 1)
    begin = np.maximum(state["judged"][rows], until - KEPT_MIN) + 1
    findings: list[Finding] = []
    # A minute a turn: none or one as readings come, and up to KEPT_MIN where one source was behind.
    for turn in range(int((until - begin).max(initial=-1)) + 1):
        at = np.flatnonzero(begin + turn <= until)
        findings += _judge(state, params, rows[at], begin[at] + turn)
    later = until > state["judged"][rows]
    state["judged"][rows[later]] = until[later]
    return findings


def _judge(state: Records, params: Records, row: NDArray[np.integer], minute: Int) -> list[Finding]:
    """Compare one minute (r,) of each of the rows (r,); `state` is written."""
    slot = slot_of(minute)
    kept = state["minute"][row, :, slot] == minute[:, np.newaxis]  # (r, source)
    total, count = state["sum"][row, :, slot], state["count"][row, :, slot]
    there = state["there"][row, :, slot]
    own, known = params[row], state[row]

    mean = total / np.maximum(count, 1) / 10.0  # (r, source, sign)
    both = kept.all(axis=1)
    measured = np.empty((len(row), len(_COMPARED)), dtype=np.bool_)
    measured[:, : len(_BOTH)] = (count > 0).all(axis=1) & both[:, np.newaxis]
    words, absent = there[:, _MAT, 0], there[:, _MAT, 1]
    steps, told = there[:, _BRACELET, 0], there[:, _BRACELET, 1]
    measured[:, _PRESENCE] = both & (words + absent > 0) & (told > 0)
    limit = own["apart"].copy()
    limit[:, 0] = np.maximum(limit[:, 0], own["share"] * mean[:, :, 0].mean(axis=1))
    apart = np.empty_like(measured)
    apart[:, : len(_BOTH)] = np.abs(mean[:, _BRACELET] - mean[:, _MAT]) > limit[:, : len(_BOTH)]
    apart[:, _PRESENCE] = (words > 0) & (absent == 0) & (steps >= limit[:, _PRESENCE])

    now = minute[:, np.newaxis]
    lost = now - known["compared"] > own["gap_min"][:, np.newaxis]
    run = np.where(measured, np.where(apart, np.where(lost, 0, known["apart"]) + 1, 0), known["apart"])
    agree = np.where(measured, np.where(apart, 0, known["agree"] + 1), known["agree"])
    since = np.where(measured & apart & (run == 1), now, known["since"])
    began = measured & ~known["active"] & (run >= own["held"])
    ended = measured & known["active"] & (agree >= own["agree_min"][:, np.newaxis])
    active = (known["active"] | began) & ~ended

    # All that is compared makes one alarm: it begins with the first that disagrees, and ends with the last.
    first = active.any(axis=1) & ~known["active"].any(axis=1)
    over = ~active.any(axis=1) & known["active"].any(axis=1)
    which = np.where(first, began.argmax(axis=1), ended.argmax(axis=1))
    onset_ms = np.where(first, since[np.arange(len(row)), which] * MINUTE_MS, known["onset_ms"])
    found_ms = (minute + 1) * MINUTE_MS
    for field, new in (
        ("compared", np.where(measured, now, known["compared"])), ("apart", run), ("agree", agree), ("since", since),
        ("active", active), ("onset_ms", onset_ms),
    ):  # fmt: skip
        state[field][row] = new
    return [
        Finding(
            row=int(row[at]),
            condition=Condition.DEVICE,
            cause="sources_disagree",
            change=Change.BEGAN if first[at] else Change.ENDED,
            priority=Priority.LOW,
            onset_ms=int(onset_ms[at]),
            found_ms=int(found_ms[at]),
            evidence=_evidence(
                int(which[at]),
                mean[at],
                int(steps[at]),
                float(limit[at, which[at]]),
                int(found_ms[at] - onset_ms[at]) / 1000.0,
            ),
        )
        for at in np.flatnonzero(first | over)
    ]


def _evidence(which: int, mean: Float, steps: int, limit: float, held_s: float) -> Evidence:
    held = ("held_s", held_s)
    if which == _PRESENCE:
        return ("bed_mat_says", "in_bed"), ("bracelet_steps", steps), ("limit_steps", limit), held
    name = SIGNS[_BOTH[which]]
    unit = name.removeprefix(f"{_COMPARED[which]}_")
    return (
        (f"bracelet_{name}", round(float(mean[_BRACELET, which]), 1)),
        (f"bed_mat_{name}", round(float(mean[_MAT, which]), 1)),
        (f"apart_most_{unit}", round(limit, 1)),
        held,
    )
