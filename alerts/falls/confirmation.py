"""A fall that was found, confirmed or put in doubt by what else is known of the same person in the minutes around it.

A suspicion is raised by lying still, by a second detector, by having left the bed, by a pulse beyond what is safe; a
wearer who was in bed throughout did not fall, and the alarm is lowered; the wearer cancels it, or walks on. Nothing
here ends an alarm: it stays until a person closes it. A fall that the wearer's own device confirmed is neither lowered
nor cancelled by walking: the device has asked its wearer.

Only people with a fall to judge are looked at, `_MOST` at once: beyond that alarms stay as urgent as they were raised.
Nothing is kept on disk: after a restart the falls of the last minutes are taken up again from the open alarms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import numpy as np

from alerts.alarm import CANCELLED_BY, Alarm
from alerts.falls.after_fall import STILL_UNTIL_S, Walk, still_s, walk
from alerts.falls.presence import InBed, Presence
from alerts.falls.pulse import Pulse, believable
from alerts.falls.samples import Packets, Samples
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from ingest.contract import Action, FallState
from ingest.directory import Device
from ingest.readings import ACTIONS, FALL_STATES, AnyReadings, Bed, Fall, Sos, Vitals

#: Causes that a wrist's motion or a device's first suspicion raise: what may turn out not to have been a fall.
WRIST: Final = frozenset({"wrist_suspected", "wrist_fall"})
DOUBTFUL: Final = WRIST | {"device_suspected"}
#: What the device's own detector is called as a witness.
_DEVICE_SAID: Final = {"device_suspected": "suspected", "device_confirmed": "confirmed"}

#: So long after the impact everything still counts.
WATCH_MS: Final = 180_000
#: And so long by the clock that received it: a late burst has come by then, or not at all.
_PATIENCE_MS: Final = 300_000
#: Two detectors that see a fall within this see the same one (devices ask their wearer for up to a minute).
SAME_FALL_MS: Final = 60_000
#: Stillness is told when it has lasted so long, and raises a suspicion when it has lasted a minute.
_STILL_TOLD_S: Final = (10.0, 30.0, 60.0)
_STILL_RAISES_S: Final = 60.0
#: Whoever walks off does so after the impact has died away.
_WALK_FROM_S: Final = 3.0
_WALK_WINDOW_S: Final = 15.0
#: The pulse from so long after the impact (the sensor has slipped and settles) to a minute after it; the middle of
#: three readings or more. It raises a suspicion where it is worth three points of NEWS2 (Royal College of Physicians,
#: 2017, chart 1): 40 /min or less, 131 /min or more. A lesser rise is told and decides nothing.
_PULSE_MS: Final = (5_000, 60_000)
_PULSE_FEWEST: Final = 3
_PULSE_LOW_BPM: Final = 40.0
_PULSE_HIGH_BPM: Final = 131.0
_MOST: Final = 100

_CANCEL: Final = ACTIONS.index(Action.CANCEL)
_CANCELLED: Final = FALL_STATES.index(FallState.CANCELLED)
_RANK: Final = (Priority.LOW, Priority.MEDIUM, Priority.HIGH)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a fall besides the fall: None and 0 where nothing is."""

    cause: str
    raised_as: Priority
    still_s: float = 0.0
    in_bed: InBed | None = None
    device_said: str | None = None
    motion_said: bool = False
    pulse_before_bpm: float | None = None
    pulse_after_bpm: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How urgent a fall is in the light of the facts, and what of them to tell."""

    priority: Priority
    evidence: Evidence


def judge(facts: Facts) -> Verdict:
    """Weigh the facts; pure, and the same whatever the order in which they came."""
    evidence: list[tuple[str, float | int | str]] = []
    told_s = max((limit for limit in _STILL_TOLD_S if facts.still_s >= limit), default=0.0)
    if told_s:
        evidence.append(("lay_still_s", int(told_s)))
    if facts.in_bed is not None:
        evidence.append(("bed", str(facts.in_bed)))
    if facts.device_said is not None:
        evidence.append(("device_said", facts.device_said))
    pulse_bpm = facts.pulse_after_bpm
    if pulse_bpm is not None:
        if facts.pulse_before_bpm is not None:
            evidence.append(("pulse_before_bpm", round(facts.pulse_before_bpm)))
        evidence.append(("pulse_after_bpm", round(pulse_bpm)))

    confirmed = facts.cause == "device_confirmed" or facts.device_said == "confirmed"
    if facts.in_bed is InBed.IN_BED and not confirmed:
        return Verdict(Priority.LOW, (*evidence, ("decided_by", "bed")))
    if facts.raised_as is not Priority.MEDIUM:
        return Verdict(facts.raised_as, tuple(evidence))
    raisers = {
        "device_said": facts.device_said is not None and facts.cause in WRIST,
        "motion_said": facts.motion_said and facts.cause in _DEVICE_SAID,
        "bed": facts.in_bed is InBed.LEFT_BED,
        "lay_still_s": told_s >= _STILL_RAISES_S,
        "pulse_after_bpm": pulse_bpm is not None and not _PULSE_LOW_BPM < pulse_bpm < _PULSE_HIGH_BPM,
    }
    for name, raises in raisers.items():
        if raises:
            return Verdict(Priority.HIGH, (*evidence, ("decided_by", name)))
    return Verdict(Priority.MEDIUM, tuple(evidence))


@dataclass(slots=True)
class _Case:
    """A fall being looked at: of which alarm, found on which row, and the rows of all the resident's devices."""

    alarm: str
    row: int
    rows: frozenset[int]
    impact_ms: int
    until_ms: int
    cause: str
    raised_as: Priority
    told: Verdict
    samples: list[Samples] = field(default_factory=list)
    pulse_before_bpm: float | None = None
    pulses: dict[int, float] = field(default_factory=dict)
    still_s: float = 0.0
    in_bed: InBed | None = None
    device_said: str | None = None
    motion_said: bool = False
    found_ms: int = 0


