"""A long pause in breathing of somebody who lies still on a mat that could measure it a moment ago."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records, Result
from alerts.detectors.occupancy import words
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments, since_ms, switch
from alerts.findings import Change, Condition, Finding, Priority
from ingest.contract import Kind
from ingest.readings import AnyReadings, Bed

Flag = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BreathingPauseSettings:
    """When a pause is long.

    `pause_s`: respiration of 0 for so long. A pause of 10 s counts as an apnoea in scoring sleep (AASM Manual for the
    Scoring of Sleep and Associated Events), and many people have dozens a night, so it is no alarm; patient monitors
    let 10 to 40 s be set, such as 20 s and more (Philips Efficia CM, instructions for use), which is what is taken.
    A mat averages over its period: one that reports every 10 s says so for the third time before this.
    `lost_s`: a mat that finds a heart beat and, in the same readings, sends no respiration at all may only have lost
    it: three times as long, and of medium priority, for the heart beats (our choice).
    `measured_s`: it measured respiration so shortly before, or else it may not be able to (our choice).
    `moving_most`, `quality_min`: whoever moves for more of a reading's time is no still sleeper, and a reading that
    says nothing of its own quality, or less than this, is not believed here (our choices).
    """

    pause_s: float = 20.0
    lost_s: float = 60.0
    measured_s: float = 300.0
    moving_most: float = 0.1
    quality_min: float = 0.5


class BreathingPause:
    """No breath in an unbroken run of good readings of a still sleeper, after breaths were measured.

    Needs `present`, `rr`, `move` and `quality`, all sent; readings further apart than `pause_s` are no run. A reading
    that is poor, or of somebody who moves, breaks the run and ends nothing. It ends with a breath measured, or with the
    bed left or emptied.
    Misses: pauses shorter than `pause_s`, obstructed breathing in which the chest goes on moving, any mat that cannot
    tell 0 from "not measured" and sends neither quality nor movement. Not an apnoea monitor.
    """

    name: ClassVar[str] = "breathing_pause"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.BED})
    state_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last_ms", "<i8"),
            #: Since when respiration is 0, and since when it is 0 or lost; when breath was last measured.
            ("zero_ms", "<i8"),
            ("none_ms", "<i8"),
            ("breath_ms", "<i8"),
            ("onset_ms", "<i8"),
            ("zero_onset_ms", "<i8"),
            ("active", "?"),
            #: Told as high: respiration is not lost but 0.
            ("zero_active", "?"),
        ]
    )
    params_dtype: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("pause_ms", "<i8"),
            ("lost_ms", "<i8"),
            ("measured_ms", "<i8"),
            ("moving_most", "<f8"),
            ("quality_min", "<f8"),
        ]
    )
    tick_s: ClassVar[float | None] = None
    by_resident: ClassVar[bool] = False

    def __init__(self, settings: BreathingPauseSettings | None = None) -> None:
        self._settings = settings or BreathingPauseSettings()

    def initial(self, count: int) -> Records:
        """Mats that measured nothing yet."""
        state = np.zeros(count, dtype=self.state_dtype)
        for field in ("last_ms", "zero_ms", "none_ms", "breath_ms", "onset_ms", "zero_onset_ms"):
            state[field] = NEVER
        return state

    def defaults(self, count: int) -> Records:
        """The settings' parameters for each row."""
        settings = self._settings
        params = np.empty(count, dtype=self.params_dtype)
        for name in ("pause", "lost", "measured"):
            params[f"{name}_ms"] = round(getattr(settings, f"{name}_s") * 1000)
        params["moving_most"], params["quality_min"] = settings.moving_most, settings.quality_min
        return params

    def update(self, state: Records, readings: AnyReadings, params: Records, now_ms: int) -> Result:
        """Take readings of mats in; see the class."""
        assert isinstance(readings, Bed)
        state = copied(state)
        index = words(readings, state["last_ms"])
        if not len(index):
            return state, []
        bed = readings.take(index)
        row, time_ms, own = bed.row, bed.time_ms, params[bed.row]
        segments = Segments.of(row)
        # NaN is neither good nor still.
        good = (bed.present == 1) & (bed.quality >= own["quality_min"])
        breath = good & (bed.respiration_per_min > 0)
        still = good & (bed.moving_share <= own["moving_most"])
        zero = still & (bed.respiration_per_min == 0)
        none = zero | (still & np.isnan(bed.respiration_per_min) & (bed.heart_rate_bpm > 0))

        before_ms = np.where(segments.first, state["last_ms"][row], np.roll(time_ms, 1))
        gap = (before_ms != NEVER) & (time_ms - before_ms > own["pause_ms"])
        zero_ms = _since(segments, zero, gap, time_ms, state["zero_ms"])
        none_ms = _since(segments, none, gap, time_ms, state["none_ms"])
        # What was measured before the bed was left was of another stay.
        latest, gone = segments.latest(breath), segments.latest(bed.present == 0)
        breath_ms = np.where(gone >= 0, NEVER, state["breath_ms"][row])
        breath_ms = np.where(latest > gone, time_ms[latest], breath_ms)
        measured = (breath_ms != NEVER) & (none_ms - breath_ms <= own["measured_ms"])
        zero_long = zero & (time_ms - zero_ms >= own["pause_ms"]) & measured
        lost_long = none & (time_ms - none_ms >= own["lost_ms"]) & measured
        over = breath | (bed.present == 0)
        alarms = switch(segments, zero_long | lost_long, over, none_ms, state["active"], state["onset_ms"])
        zeros = switch(segments, zero_long, over, zero_ms, state["zero_active"], state["zero_onset_ms"])
        # What was told as lost is told once more, and as more urgent, once it is 0.
        worse = zeros.began & ~alarms.began
        onset_ms = np.where(worse, zeros.onset_ms, alarms.onset_ms)

        last = segments.last
        rows = row[last]
        for field, values in (
            ("last_ms", time_ms), ("zero_ms", zero_ms), ("none_ms", none_ms), ("breath_ms", breath_ms),
            ("onset_ms", alarms.onset_ms), ("active", alarms.active),
            ("zero_onset_ms", zeros.onset_ms), ("zero_active", zeros.active),
        ):  # fmt: skip
            state[field][rows] = values[last]
        return state, [
            Finding(
                row=int(row[at]),
                condition=Condition.VITALS,
                cause="breathing_pause",
                change=Change.ENDED if alarms.ended[at] else Change.BEGAN,
                priority=Priority.HIGH if zeros.active[at] or zeros.ended[at] else Priority.MEDIUM,
                onset_ms=int(onset_ms[at]),
                found_ms=int(time_ms[at]),
                evidence=_evidence(bed, int(at), int(onset_ms[at]), own[at]),
            )
            for at in np.flatnonzero(alarms.began | alarms.ended | worse)
        ]

    def tick(self, state: Records, params: Records, now_ms: int) -> Result:
        """Time alone measures nothing, and a mat that is silent has not stopped a breath."""
        return state, []


def _since(
    segments: Segments, holds: Flag, gap: Flag, time_ms: NDArray[np.int64], carried_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Since when (n,) it holds, without a break and without a gap before any reading of the run."""
    began_ms = since_ms(segments, holds, time_ms, carried_ms)
    cut = segments.latest(gap)
    return np.where(holds & (cut >= 0), np.maximum(began_ms, time_ms[cut]), began_ms)


def _evidence(bed: Bed, at: int, onset_ms: int, own: np.void) -> tuple[tuple[str, float | int | str], ...]:
    sent = bool(np.isfinite(bed.respiration_per_min[at]))
    zero = sent and bed.respiration_per_min[at] == 0
    heart = float(bed.heart_rate_bpm[at])
    return (
        ("respiration_per_min", float(bed.respiration_per_min[at]) if sent else "not_measured"),
        ("held_s", (int(bed.time_ms[at]) - onset_ms) / 1000.0),
        ("limit_s", float(own["pause_ms" if zero else "lost_ms"]) / 1000.0),
        *((("heart_rate_bpm", heart),) if np.isfinite(heart) else ()),
        *((("quality", float(bed.quality[at])),) if np.isfinite(bed.quality[at]) else ()),
    )
