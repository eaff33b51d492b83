"""What bracelet and bed mat of a resident last measured, a number each, and which of the two counts.

Nothing is averaged, for the mean of a right and a wrong number is a wrong one: of two measurements of about the same
time the one of the better quality counts, and else the later.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.segments import NEVER
from alerts.detectors.signs import BOTH, SIGNS, UNKNOWN, charted, off_of, values_of
from ingest.readings import Bed, Vitals

Int = NDArray[np.int64]
Source = Literal["bracelet", "bed_mat"]

#: The first measures all signs; whatever sends vitals counts as one.
SOURCES: Final[tuple[Source, ...]] = ("bracelet", "bed_mat")
MAT_SIGNS: Final = tuple(range(len(SIGNS)))[BOTH]
#: Measurements are kept by slot: the bracelet's signs, then the mat's.
SLOTS: Final = len(SIGNS) + len(MAT_SIGNS)
BRACELET_SLOTS: Final = slice(0, len(SIGNS))
MAT_SLOTS: Final = slice(len(SIGNS), SLOTS)

#: A measurement is one number: charted value in the lowest bits, quality in thousandths above it, and above both the
#: time, so that later is greater.
_CHART_BITS: Final = 10
TIME_SHIFT: Final = 20
CHARTED: Final = (1 << _CHART_BITS) - 1
#: The quality of what was sent without one; it is in no measurement's way, and in nobody's favour: it stands above
#: what is called poor, and below what is called good.
_UNSAID: Final = 1023
_UNSAID_COUNTS: Final = 600


def slots_of(readings: Vitals | Bed) -> slice:
    """Which slots readings of this kind tell of."""
    return MAT_SLOTS if isinstance(readings, Bed) else BRACELET_SLOTS


def packed(readings: Vitals | Bed, quality_min: NDArray[np.float64]) -> Int:
    """What readings (n,) tell, by slot of their kind (n, 5 or 2); NEVER where nothing, or nothing to be believed.

    Those of poor quality (less than `quality_min` (n,)), of a bracelet not worn and of an empty mat tell nothing.
    """
    chart = charted(values_of(readings))
    if isinstance(readings, Bed):
        chart = chart[:, BOTH]
    quality = readings.quality
    code = np.fmin(quality * 1000.0 + 0.5, float(_UNSAID)).astype(np.int64)
    code |= readings.time_ms << (TIME_SHIFT - _CHART_BITS)
    code <<= _CHART_BITS
    unused = off_of(readings)
    unused |= quality < quality_min
    code[unused] = NEVER  # all ones, whatever is added to it
    result: Int = code[:, np.newaxis] | chart
    result[chart == UNKNOWN] = NEVER
    return result


def quality_of(measurement: int) -> float | None:
    """The quality 0–1 of one measurement; None where it was sent without."""
    code = measurement >> _CHART_BITS & _UNSAID
    return None if code == _UNSAID else code / 1000.0


def mat_counts(seen: Int, clock_ms: Int, better_ms: Int, expires_ms: Int) -> NDArray[np.bool_]:
    """For both signs (n, 2) whether at each of n moments the mat's measurement counts, and not the bracelet's.

    `seen` (n, 7) are the measurements by slot, `clock_ms` (n,) is now; a measurement stands against a later one for
    `better_ms` (n,), and not longer than it counts: `expires_ms` (n, 5). Of two equally good ones the bracelet's
    counts, which is the resident's for sure, and so they do not take turns.
    """
    bracelet, mat = seen[:, BRACELET_SLOTS][:, BOTH], seen[:, MAT_SLOTS]
    heard: NDArray[np.bool_] = mat != NEVER
    if not heard.any():  # most have no mat
        return heard
    bracelet_ms, mat_ms = bracelet >> TIME_SHIFT, mat >> TIME_SHIFT
    latest_ms = np.maximum(bracelet_ms, mat_ms)
    fresh_ms = np.minimum(latest_ms, clock_ms[:, np.newaxis] - expires_ms[:, BOTH])
    from_ms = np.maximum(latest_ms - better_ms[:, np.newaxis], fresh_ms)
    better = _rank(mat) > _rank(bracelet)
    result: NDArray[np.bool_] = heard & (mat_ms >= from_ms) & (better | (bracelet_ms < from_ms))
    return result


def counting(seen: Int, from_mat: NDArray[np.bool_]) -> Int:
    """The measurement of each sign (n, 5) that counts, as `mat_counts` says."""
    best = seen[:, BRACELET_SLOTS].copy()
    if from_mat.any():
        best[:, BOTH] = np.where(from_mat, seen[:, MAT_SLOTS], best[:, BOTH])
    return best


def _rank(measurement: Int) -> Int:
    code = measurement >> _CHART_BITS & _UNSAID
    return np.where(code == _UNSAID, _UNSAID_COUNTS, code)
