"""What else is known of a person who may have fallen raises, lowers or cancels the alarm."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alerts.alarm import Alarm
from alerts.falls.confirmation import Confirmation, Facts, judge
from alerts.falls.presence import InBed
from alerts.falls.samples import Packets, Samples
from alerts.findings import Change, Condition, Evidence, Finding, Priority
from alerts.lifecycle import State
from ingest.directory import Device, DeviceType
from ingest.readings import ACTIONS, FALL_STATES, Bed, Fall, Sos, Vitals
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving, packets

BRACELET, MAT, BUTTON, OTHER = range(4)
DEVICES = (
    Device("s", "bracelet", DeviceType.BRACELET, "r-1"),
    Device("s", "mat", DeviceType.BED_MAT, "r-1"),
    Device("s", "button", DeviceType.BUTTON, "r-1"),
    Device("s", "mat-2", DeviceType.BED_MAT, "r-2"),
)


def alarm(cause: str = "wrist_suspected", priority: Priority = Priority.MEDIUM, **more: Any) -> Alarm:
    times = dict.fromkeys(("onset_ms", "received_ms", "raised_ms", "changed_ms", "latest_onset_ms"), T) | more
    return Alarm("A", "s", "bracelet", "r-1", Condition.FALL, cause, priority, State.UNACKNOWLEDGED, **times)


def columns(row: int, after_s: list[float], late_s: float = 0.0) -> dict[str, Any]:
    time_ms = T + np.array([round(s * 1000) for s in after_s], dtype=np.int64)
    return {
        "row": np.full(len(time_ms), row, dtype=np.int32),
        "time_ms": time_ms,
        "received_ms": time_ms + round(late_s * 1000),
        "seq": np.full(len(time_ms), -1, dtype=np.int64),
        "time_assumed": np.zeros(len(time_ms), dtype=bool),
    }


def bed(after_s: list[float], present: int, row: int = MAT, late_s: float = 0.0) -> Bed:
    unknown = np.full(len(after_s), np.nan)
    code = np.full(len(after_s), present, dtype=np.int8)
    return Bed(**columns(row, after_s, late_s), present=code, **dict.fromkeys(_BED, unknown))


_BED = ("heart_rate_bpm", "respiration_per_min", "moving_share", "quality")


def vitals(after_s: list[float], bpm: float, worn: int = 1) -> Vitals:
    unknown = np.full(len(after_s), np.nan)
    names = ("spo2_pct", "temperature_c", "respiration_per_min", "systolic_mmhg", "diastolic_mmhg", "steps")
    names += ("quality", "battery_pct")
    return Vitals(
        **columns(BRACELET, after_s),
        heart_rate_bpm=np.full(len(after_s), bpm),
        worn=np.full(len(after_s), worn, dtype=np.int8),
        **dict.fromkeys(names, unknown),
    )


def press(after_s: float, action: str, row: int = BUTTON) -> Sos:
    unknown, code = np.array([np.nan]), np.array([-1], dtype=np.int8)
    position = {"lat_deg": unknown, "lon_deg": unknown, "accuracy_m": unknown, "source": code, "crs": code}
    actions = np.array([[str(a) for a in ACTIONS].index(action)], dtype=np.int8)
    return Sos(**columns(row, [after_s]), action=actions, **position)


def fall_event(after_s: float, state: str) -> Fall:
    states = np.array([[str(s) for s in FALL_STATES].index(state)], dtype=np.int8)
    return Fall(**columns(BRACELET, [after_s]), state=states, confidence=np.array([np.nan]))


def motion(activity: Activity, from_s: float, seconds: float) -> Packets:
    return Packets.of(packets(moving(activity, seconds), T + round(from_s * 1000)))


def followed(which: Alarm | None = None) -> Confirmation:
    confirmation = Confirmation()
    assert confirmation.follow(which or alarm(), BRACELET, DEVICES, Samples.none(), T + 3_000) == []
    return confirmation


def said(findings: list[Finding]) -> tuple[str, str, dict[str, Any]]:
    (finding,) = findings
    assert (finding.row, finding.condition, finding.onset_ms) == (BRACELET, Condition.FALL, T)
    assert finding.found_ms >= T
    return finding.change, finding.priority, dict(finding.evidence)


# ------------------------------------------------------------------ weighing


@pytest.mark.parametrize(
    ("facts", "priority", "decided_by"),
    [
        ({}, Priority.MEDIUM, None),
        ({"still_s": 30.0}, Priority.MEDIUM, None),
        ({"still_s": 60.0}, Priority.HIGH, "lay_still_s"),
        ({"in_bed": InBed.NOT_IN_BED}, Priority.MEDIUM, None),
        ({"in_bed": InBed.LEFT_BED}, Priority.HIGH, "bed"),
        ({"in_bed": InBed.IN_BED}, Priority.LOW, "bed"),
        ({"in_bed": InBed.IN_BED, "still_s": 60.0}, Priority.LOW, "bed"),
        ({"in_bed": InBed.IN_BED, "device_said": "confirmed"}, Priority.HIGH, "device_said"),
        ({"in_bed": InBed.IN_BED, "cause": "device_confirmed", "raised_as": Priority.HIGH}, Priority.HIGH, None),
        ({"device_said": "suspected"}, Priority.HIGH, "device_said"),
        ({"cause": "device_suspected"}, Priority.MEDIUM, None),
        ({"cause": "device_suspected", "motion_said": True}, Priority.HIGH, "motion_said"),
        ({"cause": "device_suspected", "motion_said": True, "in_bed": InBed.IN_BED}, Priority.LOW, "bed"),
        ({"pulse_before_bpm": 70.0, "pulse_after_bpm": 100.0}, Priority.MEDIUM, None),
        ({"pulse_before_bpm": 70.0, "pulse_after_bpm": 132.0}, Priority.HIGH, "pulse_after_bpm"),
        ({"pulse_after_bpm": 38.0}, Priority.HIGH, "pulse_after_bpm"),
        ({"cause": "wrist_fall", "raised_as": Priority.HIGH, "still_s": 60.0}, Priority.HIGH, None),
        ({"cause": "wrist_fall", "raised_as": Priority.HIGH, "in_bed": InBed.IN_BED}, Priority.LOW, "bed"),
    ],
)
def test_what_decides(facts: dict[str, Any], priority: Priority, decided_by: str | None) -> None:
    verdict = judge(Facts(**{"cause": "wrist_suspected", "raised_as": Priority.MEDIUM} | facts))
    assert verdict.priority is priority
    assert dict(verdict.evidence).get("decided_by") == decided_by


# ------------------------------------------------------------------ following


def test_lying_still_is_told_as_it_lasts_and_makes_a_suspicion_urgent_after_a_minute() -> None:
    confirmation = followed()
    told: list[tuple[str, Evidence]] = []
    for second in range(90):
        found = confirmation.update((), motion(Activity.LYING, second, 1))
        told += [(finding.priority, finding.evidence) for finding in found]
    assert told == [
        ("medium", (("lay_still_s", 10),)),
        ("medium", (("lay_still_s", 30),)),
        ("high", (("lay_still_s", 60), ("decided_by", "lay_still_s"))),
    ]


@pytest.mark.parametrize("packet_s", [0.5, 5, 45])
def test_however_long_the_packets_and_even_if_they_came_before_the_finding(packet_s: float) -> None:
    lying = Packets.of(packets(moving(Activity.LYING, 90), T - 5_000, packet_s=packet_s)).of_row(0)
    confirmation = Confirmation()
    _, priority, evidence = said(confirmation.follow(alarm(), BRACELET, DEVICES, lying, T + 90_000))
    assert (priority, evidence["lay_still_s"]) == ("high", 60)


def test_walking_on_cancels_once_and_then_nothing_more_is_said() -> None:
    confirmation = followed(alarm("wrist_fall", Priority.HIGH))
    found: list[Finding] = confirmation.update((), motion(Activity.LYING, 0, 9))
    walk = moving(Activity.WALKING, 31)
    for second in range(31):
        packet = packets(walk[50 * second : 50 * second + 50], T + 9_000 + 1000 * second)
        found += confirmation.update((), Packets.of(packet))
    change, _, evidence = said(found)
    assert (change, evidence["cancelled_by"]) == ("cancelled", "walking")
    assert 18 <= evidence["walked_after_s"] <= 22
    assert evidence["steps_per_min"] == pytest.approx(102, rel=0.1)
    assert len(confirmation) == 0


def test_walking_cancels_nothing_that_the_device_confirmed() -> None:
    confirmation = followed(alarm("device_confirmed", Priority.HIGH))
    assert confirmation.update((), motion(Activity.WALKING, 5, 60)) == []


def test_in_bed_throughout_lowers_once_the_mat_has_spoken_after_the_impact() -> None:
    confirmation = Confirmation()
    confirmation.update([bed([-40, -20, -1], 1)], None)
    confirmation.follow(alarm("wrist_fall", Priority.HIGH), BRACELET, DEVICES, Samples.none(), T)
    assert confirmation.update([bed([19], 1)], None) == []
    change, priority, evidence = said(confirmation.update([bed([20], 1)], None))
    assert (change, priority, evidence) == ("witnessed", "low", {"bed": "in_bed", "decided_by": "bed"})
    assert confirmation.update([bed([40], 0)], None) == [], "who gets up later was in bed all the same"


@pytest.mark.parametrize(
    ("readings", "word"),
    [
        ([bed([-40, -20, -5], 1), bed([5, 15, 25], 0)], "left_bed"),
        ([bed([-60, -40, -20], 0), bed([5, 25], 0)], "not_in_bed"),
        ([bed([-5, 5, 25], 1)], None),  # in bed, but since too short a time before the impact
        ([bed([-100], 1), bed([25], 1)], None),  # too long a silence
        ([bed([-20, 0, 25], 1, late_s=200)], None),  # a backlog, or a wrong clock
        ([bed([-20, 0, 25], 1, row=OTHER)], None),  # somebody else's
        ([bed([-20, 0], 1), bed([5], 0), bed([10, 25], 1)], "left_bed"),  # and came back
    ],
)
def test_what_mats_say_otherwise(readings: list[Bed], word: str | None) -> None:
    confirmation = followed(alarm("wrist_fall", Priority.HIGH))
    found = [finding for one in readings for finding in confirmation.update([one], None)]
    assert [dict(finding.evidence)["bed"] for finding in found][-1:] == ([word] if word else [])
    assert all(finding.priority is Priority.HIGH for finding in found)


@pytest.mark.parametrize("leaves_s", [-30, 0, 10, 40, 90])
def test_a_backlog_of_a_mat_says_the_same_in_one_message_as_in_many(leaves_s: float) -> None:
    mat = bed([float(s) for s in range(-60, 61, 5)], 1)
    mat = replace(mat, present=(mat.time_ms < T + leaves_s * 1000).astype(np.int8))
    one, many = followed(), followed()
    together = one.update([mat], None)
    apart = [finding for i in range(len(mat)) for finding in many.update([mat.take(np.array([i]))], None)]
    assert said(together) == said(apart)


@pytest.mark.parametrize(
    ("called_off", "cancelled"),
    [
        (press(20, "cancel"), True),
        (press(20, "press"), False),
        (press(400, "cancel"), False),
        (press(-5, "cancel"), False),
        (press(20, "cancel", row=OTHER), False),
        (fall_event(20, "cancelled"), True),
        (fall_event(20, "confirmed"), False),
    ],
)
def test_the_wearer_calls_it_off_on_any_device(called_off: Sos | Fall, cancelled: bool) -> None:
    found = followed().update([called_off], None)
    assert [(f.change, f.evidence) for f in found] == (
        [(Change.CANCELLED, (("cancelled_by", "wearer"),))] if cancelled else []
    )


def test_the_devices_own_suspicion_makes_that_of_the_motion_urgent() -> None:
    confirmation = followed()
    event = Finding(BRACELET, Condition.FALL, "device_suspected", Change.BEGAN, Priority.MEDIUM, T + 2_000, T + 2_000)
    confirmation.witness([event])
    _, priority, evidence = said(confirmation.update((), None))
    assert (priority, evidence) == ("high", {"device_said": "suspected", "decided_by": "device_said"})
    other = followed()
    other.witness([replace(event, row=OTHER), replace(event, onset_ms=T + 90_000)])
    assert other.update((), None) == []


def detected(cause: str, after_ms: int = 0, row: int = BRACELET) -> Finding:
    return Finding(row, Condition.FALL, cause, Change.BEGAN, Priority.MEDIUM, T + after_ms, T + after_ms)


@pytest.mark.parametrize(
    ("first", "second", "decided_by"),
    [("wrist_suspected", "device_suspected", "device_said"), ("device_suspected", "wrist_suspected", "motion_said")],
)
def test_the_motion_and_the_device_bear_each_other_out_whichever_came_first(
    first: str, second: str, decided_by: str
) -> None:
    confirmation = followed(alarm(first))
    confirmation.witness([detected(second, 2_000)])
    _, priority, evidence = said(confirmation.update((), None))
    assert (priority, evidence["decided_by"]) == ("high", decided_by)


@pytest.mark.parametrize("cause", ["wrist_suspected", "device_suspected"])
def test_what_raised_an_alarm_and_is_delivered_again_is_no_witness_of_it(cause: str) -> None:
    confirmation = Confirmation()
    confirmation.resume([alarm(cause)], DEVICES, T + 1_000)
    confirmation.witness([detected(cause)])
    assert confirmation.update((), None) == []


def test_the_pulse_before_and_after_is_told() -> None:
    confirmation = Confirmation()
    confirmation.update([vitals([-50.0, -40, -30, -20, -10], 70)], None)
    confirmation.follow(alarm(), BRACELET, DEVICES, Samples.none(), T)
    assert confirmation.update([vitals([10, 20], 96)], None) == []
    assert confirmation.update([vitals([25], 0), vitals([26], 140, worn=0)], None) == []
    _, priority, evidence = said(confirmation.update([vitals([30], 96)], None))
    assert (priority, evidence) == ("medium", {"pulse_before_bpm": 70, "pulse_after_bpm": 96})


def test_the_decision_of_the_detector_is_taken_in_and_a_later_fall_is_another() -> None:
    confirmation = followed()
    confirmation.update((), motion(Activity.LYING, 0, 70))
    confirmation.follow(alarm("wrist_fall", Priority.HIGH), BRACELET, DEVICES, Samples.none(), T + 4_000)
    assert confirmation.update((), None) == [], "it is urgent already"
    later = alarm("wrist_fall", Priority.HIGH, latest_onset_ms=T + 100_000)
    assert confirmation.follow(later, BRACELET, DEVICES, Samples.none(), T + 104_000) == []
    found = confirmation.update((), motion(Activity.LYING, 100, 15))
    assert [(f.onset_ms, f.evidence) for f in found] == [(T + 100_000, (("lay_still_s", 10),))]


def test_a_restart_takes_up_the_falls_of_the_last_minutes_alone() -> None:
    confirmation = Confirmation()
    old = replace(alarm(), alarm="B", raised_ms=T - 600_000)
    off = replace(alarm(), alarm="C", cancelled=True)
    gone = replace(alarm(), alarm="D", device="left-the-fleet")
    press = replace(alarm(), alarm="E", condition=Condition.SOS)
    confirmation.resume([alarm(), old, off, gone, press], DEVICES, T + 30_000)
    assert len(confirmation) == 1
    assert said(confirmation.update((), motion(Activity.LYING, 0, 70)))[1] == "high"


def test_what_is_over_is_let_go_of_and_there_is_a_bound() -> None:
    confirmation = followed()
    confirmation.tick(T + 302_000)
    assert len(confirmation) == 1
    confirmation.tick(T + 303_000)
    assert len(confirmation) == 0
    for number in range(300):
        confirmation.follow(replace(alarm(), alarm=str(number)), BRACELET, DEVICES, Samples.none(), T)
    assert len(confirmation) == 100
