"""The five vital signs that devices measure, side by side, and as a person would write them on a chart."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.readings import Bed, Vitals

#: The signs in the order of their columns, wherever there are five.
SIGNS: Final = ("heart_rate_bpm", "spo2_pct", "respiration_per_min", "temperature_c", "systolic_mmhg")
#: Those that a bed mat measures too, as columns of SIGNS.
BOTH: Final = slice(0, 3, 2)
#: A charted value times this is the measured one: whole numbers, temperature in tenths.
CHART_UNIT: Final = (1.0, 1.0, 1.0, 0.1, 1.0)
#: Charted values lie below this; it stands itself for a sign that was not measured.
UNKNOWN: Final = 1023
_PER_UNIT: Final = np.array([1.0, 1.0, 1.0, 10.0, 1.0])
#: A share of a unit that no device means: 39.05 °C is stored as slightly less than that.
_HALF: Final = 0.5 + 1e-6


def values_of(readings: Vitals | Bed) -> NDArray[np.float64]:
    """The signs (n, 5) of readings; NaN where one was not measured, as a mat measures but two."""
    values = np.empty((len(SIGNS), len(readings)))  # sign by sign: numpy is quick along what lies together
    values[0] = readings.heart_rate_bpm
    values[2] = readings.respiration_per_min
    if isinstance(readings, Vitals):
        values[1] = readings.spo2_pct
        values[3] = readings.temperature_c
        values[4] = readings.systolic_mmhg
    else:
        values[1] = values[3] = values[4] = np.nan
    return values.T


def off_of(readings: Vitals | Bed) -> NDArray[np.bool_]:
    """Whether (n,) a bracelet said that it is not worn, a mat that nobody lies on it."""
    result: NDArray[np.bool_] = (readings.worn if isinstance(readings, Vitals) else readings.present) == 0
    return result


def charted(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Signs (n, 5) in whole units of the chart, halves rounded up; UNKNOWN where one is NaN."""
    # fmin prefers the number to the NaN, so what was not measured becomes UNKNOWN.
    result: NDArray[np.int64] = np.fmin(values * _PER_UNIT + _HALF, float(UNKNOWN)).astype(np.int64)
    return result
