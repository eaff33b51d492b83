"""What every detector is: pure functions over the state of the rows they are given.

The bank keeps one record of `state_dtype` for every device row a detector has heard of. It hands a detector
only the rows a batch touches, as compact arrays, and writes the new state back; so a detector's cost follows
the batch, not the fleet. Inside a detector `readings.row` indexes these compact arrays. Parameters are one record of
`params_dtype` a row; equal ones may share their memory.

The rules, each tested on every detector by the contract suite:

- no input is changed; a new state array is returned (where nothing changed: the same)
- no loop over devices, readings or samples
- a stream cut into batches anywhere gives the same findings as the whole
- the order of rows in a batch does not matter; readings of one row may come in any order within a batch
- a reading not later than what its row has already seen changes nothing (late backlogs ring no bell); of the urgent
  kinds, whatever their time, only an exact repeat of one of the latest events changes nothing
- times of telemetry are those of a clock put right (see `alerts.clocks`); urgent kinds come as sent
- a row that has said nothing is changed by the first tick or by none; if by none, it has no record in the bank
- state is a plain structured array: it survives `tobytes` and `frombuffer`
- device time decides what happened; `now_ms`, receive time, decides only what is silent or overdue
"""

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.findings import Finding
from ingest.contract import Kind
from ingest.readings import AnyReadings

Records = NDArray[np.void]
Result = tuple[Records, list[Finding]]


class Detector(Protocol):
    """One method of finding one condition."""

    #: A stable name; state is kept under it.
    name: ClassVar[str]
    #: The kinds of reading `update` takes.
    kinds: ClassVar[frozenset[Kind]]
    state_dtype: ClassVar[np.dtype[np.void]]
    params_dtype: ClassVar[np.dtype[np.void]]
    #: Seconds between two ticks; None where time alone changes nothing.
    tick_s: ClassVar[float | None]
    #: Whether a row is a resident, with the readings of all their devices, and not a device.
    by_resident: ClassVar[bool]

    def initial(self, count: int) -> Records:
        """The state of `count` rows that have said nothing yet."""
        ...

    def defaults(self, count: int) -> Records:
        """The parameters of directory rows 0 … count - 1 where nobody has set others."""
        ...

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take one batch of one kind in; state and params (k,) are of the touched rows, readings.row in [0, k)."""
        ...

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Let time pass for all rows given; findings' rows index `state`."""
        ...
