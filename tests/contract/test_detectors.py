"""What every detector must keep, whatever it looks for: one suite, run over each of them.

The streams are random, but made of the conditions the detector is there for, so that findings do come up.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.detectors.baseline import Baseline, BaselineSettings
from alerts.detectors.bed import BedExit, BedSettings
from alerts.detectors.breathing_pause import BreathingPause, BreathingPauseSettings
from alerts.detectors.contract import Detector, Records
from alerts.detectors.early_warning import EarlyWarning, EarlyWarningSettings
from alerts.detectors.fall import WristFall
from alerts.detectors.fall_device import DeviceFall
from alerts.detectors.fusion import Fusion, FusionSettings
from alerts.detectors.geofence import Geofence, Zone, ZoneTable
from alerts.detectors.repeats import REMEMBERED
from alerts.detectors.restless import Restless, RestlessSettings
from alerts.detectors.sensors import Sensors, SensorSettings
from alerts.detectors.sos import Press
from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.detectors.vitals import VitalLimits
from alerts.detectors.wandering_signs import WanderingSettings, WanderingSigns
from alerts.detectors.wear import Wear, WearSettings
from alerts.findings import Finding
from ingest.contract import URGENT, Crs
from ingest.directory import DeviceType
from ingest.readings import AnyReadings, Bed, Fall, Location, Motion, Sos, Status, Vitals
from simulators.motion import FALL_S, Activity, acceleration, wearers

ROWS = 3
START_MS = 1_760_000_000_000
LAT, LON = 36.6, 117.9

Random = np.random.Generator


CODES = frozenset({"present", "worn", "action", "state", "source", "crs", "charging"})


def readings(kind: type[Any], row: Any, time_ms: Any, **columns: Any) -> Any:
    """Readings of a kind with the columns given; all others unknown."""
    count = len(row)
    given = {
        "row": np.asarray(row, dtype=np.int32),
        "time_ms": time_ms,
        "received_ms": time_ms + 150,
        "seq": np.full(count, -1),
        "time_assumed": np.zeros(count, dtype=np.bool_),
        **columns,
    }
    codes = {name: np.asarray(given.get(name, np.full(count, -1)), dtype=np.int8) for name in CODES}
    unknown = np.full(count, np.nan)
    return kind(**{f.name: codes.get(f.name, given.get(f.name, unknown)) for f in fields(kind)})


def moments(random: Random, count: int, step_s: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and strictly rising times of `count` readings of each row, in the order of time."""
    steps = random.integers(int(step_s[0] * 1000), int(step_s[1] * 1000), (ROWS, count))
    time_ms = (START_MS + steps.cumsum(axis=1)).reshape(-1)
    row = np.repeat(np.arange(ROWS), count)
    order = np.argsort(time_ms, kind="stable")
    return row[order], time_ms[order]


def spells(random: Random, count: int) -> np.ndarray:
    """A yes or no that holds for a while and then changes."""
    return (np.cumsum(random.random(count) < 0.15) % 2 == 1) & (random.random(count) < 0.95)


def some(random: Random, values: np.ndarray) -> np.ndarray:
    """The values with a few of them not sent."""
    return np.where(random.random(len(values)) < 0.1, np.nan, values)


def vitals_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 60, (1.0, 12.0))
    n = len(row)
    per_row = np.empty(n, dtype=np.bool_)
    for r in range(ROWS):
        per_row[row == r] = spells(random, int((row == r).sum()))
    return readings(
        Vitals,
        row,
        time_ms,
        heart_rate_bpm=some(random, np.where(per_row, random.integers(126, 150, n), random.integers(60, 130, n))),
        spo2_pct=some(random, np.where(per_row, random.integers(80, 93, n), random.integers(90, 99, n))),
        temperature_c=some(random, random.uniform(34.5, 39.5, n)),
        worn=random.choice([-1, 0, 1], n, p=[0.3, 0.05, 0.65]),
        quality=some(random, random.uniform(0.4, 1.0, n)),
    )


