"""Against what is usual for the resident at this time of day: slow changes that no limit sees."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments, in_order
from alerts.detectors.signs import CHART_UNIT, SIGNS, UNKNOWN, charted, off_of, values_of
from alerts.detectors.sources import SOURCES
from alerts.detectors.usual import CHANNELS, COLUMNS, PARTS, learn, part_of
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed, Vitals

Int = NDArray[np.int64]

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
#: A tally holds a sum of charted values above these bits, and in them how many there were.
_COUNT_BITS: Final = 24
_COUNT: Final = (1 << _COUNT_BITS) - 1

CAUSES: Final = (
    "heart_rate_above_usual",
    "heart_rate_below_usual",
    "spo2_below_usual",
    "respiration_above_usual",
    "temperature_above_usual",
)
#: What is looked for: channel, direction, cause, and who else looks for the same.
_WATCHED: Final = (
    (0, 1, 0, 5), (0, -1, 1, 6), (1, -1, 2, 2), (2, 1, 3, 7), (3, 1, 4, 4),
    (4, 1, 0, 0), (4, -1, 1, 1), (5, 1, 3, 3),
)  # fmt: skip
_CHANNEL, _DIRECTION, CAUSE_OF_WATCH, _OTHER = np.array(_WATCHED).T
_WATCHES: Final = (slice(0, 5), slice(5, 8))


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """What is unusual, and how long it must last.

    Resting heart rate differs by tens of beats between healthy people, but little from week to week in one person
    (Quer et al. 2020, PLoS ONE 15:e0227709), so it is compared with the person's own. All numbers are our choice, made
    on simulated weeks; see docs/detectors/baseline.md.
    `…_least_…`: less than this from the usual is never told. `spreads`: nor is less than this many times its usual
    spread. `held_h`: so many hours in a row, in each of which it was measured.
    `gap_h`: after so many hours without a judgement a run begins anew. `hours_min`: so many hours of a part of the day
    (four hours each) must have been seen before anything is said of it: four whole days.
    `forget_h`: what is usual follows the last hours of that part of the day, fourteen days of them.
    `readings_min`: fewer in an hour are no hour. `rest_s`: nobody rests who made a step within it.
    `moving_most`: nor who moved in bed for more than this share of a reading's time.
    `quality_min`: readings whose own quality is known and lower than this (0–1) are not used.
    `utc_offset_min`: the local clock's minutes before UTC; 480 is China's one time zone.
    """

    heart_rate_least_bpm: float = 12.0
    spo2_least_pct: float = 3.0
    respiration_least_per_min: float = 4.0
    temperature_least_c: float = 0.8
    spreads: float = 2.5
    held_h: int = 6
    gap_h: int = 6
    hours_min: int = 16
    forget_h: int = 56
    readings_min: int = 3
    rest_s: float = 300.0
    moving_most: float = 0.2
    quality_min: float = 0.5
    utc_offset_min: int = 480


class Baseline:
    """Hourly means at rest against the resident's own level and spread at that time of day, for hours on end.

    A bracelet's and a mat's numbers are kept apart, since two devices seldom agree to the beat; what either finds is
    one alarm. It ends with an hour back within half the deviation that raised it. One reading a minute is enough, the
    others are left out. At rest: no step for `rest_s` as far as steps are sent, hardly moving in bed. Level and spread
    follow the hours slowly and robustly (see `alerts.detectors.usual`), so a day of fever is no new habit. An hour is
    judged when the next one begins.
    Needs days: until `hours_min` hours of a part of the day were seen, nothing is said of it.
    Misses: whatever lasts less than `held_h`; change over weeks, which it takes for the new usual; anything while
    the person is up and about.
    """

    name: ClassVar[str] = "baseline"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8", (2,)),
            ("hour", "<i8", (2,)),
            ("tally", "<i8", (len(CHANNELS),)),
            ("moved_ms", "<i8"),
            ("steps", "<f8"),
            ("level", "<f4", (len(CHANNELS), PARTS)),
            ("spread", "<f4", (len(CHANNELS), PARTS)),
            ("hours", "u1", (len(CHANNELS), PARTS)),
            ("run", "<i2", (len(_WATCHED),)),
            ("judged_hour", "<i4", (len(_WATCHED),)),
            ("since_hour", "<i4", (len(_WATCHED),)),
            ("active", "?", (len(_WATCHED),)),
            ("onset_ms", "<i8", (len(CAUSES),)),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("least", "<f8", (len(CHANNELS),)),
            ("spreads", "<f8"),
            ("held_h", "<i8"),
            ("gap_h", "<i8"),
            ("hours_min", "<i8"),
            ("forget_h", "<i8"),
            ("readings_min", "<i8"),
            ("rest_ms", "<i8"),
            ("moving_most", "<f8"),
            ("quality_min", "<f8"),
            ("utc_offset_ms", "<i8"),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = True

    def __init__(self, settings: BaselineSettings | None = None) -> None:
        self._settings = settings or BaselineSettings()

    def initial(self, count: int) -> Records:
        """Residents of whom nothing is known yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "hour", "moved_ms", "onset_ms"):
            state[field] = NEVER
        state["steps"] = np.nan
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        least = (
            settings.heart_rate_least_bpm,
            settings.spo2_least_pct,
            settings.respiration_least_per_min,
            settings.temperature_least_c,
        )
        params["least"] = [least[sign] / CHART_UNIT[sign] for sign in CHANNELS]
        for field in ("spreads", "held_h", "gap_h", "hours_min", "forget_h", "readings_min"):
            params[field] = getattr(settings, field)
        params["moving_most"], params["quality_min"] = settings.moving_most, settings.quality_min
        params["rest_ms"] = round(settings.rest_s * 1000)
        params["utc_offset_ms"] = settings.utc_offset_min * 60_000
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take measurements in; see the class."""
        assert isinstance(readings, Vitals | Bed)
        kind = int(isinstance(readings, Bed))
        index = _one_a_minute(readings, state["last_ms"][:, kind])
        if not len(index):
            return state, []
        state = copied(state)
        row, time_ms = readings.row[index], readings.time_ms[index]
        # A row's last reading is written last.
        state["last_ms"][row, kind] = time_ms
        used = ~(off_of(readings)[index] | (readings.quality[index] < params["quality_min"][row]))
        if isinstance(readings, Bed):
            used &= ~(readings.moving_share[index] > params["moving_most"][row])
            chart = charted(values_of(readings)[index])[:, [0, 2]]
        else:
            used &= _resting(state, params, row, time_ms, readings.steps[index])
            chart = charted(values_of(readings)[index])[:, :4]
        tally = np.where((chart != UNKNOWN) & used[:, np.newaxis], (chart << _COUNT_BITS) | 1, 0)
        hour = (time_ms + params["utc_offset_ms"][row]) // _HOUR_MS
        return state, _by_hour(state, params, kind, row, time_ms, hour, tally)

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing."""
        return state, []


