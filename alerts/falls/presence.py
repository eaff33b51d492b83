"""Who is in bed, as far as the mats of a resident tell: what a fall is asked about, remembered for every mat.

Another question than that of leaving a bed (`alerts.detectors.occupancy`), which waits until a word is sure: here being
in bed makes a fall less urgent, so one word to the contrary is enough not to believe it.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

import numpy as np

from alerts.detectors.segments import NEVER, Segments, in_order
from ingest.readings import Bed

#: Readings further apart than this leave open what was between them.
_SILENCE_MS: Final = 90_000
#: A reading that comes later than this, or from so wrong a clock, tells nothing of now.
_LATE_MS: Final = 120_000
#: In bed from so long before the impact to so long after it, is in bed throughout: room for two clocks that differ.
_BEFORE_MS: Final = 10_000
_AFTER_MS: Final = 20_000
#: Out of bed within this of the impact: fell out of it, or while getting up (our choice).
_LEFT_MS: Final = 15_000

_STATE: Final = np.dtype([("present", "i1"), ("since_ms", "<i8"), ("last_ms", "<i8")])


class InBed(StrEnum):
    """What the mat says of the time around an impact."""

    IN_BED = "in_bed"
    NOT_IN_BED = "not_in_bed"
    LEFT_BED = "left_bed"


class Presence:
    """The last word of every mat, and since when without a break it has said so; 17 bytes a row.

    Device time decides. Not kept through a restart: until a mat has said the same for ten seconds before an impact, it
    says nothing of it, and the alarm stays as urgent as it was.
    """

    def __init__(self) -> None:
        self._state = _unknown(0)

    def update(self, bed: Bed, look: Callable[[], None]) -> None:
        """Take readings of mats in; `look` is called as time passes among them, so that a backlog hides nothing."""
        late = np.abs(bed.received_ms - bed.time_ms) > _LATE_MS
        good = np.flatnonzero((bed.present >= 0) & ~late)
        if not len(good):
            return
        row, time_ms = bed.row[good], bed.time_ms[good]
        size = int(row.max()) + 1
        if size > len(self._state):
            self._state = np.concatenate([self._state, _unknown(size - len(self._state))])
        order = in_order(row, time_ms, self._state["last_ms"])
        row, time_ms, present = row[order], time_ms[order], bed.present[good[order]]
        # One step a reading of the longest backlog, each over all mats at once: mostly there is one.
        for now in Segments.of(row).turns():
            mine = self._state[row[now]]
            goes_on = (mine["present"] == present[now]) & (time_ms[now] - mine["last_ms"] <= _SILENCE_MS)
            mine["since_ms"] = np.where(goes_on, mine["since_ms"], time_ms[now])
            mine["present"], mine["last_ms"] = present[now], time_ms[now]
            self._state[row[now]] = mine
            look()

    def around(self, rows: Iterable[int], impact_ms: int) -> InBed | None:
        """What the mats at `rows` say of an impact; None: nothing, or not yet. In bed in one of them is in bed."""
        said = {word for row in rows if row < len(self._state) and (word := self._of(row, impact_ms)) is not None}
        return min(said, key=list(InBed).index, default=None)

    def _of(self, row: int, impact_ms: int) -> InBed | None:
        state = self._state[row]
        since_ms, last_ms = int(state["since_ms"]), int(state["last_ms"])
        if last_ms == NEVER:
            return None
        if state["present"]:
            throughout = since_ms <= impact_ms - _BEFORE_MS and last_ms >= impact_ms + _AFTER_MS
            return InBed.IN_BED if throughout else None
        if abs(since_ms - impact_ms) <= _LEFT_MS:
            return InBed.LEFT_BED
        return InBed.NOT_IN_BED if since_ms < impact_ms <= last_ms else None


def _unknown(count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    state = np.zeros(count, dtype=_STATE)
    state["since_ms"] = state["last_ms"] = NEVER
    return state
