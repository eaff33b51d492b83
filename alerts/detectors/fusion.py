"""A bracelet and a bed mat of one resident side by side, minute by minute: when the two cannot both be right.

Which of them counts meanwhile is the business of `alerts.detectors.sources`.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.minutes import KEPT_MIN, MINUTE_MS, MOST, add, cleared, until
from alerts.detectors.rowwise import copied, each
from alerts.detectors.segments import NEVER, Segments, in_order
from alerts.detectors.signs import SIGNS, off_of
from alerts.detectors.sources import MAT_SIGNS, SOURCES
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Tally = NDArray[np.uint16]

_BRACELET, _MAT = range(len(SOURCES))
#: What is compared: heart rate and respiration, which both measure, and lying in bed against walking.
_COMPARED: Final = ("heart_rate", "respiration", "presence")
_RATES: Final = len(MAT_SIGNS)
_PRESENCE: Final = _RATES
#: What is added up of a minute: the sum of each rate and of how many; steps, or words "present"; words "worn", or
#: "absent".
_SUM: Final = slice(0, 2)
_COUNT: Final = slice(2, 4)
_THERE, _WORDS = 4, 5
_COLUMNS: Final = 6
#: More steps between two readings say no more.
_MOST_STEPS: Final = 1_000
_MOST_RUN: Final = 60_000


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
    compared.
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


class Fusion:
    """Minutes in which both sources measured, compared.

    A minute is compared once both sources have told of a later one, or one of them of a minute `KEPT_MIN` later: then
    with what the other has told. So the order in which their messages come does not matter, once both were heard and
    as long as neither is that far ahead: what comes later still is for the record only.
    A bracelet that is not worn, an empty mat, and poor readings are not compared. Positions are not either: indoors
    a fix wanders further than from the bed to the door.
    Low priority and technical: somebody lies in another's bed, wears another's bracelet, or a sensor slipped.
    Misses: two devices that err alike; several bracelets or mats of one resident count as one.
    """

    name: ClassVar[str] = "fusion"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("heard", "?", (len(SOURCES),)),
            ("last_ms", "<i8", (len(SOURCES),)),
            ("steps", "<f4"),
            #: By source and slot; what lies in it is of a minute after `judged`.
            ("tally", "<u2", (len(SOURCES), KEPT_MIN, _COLUMNS)),
            ("judged", "<i4"),
            ("compared", "<i4", (len(_COMPARED),)),
            ("apart", "<u2", (len(_COMPARED),)),
            ("agree", "<u2", (len(_COMPARED),)),
            ("since", "<i4", (len(_COMPARED),)),
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
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = True

    def __init__(self, settings: FusionSettings | None = None) -> None:
        self._settings = settings or FusionSettings()

    def initial(self, count: int) -> Records:
        """Residents of whom nothing was measured yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "judged", "compared", "since", "onset_ms"):
            state[field] = NEVER
        state["steps"] = np.nan
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
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        source, row = _MAT if isinstance(readings, Bed) else _BRACELET, readings.row
        alone = each(row, len(state))
        heard = state["heard"] if alone else state["heard"][row]
        beside, all_known = heard[:, 1 - source], np.count_nonzero(heard[:, source]) == len(row)
        # Most have a bracelet and no mat: there is nothing to compare, and nothing to remember.
        if all_known and not np.count_nonzero(beside):
            return state, []
        told, last_ms = _told(readings), state["last_ms"][:, source]
        news = beside & told
        news &= readings.time_ms > (last_ms if alone else last_ms[row])
        state = copied(state)
        if not all_known:
            state["heard"][row[told], source] = True
        if not alone or np.count_nonzero(news) < len(row):
            at = news.nonzero()[0]
            readings = readings.take(at[in_order(row[at], readings.time_ms[at], last_ms)])
        return state, _take(state, params, source, readings) if len(readings) else []

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing."""
        return state, []


def _told(readings: Vitals | Bed) -> NDArray[np.bool_]:
    """Which readings (n,) tell of anything that is compared; a pressure cuff's do not."""
    rates = np.isfinite(readings.heart_rate_bpm) | np.isfinite(readings.respiration_per_min)
    return rates | (readings.present >= 0 if isinstance(readings, Bed) else np.isfinite(readings.steps))