def _one_a_minute(readings: Vitals | Bed, last_ms: Int) -> NDArray[np.intp]:
    """Positions, sorted by row and time, of the first reading of each minute that is later than a row's last one."""
    # The last millisecond of the minute that was had.
    had_ms = last_ms - last_ms % _MINUTE_MS + (_MINUTE_MS - 1)
    at = (readings.time_ms > had_ms[readings.row]).nonzero()[0]
    if len(at):
        at = at[in_order(readings.row[at], readings.time_ms[at], last_ms)]
        row, minute = readings.row[at], readings.time_ms[at] // _MINUTE_MS
        first = np.ones(len(at), dtype=np.bool_)
        first[1:] = (row[1:] != row[:-1]) | (minute[1:] != minute[:-1])
        at = at[first]
    return at


def _resting(
    state: Records, params: Records, row: NDArray[np.int32], time_ms: Int, steps: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether nobody made a step for long enough at readings (n,), sorted by row and time; `state` is written."""
    sent = np.isfinite(steps)
    segments = Segments.of(row)
    before = segments.latest_value_before(sent, steps, state["steps"])
    moved = sent & (steps != before)
    latest = segments.latest(moved)
    moved_ms = np.where(latest >= 0, time_ms[latest], state["moved_ms"][row])
    segments.keep(moved_ms, state["moved_ms"])
    segments.keep(np.where(sent, steps, before), state["steps"])
    # As far as steps are sent: NEVER is long ago.
    result: NDArray[np.bool_] = time_ms - moved_ms >= params["rest_ms"][row]
    return result


def _by_hour(
    state: Records, params: Records, kind: int, row: NDArray[np.int32], time_ms: Int, hour: Int, tally: Int
) -> list[Finding]:
    """Add readings (n,), sorted by row and time, to the tally of their hour, closing the hours that are over."""
    first = np.ones(len(row), dtype=np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (hour[1:] != hour[:-1])
    heads = np.flatnonzero(first)
    sums = tally if len(heads) == len(row) else np.add.reduceat(tally, heads, axis=0)
    rows, hours, times = row[heads], hour[heads], time_ms[heads]
    findings: list[Finding] = []
    # One turn for every hour that a row has in this batch: one or two, and more only when a backlog of hours comes.
    for at in Segments.of(rows).turns():
        over = at[state["hour"][rows[at], kind] != hours[at]]
        if len(over):
            findings += _close(state, params, kind, rows[over], times[over])
            state["tally"][:, COLUMNS[kind]][rows[over]] = 0
            state["hour"][rows[over], kind] = hours[over]
        # Each row occurs once in a turn.
        state["tally"][:, COLUMNS[kind]][rows[at]] += sums[at]
    return findings


def _close(state: Records, params: Records, kind: int, row: NDArray[np.int32], found_ms: Int) -> list[Finding]:
    """Judge the open hour of rows (r,), each once, and learn from it; `state` is ours, and written."""
    ever = state["hour"][row, kind] != NEVER
    row, found_ms = row[ever], found_ms[ever]
    if not len(row):
        return []
    columns, watches = COLUMNS[kind], _WATCHES[kind]
    hour = state["hour"][row, kind]
    part = part_of(hour)
    tally, own = state["tally"][row][:, columns], params[row]
    count = tally & _COUNT
    known = count >= own["readings_min"][:, np.newaxis]
    mean = (tally >> _COUNT_BITS) / np.maximum(count, 1)

    level, spread = state["level"][row, :, part], state["spread"][row, :, part]
    hours = state["hours"][row, :, part]
    channel = _CHANNEL[watches]
    away = _DIRECTION[watches] * (mean[:, channel - columns.start] - level[:, channel])
    limit = np.maximum(own["spreads"][:, np.newaxis] * spread[:, channel], own["least"][:, channel])
    judged = known[:, channel - columns.start] & (hours[:, channel] >= own["hours_min"][:, np.newaxis])
    run, since_hour = state["run"][row][:, watches], state["since_hour"][row][:, watches]
    was_active = state["active"][row]
    active = was_active[:, watches]
    lost = hour[:, np.newaxis] - state["judged_hour"][row][:, watches] > own["gap_h"][:, np.newaxis]
    beyond = judged & (away >= limit)
    begins = beyond & (lost | (run == 0))
    since_hour = np.where(begins, hour[:, np.newaxis], since_hour)
    run = np.where(beyond, np.where(begins, 1, np.minimum(run, 30_000) + 1), np.where(judged, 0, run))
    began = beyond & (run >= own["held_h"][:, np.newaxis]) & ~active
    ended = active & judged & (away <= limit / 2)

    # Bracelet and mat are one alarm: the first that finds it begins it, the last that does not ends it.
    other = was_active[:, _OTHER[watches]] & (_OTHER[watches] != np.arange(len(_WATCHED))[watches])
    cause = CAUSE_OF_WATCH[watches]
    onset_ms = state["onset_ms"][row][:, cause]
    start_ms = since_hour * _HOUR_MS - own["utc_offset_ms"][:, np.newaxis]
    onset_ms = np.where(began & ~other, start_ms, onset_ms)
    found = [
        _finding(
            kind,
            int(row[at]),
            int(channel[watch]),
            int(cause[watch]),
            began=bool(began[at, watch]),
            onset_ms=int(onset_ms[at, watch]),
            found_ms=int(found_ms[at]),
            mean=float(mean[at, channel[watch] - columns.start]),
            level=float(level[at, channel[watch]]),
            hours=int(hours[at, channel[watch]]),
        )
        for at, watch in np.argwhere((began | ended) & ~other)
    ]
    for field, values in (
        ("run", run), ("since_hour", since_hour), ("active", (active | began) & ~ended),
        ("judged_hour", np.where(judged, hour[:, np.newaxis], state["judged_hour"][row][:, watches])),
    ):  # fmt: skip
        state[field][:, watches][row] = values
    state["onset_ms"][row[:, np.newaxis], cause] = onset_ms
    learn(state, kind, row, part, np.where(known, mean, np.nan), own["least"], own["forget_h"])
    return found


def _finding(
    kind: int,
    row: int,
    channel: int,
    cause: int,
    *,
    began: bool,
    onset_ms: int,
    found_ms: int,
    mean: float,
    level: float,
    hours: int,
) -> Finding:
    sign = CHANNELS[channel]
    return Finding(
        row=row,
        condition=Condition.VITALS,
        cause=CAUSES[cause],
        change=Change.BEGAN if began else Change.ENDED,
        priority=Priority.MEDIUM,
        onset_ms=onset_ms,
        found_ms=found_ms,
        evidence=(
            (SIGNS[sign], round(mean * CHART_UNIT[sign], 1)),
            (f"usual_{SIGNS[sign]}", round(level * CHART_UNIT[sign], 1)),
            ("held_s", (found_ms - onset_ms) / 1000.0),
            ("learned_s", hours * PARTS * 3600.0),
            ("measured_by", SOURCES[kind]),
        ),
    )