def bed_stream(random: Random) -> Bed:
    row, time_ms = moments(random, 80, (1.0, 6.0))
    present = np.empty(len(row), dtype=np.int8)
    for r in range(ROWS):
        present[row == r] = spells(random, int((row == r).sum()))
    present[random.random(len(row)) < 0.05] = -1
    return readings(Bed, row, time_ms, present=present)


def bed_vitals_stream(random: Random) -> Bed:
    bed = bed_stream(random)
    slow = np.empty(len(bed), dtype=np.bool_)
    for r in range(ROWS):
        slow[bed.row == r] = spells(random, int((bed.row == r).sum()))
    heart_rate_bpm = np.where(slow, random.integers(38, 41, len(bed)), random.integers(41, 50, len(bed)))
    return replace(
        bed, heart_rate_bpm=some(random, heart_rate_bpm), present=np.where(bed.present == 0, -1, bed.present)
    )


def ill_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 60, (20.0, 300.0))
    n = len(row)
    ill = np.empty(n, dtype=np.bool_)
    for r in range(ROWS):
        ill[row == r] = spells(random, int((row == r).sum()))
    return readings(
        Vitals,
        row,
        time_ms,
        heart_rate_bpm=some(random, np.where(ill, random.integers(105, 135, n), random.integers(60, 95, n))),
        respiration_per_min=some(random, np.where(ill, random.integers(19, 27, n), random.integers(12, 22, n))),
        spo2_pct=np.where(random.random(n) < 0.5, np.nan, random.integers(92, 99, n)),
        temperature_c=np.where(random.random(n) < 0.8, np.nan, random.uniform(35.8, 39.2, n)),
        systolic_mmhg=np.where(random.random(n) < 0.9, np.nan, random.integers(85, 140, n)),
        worn=random.choice([-1, 0, 1], n, p=[0.3, 0.05, 0.65]),
        quality=some(random, random.uniform(0.45, 1.0, n)),
    )


def ill_in_bed_stream(random: Random) -> Bed:
    bed = bed_stream(random)
    n = len(bed)
    ill = np.empty(n, dtype=np.bool_)
    for r in range(ROWS):
        ill[bed.row == r] = spells(random, int((bed.row == r).sum()))
    return replace(
        bed,
        heart_rate_bpm=some(random, np.where(ill, random.integers(112, 135, n), random.integers(60, 95, n))),
        respiration_per_min=some(random, np.where(ill, random.integers(24, 27, n), random.integers(12, 22, n))),
        present=np.where(bed.present == 0, -1, bed.present),
    )


#: Streams begin at 16:53 in China.
STAYS_IN_BED = BedSettings(up_by_min=16 * 60 + 54, stay_h=0.0, up_s=1.0)

QUICK_PAUSE = BreathingPauseSettings(pause_s=6.0, lost_s=9.0, measured_s=60.0)


def pauses_stream(random: Random) -> Bed:
    row, time_ms = moments(random, 80, (0.5, 6.5))
    n = len(row)
    pause = np.empty(n, dtype=np.bool_)
    for r in range(ROWS):
        pause[row == r] = spells(random, int((row == r).sum()))
    return readings(
        Bed,
        row,
        time_ms,
        present=random.choice([0, 1, -1], n, p=[0.03, 0.94, 0.03]),
        heart_rate_bpm=some(random, random.integers(55, 70, n).astype(np.float64)),
        respiration_per_min=some(random, np.where(pause, 0.0, 14.0)),
        moving_share=random.choice([0.0, 0.4, np.nan], n, p=[0.94, 0.04, 0.02]),
        quality=random.choice([0.9, 0.3, np.nan], n, p=[0.94, 0.04, 0.02]),
    )


QUICK_UNREST = RestlessSettings(
    times=1.5, held_s=600.0, hours_min=1, readings_min=2, night_start_min=0, night_end_min=1439
)


