"""Points for vital signs, and between which totals a score lies of which only some inputs are known.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017: chart 1 (points), chart 2
(what a total asks for). With fewer than its seven inputs a total is not a NEWS2, and is never called so.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.medical import Medical
from alerts.detectors.signs import BOTH, CHART_UNIT, SIGNS, UNKNOWN

#: The seven inputs: those that devices measure, then those that only a person can tell.
INPUTS: Final = (*SIGNS, "oxygen", "consciousness")
#: The most points each input can give.
MOST: Final = (3, 3, 3, 3, 3, 2, 3)
#: An input of which nothing is known.
NOT_KNOWN: Final = -1

_Bands = tuple[tuple[int, int], ...]
#: Charted values from which on so many points are given, up to the next; temperature in tenths of a degree.
_PULSE: Final[_Bands] = ((0, 3), (41, 1), (51, 0), (91, 1), (111, 2), (131, 3))
_RESPIRATION: Final[_Bands] = ((0, 3), (9, 1), (12, 0), (21, 2), (25, 3))
_TEMPERATURE: Final[_Bands] = ((0, 3), (351, 1), (361, 0), (381, 1), (391, 2))
_SYSTOLIC: Final[_Bands] = ((0, 3), (91, 2), (101, 1), (111, 0), (220, 3))
_SPO2: Final[_Bands] = ((0, 3), (92, 2), (94, 1), (96, 0))
_SPO2_2_AIR: Final[_Bands] = ((0, 3), (84, 2), (86, 1), (88, 0))
_SPO2_2_OXYGEN: Final[_Bands] = (*_SPO2_2_AIR, (93, 1), (95, 2), (97, 3))
#: How SpO2 is read: scale 1; scale 2 on air; scale 2 on oxygen; scale 2 where nobody said which of the two, fewest
#: points first (on air) and most (on oxygen).
_SPO2_READINGS: Final = (
    (_SPO2, _SPO2),
    (_SPO2_2_AIR, _SPO2_2_AIR),
    (_SPO2_2_OXYGEN, _SPO2_2_OXYGEN),
    (_SPO2_2_AIR, _SPO2_2_OXYGEN),
)


def _table(bands: _Bands) -> NDArray[np.int8]:
    table = np.empty(UNKNOWN + 1, dtype=np.int8)
    for start, points in bands:
        table[start:] = points
    table[UNKNOWN] = NOT_KNOWN
    return table


def _tables(most: int) -> NDArray[np.int8]:
    """By way of reading SpO2 and by sign, points of a charted value: (4 × 5 × 1024,)."""
    return np.concatenate(
        [
            _table(bands)
            for spo2 in _SPO2_READINGS
            for bands in (_PULSE, spo2[most], _RESPIRATION, _TEMPERATURE, _SYSTOLIC)
        ]
    )


_FEWEST_POINTS: Final = _tables(0)
_MOST_POINTS: Final = _tables(1)
_SURE_POINTS: Final = np.maximum(_FEWEST_POINTS, 0)
_SIGN_OFFSET: Final = np.arange(len(SIGNS)) * (UNKNOWN + 1)
_OFFSET: Final = np.concatenate([_SIGN_OFFSET, _SIGN_OFFSET[BOTH]])
_WAY_OFFSET: Final = len(SIGNS) * (UNKNOWN + 1)
_SPO2_SIGN: Final = SIGNS.index("spo2_pct")


def way_of(medical: Medical | None) -> int:
    """How a resident's signs are to be read, to be given to the functions below: it differs in SpO2.

    On scale 1; on scale 2 on air; on oxygen; or on one of the two where nobody said which.
    """
    if medical is None or medical.spo2_scale != 2:
        return 0
    return _WAY_OFFSET * {"air": 1, "oxygen": 2, None: 3}[medical.oxygen]


def _place(chart: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.int64]:
    place: NDArray[np.int64] = chart + _OFFSET[: chart.shape[1]]
    place[:, _SPO2_SIGN] += way
    return place


def fewest_points(chart: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.int8]:
    """Points (n, 5) of charted signs (n, 5) read in this `way` (n,), the fewest they may stand for.

    NOT_KNOWN where a sign is UNKNOWN.
    """
    return _FEWEST_POINTS.take(_place(chart, way))


def most_points(chart: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.int8]:
    """As `fewest_points`, the most they may stand for: it differs for SpO2 on scale 2 with oxygen unknown."""
    return _MOST_POINTS.take(_place(chart, way))


def sure_points(chart: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.int8]:
    """As `fewest_points`, and none where a sign is UNKNOWN; also by slot (n, 7), see `alerts.detectors.sources`."""
    return _SURE_POINTS.take(_place(chart, way))


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which totals the score lies, and how many of the seven inputs are known."""

    lowest: int
    highest: int
    known: int

    @property
    def name(self) -> str:
        """What it may be called."""
        return "news2" if self.known == len(INPUTS) else "early_warning_score"


def interval_of(fewest: NDArray[np.int8], most: NDArray[np.int8], oxygen: int, consciousness: int) -> Interval:
    """The interval for one person: points (5,) of the signs, of oxygen (0, 2) and consciousness (0, 3), or NOT_KNOWN.

    An input not known may give no point or as many as it can.
    """
    low = np.array([*fewest, oxygen, consciousness])
    high = np.array([*most, oxygen, consciousness])
    known = low != NOT_KNOWN
    return Interval(
        int(low[known].sum()), int(np.where(known, high, np.array(MOST)).sum()), int(np.count_nonzero(known))
    )


def measured(sign: int, charted_value: int) -> float:
    """A charted value of a sign in its own unit."""
    return round(charted_value * CHART_UNIT[sign], 1)
