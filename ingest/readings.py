"""Columns: one frozen class a kind, all arrays of one class equally long, one entry a reading.

Every class has these columns:

- `row` int32: the device's row number in the directory
- `time_ms` int64: device time, Unix milliseconds (of the first sample where a reading holds samples)
- `received_ms` int64: when this service received it
- `seq` int64: the device's counter, -1 where it sent none
- `time_assumed` bool: the device sent no time, `time_ms` is the receive time

A number that was not sent is NaN; a yes/no that was not sent is -1 (int8: 1 yes, 0 no).
Arrays are never written to after they were made.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from ingest.contract import Action, Crs, FallState, Kind, PositionSource

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Row = NDArray[np.int32]
Code = NDArray[np.int8]
Flag = NDArray[np.bool_]

UNKNOWN: Final = -1

#: The order in which enumerations become codes.
ACTIONS: Final = tuple(Action)
FALL_STATES: Final = tuple(FallState)
SOURCES: Final = tuple(PositionSource)
CRSS: Final = tuple(Crs)


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns common to all kinds (see the module)."""

    KIND: ClassVar[Kind]
    #: Columns that are shared by all readings, not one entry each.
    SHARED: ClassVar[frozenset[str]] = frozenset()

    row: Row
    time_ms: Int
    received_ms: Int
    seq: Int
    time_assumed: Flag

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The readings at `index` (positions or a mask), in that order; shared columns stay shared."""
        columns = (getattr(self, name) for name in self.__match_args__)
        return type(self)(
            *(c if name in self.SHARED else c[index] for name, c in zip(self.__match_args__, columns, strict=True))
        )

    def with_rows(self, row: Row) -> Self:
        """The same readings under other row numbers (n,)."""
        return type(self)(row, *(getattr(self, name) for name in self.__match_args__[1:]))


@dataclass(frozen=True, slots=True)
class Vitals(Readings):
    """A bracelet's readings: /min, %, °C, mmHg, count since local midnight, 0–1."""

    KIND: ClassVar[Kind] = Kind.VITALS

    heart_rate_bpm: Float
    spo2_pct: Float
    temperature_c: Float
    respiration_per_min: Float
    systolic_mmhg: Float
    diastolic_mmhg: Float
    steps: Float
    worn: Code
    quality: Float
    battery_pct: Float


@dataclass(frozen=True, slots=True)
class Bed(Readings):
    """A bed mat's readings; `moving_share` 0–1 of the period."""

    KIND: ClassVar[Kind] = Kind.BED

    present: Code
    heart_rate_bpm: Float
    respiration_per_min: Float
    moving_share: Float
    quality: Float


@dataclass(frozen=True, slots=True)
class Location(Readings):
    """Fixes in WGS-84 degrees, whatever the device spoke; `source` indexes SOURCES, `crs` is what it spoke (CRSS)."""

    KIND: ClassVar[Kind] = Kind.LOCATION

    lat_deg: Float
    lon_deg: Float
    accuracy_m: Float
    source: Code
    crs: Code
    speed_m_s: Float
    battery_pct: Float


@dataclass(frozen=True, slots=True)
class Sos(Readings):
    """Presses; `action` indexes ACTIONS, the position is as in Location and may be unknown (NaN)."""

    KIND: ClassVar[Kind] = Kind.SOS

    action: Code
    lat_deg: Float
    lon_deg: Float
    accuracy_m: Float
    source: Code
    crs: Code


@dataclass(frozen=True, slots=True)
class Fall(Readings):
    """Events of the devices' own detectors; `state` indexes FALL_STATES, `confidence` 0–1."""

    KIND: ClassVar[Kind] = Kind.FALL

    state: Code
    confidence: Float


@dataclass(frozen=True, slots=True)
class Status(Readings):
    """The devices about themselves; `firmware` is '' where unknown."""

    KIND: ClassVar[Kind] = Kind.STATUS

    battery_pct: Float
    charging: Code
    worn: Code
    rssi_dbm: Float
    firmware: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Motion(Readings):
    """Packets of acceleration: reading i holds `acc_g[start[i] : start[i] + count[i]]`, in g, gravity included.

    `acc_g` is float32 (samples, 3) and shared by all readings.
    """

    KIND: ClassVar[Kind] = Kind.MOTION
    SHARED: ClassVar[frozenset[str]] = frozenset({"acc_g"})

    rate_hz: Float
    start: Int
    count: Int
    acc_g: NDArray[np.float32]

    @property
    def samples(self) -> NDArray[np.float32]:
        """The shared sample array, whatever the kind calls it."""
        return self.acc_g


@dataclass(frozen=True, slots=True)
class Bcg(Readings):
    """Packets of raw bed signal, laid out as in Motion; `signal` is float32 (samples,), arbitrary unit."""

    KIND: ClassVar[Kind] = Kind.BCG
    SHARED: ClassVar[frozenset[str]] = frozenset({"signal"})

    rate_hz: Float
    start: Int
    count: Int
    signal: NDArray[np.float32]

    @property
    def samples(self) -> NDArray[np.float32]:
        """The shared sample array, whatever the kind calls it."""
        return self.signal


AnyReadings = Vitals | Bed | Location | Sos | Fall | Status | Motion | Bcg
BY_KIND: Final[dict[Kind, type[AnyReadings]]] = {
    c.KIND: c for c in (Vitals, Bed, Location, Sos, Fall, Status, Motion, Bcg)
}