def _take(state: Records, params: Records, source: int, readings: Vitals | Bed) -> list[Finding]:
    """Take readings (n,), of each row together and by time, into their minutes, and compare what is over.

    `state` is written.
    """
    row, minute = readings.row, readings.time_ms // MINUTE_MS
    segments = Segments.of(row)
    values = _values(state, params, segments, readings)
    before = segments.of_group(state["judged"])
    place = minute - before
    _add(state, source, row, minute, values, (place > 0) & (place <= KEPT_MIN))

    last = slice(None) if segments.alone else segments.last
    other_ms = segments.of_group(state["last_ms"][:, 1 - source])[last]
    segments.keep(readings.time_ms, state["last_ms"][:, source])
    judged = until(minute[last], other_ms // MINUTE_MS)
    over = (judged > before[last]).nonzero()[0]
    if not len(over):
        return []
    findings = _compare(state, params, row[last][over], judged[over])
    # What has no slot until others are over: a source that jumps ahead.
    _add(state, source, row, minute, values, (place > KEPT_MIN) & (minute > state["judged"][row]))
    return findings


def _add(
    state: Records, source: int, row: NDArray[np.integer], minute: Int, values: Tally, which: NDArray[np.bool_]
) -> None:
    many = np.count_nonzero(which)
    if many == len(row):
        add(state["tally"], source, row, minute, values)
    elif many:
        add(state["tally"], source, row[which], minute[which], values[which])


def _values(state: Records, params: Records, segments: Segments, readings: Vitals | Bed) -> Tally:
    """What readings (n,), of each row together and by time, add to their minutes (n, columns).

    The last steps are written to `state`.
    """
    values = np.empty((len(readings), _COLUMNS), dtype=np.uint16)
    unused = off_of(readings)
    unused |= readings.quality < segments.of_group(params["quality_min"])
    if isinstance(readings, Bed):
        unused |= readings.moving_share > segments.of_group(params["moving_most"])
        values[:, _THERE], values[:, _WORDS] = readings.present == 1, readings.present == 0
    else:
        steps = readings.steps
        sent = np.isfinite(steps)
        before = segments.latest_value_before(sent, steps, state["steps"])
        worn = sent & (readings.worn != 0)
        # The counter begins anew at midnight.
        more = np.where(worn & (steps > before), steps - before, 0.0)
        values[:, _THERE], values[:, _WORDS] = np.minimum(more, _MOST_STEPS), worn
        segments.keep(np.where(sent, steps, before), state["steps"])
    rates = np.array((readings.heart_rate_bpm, readings.respiration_per_min))
    known = np.isfinite(rates)
    known &= ~unused
    np.minimum(np.rint(rates, out=rates), MOST, out=rates)
    values[:, _SUM], values[:, _COUNT] = np.where(known, rates, 0.0).T, known.T
    return values


def _compare(state: Records, params: Records, rows: NDArray[np.integer], judged: Int) -> list[Finding]:
    """Compare the minutes of `rows` (r,), each once, that are over up to `judged` (r,); `state` is written."""
    begin = state["judged"][rows] + np.int64(1)
    findings: list[Finding] = []
    for turn in range(min(int((judged - begin).max()) + 1, KEPT_MIN)):  # mostly one, eight where one source was behind
        at = np.flatnonzero(begin + turn <= judged)
        row, minute = rows[at], begin[at] + turn
        tally = cleared(state["tally"], row, minute)
        both = np.flatnonzero((tally != 0).any(axis=2).all(axis=1))  # else there is nothing to compare
        if len(both):
            findings += _judge(state, params, row[both], minute[both], tally[both].astype(np.int64))
    state["judged"][rows] = judged
    return findings


def _judge(state: Records, params: Records, row: NDArray[np.integer], minute: Int, tally: Int) -> list[Finding]:
    """Compare one minute (r,), of which both sources told, of each of the rows (r,); `state` is written.

    `tally` (r, source, column) is what they told.
    """
    count, there, told = tally[:, :, _COUNT], tally[:, :, _THERE], tally[:, :, _WORDS]
    own, known = params[row], state[row]

    mean = tally[:, :, _SUM] / np.maximum(count, 1)  # (r, source, sign)
    measured = np.empty((len(row), len(_COMPARED)), dtype=np.bool_)
    measured[:, :_RATES] = (count > 0).all(axis=1)
    words, absent, steps = there[:, _MAT], told[:, _MAT], there[:, _BRACELET]
    measured[:, _PRESENCE] = (words + absent > 0) & (told[:, _BRACELET] > 0)
    limit = own["apart"].copy()
    limit[:, 0] = np.maximum(limit[:, 0], own["share"] * mean[:, :, 0].mean(axis=1))
    apart = np.empty_like(measured)
    apart[:, :_RATES] = np.abs(mean[:, _BRACELET] - mean[:, _MAT]) > limit[:, :_RATES]
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
        ("compared", np.where(measured, now, known["compared"])), ("since", since), ("active", active),
        ("apart", np.minimum(run, _MOST_RUN)), ("agree", np.minimum(agree, _MOST_RUN)), ("onset_ms", onset_ms),
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
    name = SIGNS[MAT_SIGNS[which]]
    unit = name.removeprefix(f"{_COMPARED[which]}_")
    return (
        (f"bracelet_{name}", round(float(mean[_BRACELET, which]), 1)),
        (f"bed_mat_{name}", round(float(mean[_MAT, which]), 1)),
        (f"apart_most_{unit}", round(limit, 1)),
        held,
    )