def restless_stream(random: Random) -> Bed:
    row, time_ms = moments(random, 80, (60.0, 400.0))
    unrest = np.empty(len(row), dtype=np.bool_)
    for r in range(ROWS):
        unrest[row == r] = spells(random, int((row == r).sum()))
    return readings(
        Bed,
        row,
        time_ms,
        present=random.choice([0, 1, -1], len(row), p=[0.03, 0.94, 0.03]),
        moving_share=some(random, np.where(unrest, random.uniform(0.3, 1.0, len(row)), 0.02)),
    )


class BesideAMat(Fusion):
    """Of residents on whose mats the heart beat 68 times in each of the last minutes to come."""

    def __init__(self) -> None:
        super().__init__(FusionSettings(held_min=1, agree_min=1))

    def initial(self, count: int) -> Records:
        at = np.tile(START_MS + 60_000 * np.arange(8), count)
        row = np.repeat(np.arange(count), 8)
        heard = readings(Vitals, np.arange(count), np.full(count, START_MS), steps=np.zeros(count))
        beside = readings(Bed, row, at, heart_rate_bpm=np.full(len(row), 68.0), present=np.ones(len(row)))
        state, _ = self.update(super().initial(count), heard, self.defaults(count), START_MS)
        return self.update(state, beside, self.defaults(count), START_MS)[0]


def beside_a_mat_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 60, (4.0, 7.0))
    odd = np.empty(len(row), dtype=np.bool_)
    for r in range(ROWS):
        odd[row == r] = np.repeat(random.random(12) < 0.5, 5)
    return readings(
        Vitals,
        row,
        time_ms,
        heart_rate_bpm=some(random, np.where(odd, 100.0, 70.0)),
        steps=some(random, np.floor(np.arange(len(row)) * random.uniform(0, 2))),
        worn=random.choice([-1, 0, 1], len(row), p=[0.3, 0.05, 0.65]),
    )


QUICK_LEARNER = BaselineSettings(spreads=0.5, held_h=2, hours_min=2, readings_min=1, rest_s=600.0)


def hours_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 80, (200.0, 5400.0))
    n = len(row)
    odd = np.empty(n, dtype=np.bool_)
    for r in range(ROWS):
        odd[row == r] = np.arange(int((row == r).sum())) >= random.integers(40, 70)
    return readings(
        Vitals,
        row,
        time_ms,
        heart_rate_bpm=some(random, np.where(odd, random.integers(85, 110, n), random.integers(60, 80, n))),
        spo2_pct=some(random, np.where(odd, random.integers(85, 95, n), random.integers(95, 99, n))),
        temperature_c=some(random, random.uniform(36.0, 37.0, n)),
        steps=some(random, np.floor(np.arange(n) / 40) * 100.0),
        worn=random.choice([-1, 0, 1], n, p=[0.3, 0.05, 0.65]),
    )


def nights_stream(random: Random) -> Bed:
    vitals = hours_stream(random)
    return readings(
        Bed,
        vitals.row,
        vitals.time_ms,
        heart_rate_bpm=vitals.heart_rate_bpm,
        present=random.choice([0, 1], len(vitals), p=[0.05, 0.95]),
        moving_share=some(random, random.uniform(0, 0.3, len(vitals))),
    )


def wear_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 80, (1.0, 12.0))
    worn = np.empty(len(row), dtype=np.int8)
    for r in range(ROWS):
        worn[row == r] = spells(random, int((row == r).sum()))
    worn[random.random(len(row)) < 0.1] = -1
    return readings(Vitals, row, time_ms, worn=worn)


def charger_stream(random: Random) -> Status:
    vitals = wear_stream(random)
    charging = random.choice([-1, 0, 1], len(vitals), p=[0.9, 0.07, 0.03])
    return readings(Status, vitals.row, vitals.time_ms, worn=vitals.worn, charging=charging)