class Confirmation:
    """Follows every fall for three minutes; give it each batch after the findings of that batch are journalled."""

    def __init__(self) -> None:
        self._presence = Presence()
        self._pulse = Pulse()
        self._cases: dict[str, _Case] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def follow(self, alarm: Alarm, row: int, devices: Sequence[Device], samples: Samples, now_ms: int) -> list[Finding]:
        """A fall began, or is worse, on `row` of `devices`; `samples` are what is known of its motion so far."""
        known = self._cases.get(alarm.alarm)
        same = known is not None and abs(alarm.latest_onset_ms - known.impact_ms) <= SAME_FALL_MS
        if known is not None and same and row == known.row:
            known.cause = known.cause if alarm.cause in _DEVICE_SAID else alarm.cause
            known.raised_as = max(known.raised_as, alarm.priority, key=_RANK.index)
            known.told = Verdict(alarm.priority, known.told.evidence)
            return self._judged(known)
        if known is None and len(self._cases) >= _MOST:
            return []
        resident = devices[row].resident
        # One step a device, but only where somebody fell.
        rows = {row} if resident is None else {i for i, d in enumerate(devices) if d.resident == resident}
        case = _Case(
            alarm=alarm.alarm,
            row=row,
            rows=frozenset(rows),
            impact_ms=alarm.latest_onset_ms,
            until_ms=now_ms + _PATIENCE_MS,
            cause=alarm.cause,
            raised_as=alarm.priority,
            told=Verdict(alarm.priority, ()),
            pulse_before_bpm=self._pulse.usual_bpm(row, alarm.latest_onset_ms),
            device_said=_DEVICE_SAID.get(known.cause, known.device_said) if known is not None and same else None,
            motion_said=known is not None and same and (known.motion_said or known.cause in WRIST),
            found_ms=alarm.latest_onset_ms,
        )
        self._cases[alarm.alarm] = case
        self._look_in_beds()
        return self._moved(case, samples) + self._judged(case)

    def resume(self, alarms: Iterable[Alarm], devices: Sequence[Device], now_ms: int) -> None:
        """Take up the falls of the last minutes again, after a restart."""
        row_of = {(device.site, device.device): row for row, device in enumerate(devices)}
        for alarm in alarms:
            row = row_of.get((alarm.site, alarm.device))
            recent = now_ms - alarm.raised_ms < _PATIENCE_MS
            if alarm.condition is Condition.FALL and recent and row is not None and not alarm.cancelled:
                self.follow(alarm, row, devices, Samples.none(), now_ms)

    def drop(self, alarm: str) -> None:
        """An alarm was closed or called off: nothing more is to be said of it."""
        self._cases.pop(alarm, None)

    def update(self, readings: Iterable[AnyReadings], packets: Packets | None) -> list[Finding]:
        """Take a batch in, its motion as `packets`; what it says of the falls being looked at."""
        findings: list[Finding] = []
        for batch in readings:  # at most one a kind
            match batch:
                case Bed():
                    self._presence.update(batch, self._look_in_beds)
                case Vitals():
                    self._pulse.update(batch)
                    self._felt(batch)
                case Sos():
                    findings += self._called_off(batch, batch.action == _CANCEL)
                case Fall():
                    findings += self._called_off(batch, batch.state == _CANCELLED)
                case _:
                    pass
        for case in list(self._cases.values()):  # few: people who have just fallen
            if packets is not None:
                findings += self._moved(case, packets.of_row(case.row))
            findings += self._judged(case)
        return findings

    def witness(self, findings: Iterable[Finding]) -> None:
        """Take note of what detectors found: a device's own event and the motion are witnesses of each other.

        What raised the alarm is no witness of it, however often it is delivered.
        """
        for finding in findings:
            said, moved = _DEVICE_SAID.get(finding.cause), finding.cause in WRIST
            if finding.change is not Change.BEGAN or not (said or moved):
                continue
            for case in self._cases.values():
                same = finding.row in case.rows and abs(finding.onset_ms - case.impact_ms) <= SAME_FALL_MS
                if not same or (finding.row, finding.cause) == (case.row, case.cause):
                    continue
                if moved:
                    case.motion_said = True
                elif case.device_said != "confirmed":
                    case.device_said = said
                case.found_ms = max(case.found_ms, finding.found_ms)

    def tick(self, now_ms: int) -> None:
        """Let go of falls of which nothing more can come."""
        for name in [name for name, case in self._cases.items() if now_ms >= case.until_ms]:
            del self._cases[name]

    def _look_in_beds(self) -> None:
        """Ask the mats about every fall; once they have spoken they are not asked again."""
        for case in self._cases.values():
            if case.in_bed is None:
                case.in_bed = self._presence.around(case.rows, case.impact_ms)

    def _felt(self, vitals: Vitals) -> None:
        if not self._cases:
            return
        good = vitals.take(believable(vitals))
        for case in self._cases.values():
            from_ms, to_ms = (case.impact_ms + after_ms for after_ms in _PULSE_MS)
            mine = (good.row == case.row) & (good.time_ms >= from_ms) & (good.time_ms < to_ms)
            if mine.any():
                case.pulses.update(zip(good.time_ms[mine].tolist(), good.heart_rate_bpm[mine].tolist(), strict=True))
                case.found_ms = max(case.found_ms, int(good.time_ms[mine].max()))

    def _moved(self, case: _Case, new: Samples) -> list[Finding]:
        new = new.between(case.impact_ms, case.impact_ms + WATCH_MS)
        if not len(new):
            return []
        case.samples.append(new)
        samples = Samples.joined(case.samples)
        case.samples = [samples]
        sample_ms = samples.sample_ms
        case.found_ms = max(case.found_ms, int(sample_ms[-1]))
        if new.time_ms[0] < case.impact_ms + 1000 * STILL_UNTIL_S:
            case.still_s = max(case.still_s, still_s((sample_ms - case.impact_ms) / 1000, samples.acc_g))
        if case.cause not in DOUBTFUL or case.device_said == "confirmed":
            return []
        first_s = (float(new.time_ms[0]) - case.impact_ms) / 1000
        around = samples.between(case.impact_ms + 1000 * max(_WALK_FROM_S, first_s - _WALK_WINDOW_S), np.inf)
        if not len(around):
            return []
        walked = walk((around.sample_ms - case.impact_ms) / 1000, around.acc_g)
        return [] if walked is None else self._walked(case, walked)

    def _walked(self, case: _Case, walked: Walk) -> list[Finding]:
        self.drop(case.alarm)
        evidence = (
            (CANCELLED_BY, "walking"),
            ("walked_after_s", round(walked.end_s)),
            ("steps_per_min", round(walked.steps_per_min)),
        )
        found_ms = case.impact_ms + round(walked.end_s * 1000)
        return [_finding(case, Change.CANCELLED, case.told.priority, found_ms, evidence)]

    def _called_off(self, events: Sos | Fall, cancels: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Finding]:
        findings = []
        for place in np.flatnonzero(cancels).tolist():  # few: somebody pressed a button
            row, time_ms = int(events.row[place]), int(events.time_ms[place])
            for case in list(self._cases.values()):
                if row in case.rows and case.impact_ms <= time_ms <= case.impact_ms + WATCH_MS:
                    self.drop(case.alarm)
                    by = ((CANCELLED_BY, "wearer"),)
                    findings.append(_finding(case, Change.CANCELLED, case.told.priority, time_ms, by))
        return findings

    def _judged(self, case: _Case) -> list[Finding]:
        """What is new of a fall, if anything."""
        if case.alarm not in self._cases:
            return []
        enough = len(case.pulses) >= _PULSE_FEWEST
        verdict = judge(
            Facts(
                cause=case.cause,
                raised_as=case.raised_as,
                still_s=case.still_s,
                in_bed=case.in_bed,
                device_said=case.device_said,
                motion_said=case.motion_said,
                pulse_before_bpm=case.pulse_before_bpm,
                pulse_after_bpm=median(case.pulses.values()) if enough else None,
            )
        )
        if verdict == case.told:
            return []
        case.told = verdict
        return [_finding(case, Change.WITNESSED, verdict.priority, case.found_ms, verdict.evidence)]


def _finding(case: _Case, change: Change, priority: Priority, found_ms: int, evidence: Evidence) -> Finding:
    return Finding(
        row=case.row,
        condition=Condition.FALL,
        cause=case.cause,
        change=change,
        priority=priority,
        onset_ms=case.impact_ms,
        found_ms=found_ms,
        evidence=evidence,
    )
