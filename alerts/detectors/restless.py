"""Restless nights: moving in bed far more than is usual for the resident, for a good part of the night."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.occupancy import words
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed

Int = NDArray[np.int64]

_BLOCK_MS: Final = 600_000
_PER_SHARE: Final = 1_000
_DAY_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class RestlessSettings:
    """What is restless; by blocks of ten minutes, all numbers our choice.

    A block counts that moves for `moving_share` (0–1) of the time or more, and for `times` the usual of this resident
    or more; the usual is learned from the blocks in bed at night, up to `forget_h` hours of them, and nothing is said
    before `hours_min` of them are known. Lying asleep a mat moves for a few hundredths of the time.
    `held_s`: so long without a quiet block. `readings_min`: a block with fewer readings is none.
    `night_start_min`, `night_end_min`: who moves by day is awake. `utc_offset_min`: minutes before UTC.
    """

    moving_share: float = 0.2
    times: float = 3.0
    held_s: float = 1_800.0
    hours_min: int = 16
    forget_h: int = 112
    readings_min: int = 10
    night_start_min: int = 22 * 60
    night_end_min: int = 6 * 60
    utc_offset_min: int = 480


class Restless:
    """Blocks of ten minutes in bed at night against a stated share of movement and the resident's own usual one.

    Needs `present` and `move`, for nights: until `hours_min` hours are learned it says nothing. A block is judged when
    the next one begins; a night's first quiet block, or leaving the bed, ends it. Low priority: nobody is in danger,
    but pain, a full bladder and delirium begin like this.
    Misses: whoever is restless every night, whose usual it is; a night that is short of readings.
    """

    name: ClassVar[str] = "restless"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            ("block", "<i8"),
            ("sum", "<i8"),
            ("count", "<i8"),
            ("usual", "<f8"),
            ("learned", "<i8"),
            ("since_ms", "<i8"),
            ("onset_ms", "<i8"),
            ("active", "?"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("moving_share", "<f8"),
            ("times", "<f8"),
            ("held_ms", "<i8"),
            ("blocks_min", "<i8"),
            ("forget", "<i8"),
            ("readings_min", "<i8"),
            ("night_start_min", "<i4"),
            ("night_end_min", "<i4"),
            ("utc_offset_min", "<i4"),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = True

    def __init__(self, settings: RestlessSettings | None = None) -> None:
        self._settings = settings or RestlessSettings()

    def initial(self, count: int) -> Records:
        """Residents of whose nights nothing is known."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "block", "since_ms", "onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        for field in ("moving_share", "times", "readings_min", "night_start_min", "night_end_min", "utc_offset_min"):
            params[field] = getattr(settings, field)
        params["held_ms"] = round(settings.held_s * 1000)
        params["blocks_min"] = settings.hours_min * 3_600_000 // _BLOCK_MS
        params["forget"] = settings.forget_h * 3_600_000 // _BLOCK_MS
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take readings of mats in; see the class."""
        assert isinstance(readings, Bed)
        state = copied(state)
        index = words(readings, state["last_ms"])
        if not len(index):
            return state, []
        row, time_ms = readings.row[index], readings.time_ms[index]
        share = np.where(readings.present[index] == 1, readings.moving_share[index], np.nan)
        told = np.isfinite(share)
        moved = np.where(told, np.rint(np.where(told, share, 0.0) * _PER_SHARE), 0.0).astype(np.int64)
        state["last_ms"][row] = time_ms  # a row's last reading is written last

        block = time_ms // _BLOCK_MS
        first = np.ones(len(row), dtype=np.bool_)
        first[1:] = (row[1:] != row[:-1]) | (block[1:] != block[:-1])
        heads = np.flatnonzero(first)
        rows, blocks, times = row[heads], block[heads], time_ms[heads]
        sums, counts = np.add.reduceat(moved, heads), np.add.reduceat(told.astype(np.int64), heads)
        found: list[Finding] = []
        # One turn for every block that a row has in this batch: one or two, and more only when a backlog comes.
        for at in Segments.of(rows).turns():
            over = at[state["block"][rows[at]] != blocks[at]]
            if len(over):
                found += _close(state, params, rows[over], times[over])
                state["sum"][rows[over]] = state["count"][rows[over]] = 0
                state["block"][rows[over]] = blocks[over]
            state["sum"][rows[at]] += sums[at]
            state["count"][rows[at]] += counts[at]
        return state, found

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone moves nobody."""
        return state, []


def _close(state: Records, params: Records, row: NDArray[np.int32], found_ms: Int) -> list[Finding]:
    """Judge the open block of rows (r,), each once, and learn from it; `state` is ours, and written."""
    ever = state["block"][row] != NEVER
    row, found_ms = row[ever], found_ms[ever]
    known, own = state[row], params[row]
    start_ms = known["block"] * _BLOCK_MS
    minute = (start_ms // 60_000 + own["utc_offset_min"]) % _DAY_MIN
    begin, end = own["night_start_min"], own["night_end_min"]
    night = np.where(begin <= end, (begin <= minute) & (minute < end), (begin <= minute) | (minute < end))
    judged = night & (known["count"] >= own["readings_min"])
    share = known["sum"] / np.maximum(known["count"], 1) / _PER_SHARE
    limit = np.maximum(own["moving_share"], own["times"] * known["usual"])
    beyond = judged & (known["learned"] >= own["blocks_min"]) & (share >= limit)

    since_ms = np.where(beyond, np.where(known["since_ms"] == NEVER, start_ms, known["since_ms"]), NEVER)
    # Blocks in a row: a gap begins anew.
    since_ms = np.where(beyond & (found_ms - start_ms >= 2 * _BLOCK_MS), start_ms, since_ms)
    began = beyond & ~known["active"] & (start_ms + _BLOCK_MS - since_ms >= own["held_ms"])
    ended = known["active"] & ~beyond
    onset_ms = np.where(began, since_ms, known["onset_ms"])
    found = [
        Finding(
            row=int(row[at]),
            condition=Condition.BED,
            cause="restless",
            change=Change.BEGAN if began[at] else Change.ENDED,
            priority=Priority.LOW,
            onset_ms=int(onset_ms[at]),
            found_ms=int(found_ms[at]),
            evidence=(
                ("moving_share", round(float(share[at]), 3)),
                ("usual_moving_share", round(float(known["usual"][at]), 3)),
                ("held_s", int(found_ms[at] - onset_ms[at]) / 1000.0),
            ),
        )
        for at in np.flatnonzero(began | ended)
    ]
    # A restless night pulls the usual by no more than a block at the limit would.
    learned = known["learned"] + judged
    weight = 1.0 / np.clip(learned, 1, own["forget"])
    pull = np.where(known["learned"] > 0, np.minimum(share, limit), share) - known["usual"]
    state["usual"][row] = known["usual"] + np.where(judged, weight * pull, 0.0)
    state["learned"][row] = learned
    state["since_ms"][row], state["onset_ms"][row] = since_ms, onset_ms
    state["active"][row] = (known["active"] | began) & ~ended
    return found