def sos_stream(random: Random) -> Sos:
    row, time_ms = moments(random, 40, (0.3, 6.0))
    n = len(row)
    return readings(
        Sos,
        row,
        time_ms,
        action=random.choice([-1, 0, 1, 2], n, p=[0.1, 0.5, 0.25, 0.15]),
        lat_deg=some(random, np.full(n, LAT)),
        lon_deg=np.full(n, LON),
    )


def fall_stream(random: Random) -> Fall:
    row, time_ms = moments(random, 40, (5.0, 90.0))
    n = len(row)
    return readings(Fall, row, time_ms, state=random.integers(-1, 3, n), confidence=some(random, random.random(n)))


def location_stream(random: Random) -> Location:
    row, time_ms = moments(random, 60, (5.0, 90.0))
    n = len(row)
    away_m = np.empty(n)
    for r in range(ROWS):
        away_m[row == r] = np.where(spells(random, int((row == r).sum())), 400.0, 20.0)
    away_m += random.normal(0, 40.0, n)
    return readings(
        Location,
        row,
        time_ms,
        lat_deg=some(random, LAT + away_m / 111_000.0),
        lon_deg=np.full(n, LON),
        accuracy_m=random.choice([5.0, 30.0, 800.0, np.nan], n, p=[0.5, 0.3, 0.1, 0.1]),
        source=random.integers(-1, 3, n),
        crs=np.zeros(n),
    )


def walks_stream(random: Random) -> Location:
    row, time_ms = moments(random, 60, (5.0, 90.0))
    n = len(row)
    north_m, east_m = random.normal(0, 60.0, (2, n))
    return readings(
        Location,
        row,
        time_ms,
        lat_deg=some(random, LAT + north_m / 111_000.0),
        lon_deg=LON + east_m / 89_000.0,
        accuracy_m=random.choice([3.0, 8.0, 800.0, np.nan], n, p=[0.6, 0.3, 0.05, 0.05]),
    )


def battery_stream(random: Random) -> Vitals:
    row, time_ms = moments(random, 60, (20.0, 120.0))
    return readings(Vitals, row, time_ms, battery_pct=some(random, random.uniform(5.0, 60.0, len(row))))


class OnWrists(Sensors):
    """All rows are bracelets, whose sensors are missed after seconds."""

    def __init__(self) -> None:
        super().__init__(SensorSettings(heart_rate_s=20.0, spo2_s=20.0, temperature_s=20.0, most_s=60.0))

    def defaults(self, count: int) -> Records:
        return self.expecting([DeviceType.BRACELET] * count)


def half_dead_stream(random: Random) -> Vitals:
    """Bracelets of which now one sensor says nothing for long, and now another."""
    row, time_ms = moments(random, 80, (1.0, 12.0))
    n = len(row)
    dead = np.empty((3, n), dtype=np.bool_)
    for r in range(ROWS):
        for sensor in range(3):
            dead[sensor, row == r] = spells(random, int((row == r).sum()))
    values = np.where(dead, np.nan, np.array([[70.0], [97.0], [36.5]]))
    return readings(
        Vitals,
        row,
        time_ms,
        heart_rate_bpm=values[0],
        spo2_pct=values[1],
        temperature_c=values[2],
        worn=random.choice([-1, 0, 1], n, p=[0.3, 0.02, 0.68]),
    )


