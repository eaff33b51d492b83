"""The usual pulse of every wearer, so that after a fall it can be said what it was before."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.segments import NEVER, Segments, in_order
from ingest.readings import Vitals

#: A reading weighs this much in the usual pulse: about the last twenty count.
_WEIGHT: Final = 0.1
#: A pulse not heard for longer than this is no longer the usual one.
_SILENCE_MS: Final = 600_000
_QUALITY_MIN: Final = 0.5

_STATE: Final = np.dtype([("bpm", "<f4"), ("last_ms", "<i8")])


def believable(vitals: Vitals) -> NDArray[np.bool_]:
    """Which readings hold a pulse: worn, not of a quality the device itself calls low."""
    good: NDArray[np.bool_] = np.isfinite(vitals.heart_rate_bpm) & (vitals.heart_rate_bpm > 0) & (vitals.worn != 0)
    return good & ~(vitals.quality < _QUALITY_MIN)


class Pulse:
    """A running mean by row; 12 bytes a row. Not kept through a restart."""

    def __init__(self) -> None:
        self._state = _unknown(0)

    def update(self, vitals: Vitals) -> None:
        """Take readings in."""
        good = np.flatnonzero(believable(vitals))
        if not len(good):
            return
        row, time_ms = vitals.row[good], vitals.time_ms[good]
        size = int(row.max()) + 1
        if size > len(self._state):
            self._state = np.concatenate([self._state, _unknown(size - len(self._state))])
        order = in_order(row, time_ms, self._state["last_ms"])
        row, time_ms, bpm = row[order], time_ms[order], vitals.heart_rate_bpm[good[order]]
        # One step a reading of the longest backlog, each over all wearers at once: mostly there is one.
        for now in Segments.of(row).turns():
            mine = self._state[row[now]]
            known = (mine["last_ms"] != NEVER) & (time_ms[now] - mine["last_ms"] <= _SILENCE_MS)
            mine["bpm"] = np.where(known, mine["bpm"] + _WEIGHT * (bpm[now] - mine["bpm"]), bpm[now])
            mine["last_ms"] = time_ms[now]
            self._state[row[now]] = mine

    def usual_bpm(self, row: int, at_ms: int) -> float | None:
        """The usual pulse of a row at a time, None where nothing was heard shortly before."""
        if row >= len(self._state):
            return None
        last_ms = int(self._state["last_ms"][row])
        if last_ms == NEVER or at_ms - last_ms > _SILENCE_MS:
            return None
        return float(self._state["bpm"][row])


def _unknown(count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    state = np.zeros(count, dtype=_STATE)
    state["last_ms"] = NEVER
    return state
