"""A bracelet that lies somewhere instead of being worn: nobody is watched by it, and nobody is ill."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.rowwise import copied, raise_to
from alerts.detectors.segments import NEVER, Segments, in_order, since_ms, switch
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Status, Vitals


@dataclass(frozen=True, slots=True)
class WearSettings:
    """When somebody is to look for a bracelet.

    `not_worn_s`: it has said so for this long; half an hour is longer than washing and dressing take (our choice).
    """

    not_worn_s: float = 1_800.0


class Wear:
    """A bracelet says "not worn" in an unbroken run for `not_worn_s`; it ends when it is worn again or charging.

    Needs `worn`, in vitals or status. A device that last said it is charging is where it belongs, until it says that
    it is not, or that it is worn. Readings that say neither are as if never sent.
    Misses: a bracelet that cannot tell whether it is worn, and one that falls silent when taken off.
    """

    name: ClassVar[str] = "wear"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VITALS, Kind.STATUS})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            #: By kind: what is measured and what a device says of itself may come by ways of different speed.
            ("last_ms", "<i8", (2,)),
            ("since_ms", "<i8"),
            ("onset_ms", "<i8"),
            ("active", "?"),
            ("charging", "?"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype([("not_worn_ms", "<i8")])
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: WearSettings | None = None) -> None:
        self._settings = settings or WearSettings()

    def initial(self, count: int) -> Records:
        """Devices that have not said whether they are worn."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "since_ms", "onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        return np.full(count, round(self._settings.not_worn_s * 1000), dtype=self.params_dtype)

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take in who is worn, and who hangs on a charger; see the class."""
        assert isinstance(readings, Vitals | Status)
        state = copied(state)
        kind = int(isinstance(readings, Status))
        last_ms = state["last_ms"][:, kind]
        findings: list[Finding] = []
        # A bracelet that was worn and still is has nothing to tell.
        going_on = state["active"] | state["charging"] | (state["since_ms"] != NEVER)
        told = np.count_nonzero(going_on) or np.count_nonzero(readings.worn == 0)
        if told or (isinstance(readings, Status) and np.count_nonzero(readings.charging == 1)):
            none = np.full(len(readings), -1, dtype=np.int8)
            charging = readings.charging if isinstance(readings, Status) else none
            index = np.flatnonzero((readings.worn != -1) | (charging != -1))
            index = index[in_order(readings.row[index], readings.time_ms[index], last_ms)]
            if len(index):
                findings = _follow(
                    state, params, readings.row[index], readings.time_ms[index], readings.worn[index], charging[index]
                )
        raise_to(last_ms, readings.row, readings.time_ms)
        return state, findings

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone says nothing: who falls silent is the watch's over silence."""
        return state, []


def _follow(
    state: Records,
    params: Records,
    row: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    worn: NDArray[np.int8],
    charging: NDArray[np.int8],
) -> list[Finding]:
    """Take readings (n,), sorted by row and time, that say either; `state` is ours, and written."""
    segments = Segments.of(row)
    decided = segments.latest((charging != -1) | (worn == 1))  # being worn takes a device off its charger
    on_charger = np.where(decided >= 0, (charging[decided] == 1) & (worn[decided] != 1), state["charging"][row])
    state["charging"][row[segments.last]] = on_charger[segments.last]

    spoken = (worn != -1) | on_charger  # "no longer charging" alone does not say where it is
    row, time_ms, lying = row[spoken], time_ms[spoken], (worn[spoken] == 0) & ~on_charger[spoken]
    if not len(row):
        return []
    segments = Segments.of(row)
    began_ms = since_ms(segments, lying, time_ms, state["since_ms"])
    long = lying & (time_ms - began_ms >= params["not_worn_ms"][row])
    alarms = switch(segments, long, ~lying, began_ms, state["active"], state["onset_ms"])
    last = segments.last
    state["since_ms"][row[last]] = began_ms[last]
    state["onset_ms"][row[last]] = alarms.onset_ms[last]
    state["active"][row[last]] = alarms.active[last]
    return [
        Finding(
            row=int(row[i]),
            condition=Condition.DEVICE,
            cause="not_worn",
            change=Change.BEGAN if alarms.began[i] else Change.ENDED,
            priority=Priority.LOW,
            onset_ms=int(alarms.onset_ms[i]),
            found_ms=int(time_ms[i]),
            evidence=(
                ("not_worn_s", int(time_ms[i] - alarms.onset_ms[i]) / 1000.0),
                ("limit_not_worn_s", float(params["not_worn_ms"][row[i]]) / 1000.0),
            ),
        )
        for i in np.flatnonzero(alarms.began | alarms.ended)
    ]