def motion_stream(random: Random) -> Motion:
    """Walking, knocks and falls at 50 and 25 Hz in packets of any length, with gaps now and then."""
    parts: list[tuple[int, int, float, np.ndarray]] = []
    for r in range(ROWS):
        rate_hz = float(random.choice([25, 50]))
        people = wearers(random, 1)
        pieces: list[np.ndarray] = []
        for _ in range(2):
            for activity, length_s in ((Activity.WALKING, 4.0), (Activity.FALLING, FALL_S), (Activity.LYING, 5.0)):
                time_s = np.arange(int(rate_hz * length_s)) / rate_hz
                pieces.append(acceleration(random, activity, people, time_s, np.zeros(1))[0])
            knock = random.normal(0, random.choice([0.3, 1.5, 3.0]), (int(rate_hz * random.uniform(0.3, 0.8)), 3))
            pieces.append(knock + np.array([0.0, 0.0, 1.0]))
        samples = np.concatenate(pieces).astype(np.float32)
        at, time_ms = 0, START_MS + int(random.integers(0, 500))
        while at < len(samples):  # building the test's packets
            count = int(random.integers(1, int(2 * rate_hz)))
            packet = samples[at : at + count]
            parts.append((r, time_ms, rate_hz, packet))
            at += count
            jitter_ms = int(random.integers(-80, 80))
            time_ms += max(1, round(len(packet) * 1000 / rate_hz) + jitter_ms)
            time_ms += 3000 if random.random() < 0.03 else 0
    parts.sort(key=lambda p: p[1])
    count = np.array([len(p[3]) for p in parts])
    acc_g = np.concatenate([p[3] for p in parts])
    return readings(
        Motion,
        np.array([p[0] for p in parts]),
        np.array([p[1] for p in parts]),
        rate_hz=np.array([p[2] for p in parts]),
        start=np.cumsum(count) - count,
        count=count,
        acc_g=acc_g,
    )


def zones() -> ZoneTable:
    side = 0.002
    pond = ((LAT + 0.003, LON - side), (LAT + 0.003, LON + side), (LAT + 0.005, LON + side), (LAT + 0.005, LON - side))
    return ZoneTable(
        [
            Zone("garden", "safe", Crs.WGS84, circle=(LAT, LON, 60.0)),
            Zone("pond", "forbidden", Crs.WGS84, polygon=pond),
            Zone("hall", "safe", Crs.WGS84, circle=(LAT, LON + 0.001, 30.0)),
        ],
        {0: [0, 1, 2], 1: [1], 2: [0]},
    )


@dataclass(frozen=True)
class Case:
    make: Callable[[], Detector]
    stream: Callable[[Random], Any]


CASES = {
    "press": Case(Press, sos_stream),
    "device_fall": Case(DeviceFall, fall_stream),
    "wrist_fall": Case(WristFall, motion_stream),
    "vital_limits": Case(VitalLimits, vitals_stream),
    "vital_limits_in_bed": Case(VitalLimits, bed_vitals_stream),
    "early_warning": Case(EarlyWarning, ill_stream),
    "early_warning_in_bed": Case(lambda: EarlyWarning(EarlyWarningSettings(delay_s=10.0)), ill_in_bed_stream),
    "baseline": Case(lambda: Baseline(QUICK_LEARNER), hours_stream),
    "baseline_in_bed": Case(lambda: Baseline(QUICK_LEARNER), nights_stream),
    "wear": Case(lambda: Wear(WearSettings(not_worn_s=20.0)), wear_stream),
    "wear_on_charger": Case(lambda: Wear(WearSettings(not_worn_s=20.0)), charger_stream),
    "bed_exit": Case(lambda: BedExit(BedSettings(fall_risk="high")), bed_stream),
    "bed_not_back": Case(lambda: BedExit(BedSettings(back_s=12.0, night_start_min=0, night_end_min=1200)), bed_stream),
    "bed_still": Case(lambda: BedExit(STAYS_IN_BED), bed_stream),
    "breathing_pause": Case(lambda: BreathingPause(QUICK_PAUSE), pauses_stream),
    "restless": Case(lambda: Restless(QUICK_UNREST), restless_stream),
    "fusion": Case(BesideAMat, beside_a_mat_stream),
    "geofence": Case(lambda: Geofence(zones()), location_stream),
    "wandering_signs": Case(
        lambda: WanderingSigns(WanderingSettings(turns=3, laps=1, calm_s=120.0, away_m=20.0, utc_offset_min=0)),
        walks_stream,
    ),
    "sensors": Case(OnWrists, half_dead_stream),
    "supervision": Case(lambda: Supervision(SupervisionSettings(silent_s=60.0)), battery_stream),
}

every_detector = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
examples = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def sorted_findings(findings: Iterable[Finding]) -> list[str]:
    return sorted(map(repr, findings))


def run(
    case: Case, batches: Iterable[AnyReadings], tick_at: frozenset[int] = frozenset(), *, serialise: bool = False
) -> tuple[Records, list[Finding]]:
    """Feed batches one after another; after those numbered in `tick_at` time is let pass."""
    detector = case.make()
    state, params = detector.initial(ROWS), detector.defaults(ROWS)
    findings: list[Finding] = []
    for number, batch in enumerate(batches):
        now_ms = int(batch.received_ms.max()) if len(batch) else START_MS
        state, found = detector.update(state, batch, params, now_ms)
        findings += found
        if number in tick_at:
            state, found = detector.tick(state, params, now_ms + 9_000)
            findings += found
        if serialise:
            state = np.frombuffer(state.tobytes(), dtype=detector.state_dtype)
    return state, findings


def cut(random: Random, stream: Any, at: Iterable[int], *, shuffle: bool = True) -> list[Any]:
    """The stream in pieces, each in any order."""
    edges = [0, *sorted(at), len(stream)]
    pieces = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    return [stream.take(random.permutation(piece) if shuffle else piece) for piece in pieces]


@every_detector
def test_the_streams_hold_what_is_to_be_found(case: Case) -> None:
    found = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        stream = case.stream(random)
        pieces = cut(random, stream, range(len(stream) // 12, len(stream), len(stream) // 12))
        found += len(run(case, pieces, frozenset(range(len(pieces))))[1])
    assert found >= 10


@every_detector
@given(seed=seeds, cuts=st.lists(st.floats(0, 1), max_size=12))
@examples
def test_a_stream_cut_anywhere_gives_the_findings_of_the_whole(case: Case, seed: int, cuts: list[float]) -> None:
    random = np.random.default_rng(seed)
    stream = case.stream(random)
    state, findings = run(case, [stream])
    pieces = cut(random, stream, (int(c * len(stream)) for c in cuts))
    piecewise_state, piecewise = run(case, pieces)
    assert sorted_findings(piecewise) == sorted_findings(findings)
    assert piecewise_state.tobytes() == state.tobytes()


@every_detector
def test_reading_by_reading_is_the_same_too(case: Case) -> None:
    stream = case.stream(np.random.default_rng(5))
    state, findings = run(case, [stream])
    single_state, singly = run(case, [stream.take(np.array([i])) for i in range(len(stream))])
    assert sorted_findings(singly) == sorted_findings(findings)
    assert single_state.tobytes() == state.tobytes()


@every_detector
@given(seed=seeds)
@examples
def test_the_numbering_of_rows_does_not_matter(case: Case, seed: int) -> None:
    random = np.random.default_rng(seed)
    stream = case.stream(random)
    renumber = random.permutation(ROWS).astype(np.int32)
    back = np.argsort(renumber)
    detector = case.make()
    params = detector.defaults(ROWS)
    _, findings = detector.update(detector.initial(ROWS), stream, params, START_MS)
    moved = stream.with_rows(renumber[stream.row])
    _, renumbered = detector.update(detector.initial(ROWS), moved, params[back], START_MS)
    assert sorted_findings(replace(f, row=int(back[f.row])) for f in renumbered) == sorted_findings(findings)


@every_detector
@given(seed=seeds, again=st.floats(0, 1))
@examples
def test_what_was_seen_changes_nothing_when_it_comes_again(case: Case, seed: int, again: float) -> None:
    random = np.random.default_rng(seed)
    stream = case.stream(random)
    detector = case.make()
    params = detector.defaults(ROWS)
    state, _ = detector.update(detector.initial(ROWS), stream, params, START_MS)
    if detector.kinds <= URGENT:  # of these so many are remembered
        stream = stream.take(
            np.sort(np.concatenate([np.flatnonzero(stream.row == r)[-REMEMBERED:] for r in range(ROWS)]))
        )
    late = stream.take(random.random(len(stream)) < again)
    if detector.name != "supervision":  # which is there to notice that something was received
        late = replace(late, received_ms=late.received_ms + 10_000_000)
    after, findings = detector.update(state, late, params, START_MS)
    assert findings == []
    assert after.tobytes() == state.tobytes()


@every_detector
@given(seed=seeds)
@examples
def test_duplicates_within_a_batch_count_once(case: Case, seed: int) -> None:
    random = np.random.default_rng(seed)
    stream = case.stream(random)
    state, findings = run(case, [stream])
    twice = stream.take(random.permutation(np.repeat(np.arange(len(stream)), 2)))
    twice_state, found_twice = run(case, [twice])
    assert sorted_findings(found_twice) == sorted_findings(findings)
    assert twice_state.tobytes() == state.tobytes()


@every_detector
def test_inputs_are_left_as_they_were(case: Case) -> None:
    stream = case.stream(np.random.default_rng(3))
    detector = case.make()
    state, params = detector.initial(ROWS), detector.defaults(ROWS)
    inputs = [state, params, *(getattr(stream, f.name) for f in fields(stream))]
    for array in inputs:
        array.flags.writeable = False
    after, _ = detector.update(state, stream, params, START_MS)
    after.flags.writeable = False
    detector.tick(after, params, START_MS + 10_000_000)
    assert after is not state


@every_detector
def test_state_survives_being_bytes(case: Case) -> None:
    random = np.random.default_rng(11)
    stream = case.stream(random)
    pieces = cut(random, stream, range(0, len(stream), 17))
    state, findings = run(case, pieces)
    stored_state, stored = run(case, pieces, serialise=True)
    assert stored == findings
    assert stored_state.tobytes() == state.tobytes()


@every_detector
@given(seed=seeds, cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5), more=st.lists(st.floats(0, 1), max_size=5))
@examples
def test_ticks_find_the_same_however_the_stream_between_them_is_cut(
    case: Case, seed: int, cuts: list[float], more: list[float]
) -> None:
    random = np.random.default_rng(seed)
    stream = case.stream(random)
    ticks = sorted({max(1, int(c * len(stream))) for c in cuts} - {len(stream)})
    extra = sorted({max(1, int(c * len(stream))) for c in more} - {len(stream)} | set(ticks))
    state, findings = run(case, cut(random, stream, ticks), frozenset(range(len(ticks))))
    after_tick = frozenset(i for i, edge in enumerate(extra) if edge in ticks)
    # The moment of a tick is the last reading's before it, so the batches before ticks must end alike.
    finer_state, finer = run(case, cut(random, stream, extra), after_tick)
    assert sorted_findings(finer) == sorted_findings(findings)
    assert finer_state.tobytes() == state.tobytes()


@every_detector
def test_an_empty_batch_and_idle_rows_are_nothing(case: Case) -> None:
    stream = case.stream(np.random.default_rng(1))
    detector = case.make()
    state, params = detector.initial(ROWS), detector.defaults(ROWS)
    after, findings = detector.update(state, stream.take(np.empty(0, dtype=np.intp)), params, START_MS)
    assert findings == []
    assert after.tobytes() == state.tobytes()


@every_detector
def test_it_says_what_it_is(case: Case) -> None:
    detector = case.make()
    assert detector.name.isidentifier()
    assert detector.initial(4).dtype == detector.state_dtype
    assert detector.defaults(4).dtype == detector.params_dtype
    assert detector.state_dtype.itemsize <= 6 * 1024
    assert not detector.state_dtype.hasobject
    _, findings = run(case, [case.stream(np.random.default_rng(0))])
    for finding in findings:
        assert type(finding.row) is int
        assert type(finding.onset_ms) is int
        assert finding.onset_ms <= finding.found_ms
        assert all(type(value) in (int, float, str) for _, value in finding.evidence)
