"""Falls in the motion of a wrist, as the shipped model judges them and as a judge of our own is asked to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.detectors.fall import FallSettings, WristFall
from alerts.findings import Condition, Priority
from ingest.contract import Kind
from simulators.motion import FALL_S, IMPACT_S, Activity, acceleration, wearers

Float32 = NDArray[np.float32]

FALL_AT_S = 6.0
IMPACT_AT_S = FALL_AT_S + IMPACT_S


def wrist(
    rate_hz: float = 50.0, *, activity: Activity = Activity.FALLING, end_s: float = 16.0, seed: int = 4
) -> Float32:
    """Somebody walking for six seconds, then something else, in g (n, 3); who fell goes on lying."""
    random = np.random.default_rng(seed)
    people = wearers(random, 1)
    parts = []
    for doing, from_s, to_s in (
        (Activity.WALKING, 0.0, FALL_AT_S),
        (activity, FALL_AT_S, FALL_AT_S + FALL_S),
        (Activity.LYING if activity is Activity.FALLING else activity, FALL_AT_S + FALL_S, end_s),
    ):
        time_s = np.arange(round(from_s * rate_hz), round(to_s * rate_hz)) / rate_hz
        since_s = FALL_AT_S if doing is activity else from_s
        parts.append(acceleration(random, doing, people, time_s, np.full(1, since_s))[0])
    return np.concatenate(parts)


def knock(*at_s: float, end_s: float = 12.0, height_g: float = 2.5, rate_hz: float = 25.0) -> Float32:
    """A wrist at rest with a single sample of `height_g` at each time, in g (n, 3)."""
    acc_g = np.tile(np.array([0.0, 0.0, 1.0], dtype=np.float32), (round(end_s * rate_hz), 1))
    acc_g[[round(s * rate_hz) for s in at_s], 2] = height_g
    return acc_g


@dataclass
class Asked:
    """A judge that keeps what it was asked and scores every window alike."""

    score: float = 0.9
    suspected_threshold: float = 0.5
    decided_threshold: float = 0.5
    early: list[Float32] = field(default_factory=list)
    late: list[Float32] = field(default_factory=list)

    def suspected(self, windows: Float32) -> NDArray[np.float64]:
        """As FallModel."""
        assert windows.dtype == np.float32
        self.early.extend(windows)
        return np.full(len(windows), self.score)

    def decided(self, windows: Float32) -> NDArray[np.float64]:
        """As FallModel."""
        assert windows.dtype == np.float32
        self.late.extend(windows)
        return np.full(len(windows), self.score)


def impact_of(window: Float32) -> float:
    return float(np.linalg.norm(window[75]))


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 32.0, 50.0, 62.5, 100.0])
@pytest.mark.parametrize("range_g", [2.0, 4.0, 16.0])
def test_a_fall_is_suspected_then_decided_at_any_rate_and_range(
    fed: Any, packed: Any, rate_hz: float, range_g: float
) -> None:
    samples = np.clip(wrist(rate_hz), -range_g, range_g)
    suspicion, fall = fed(WristFall())(packed(samples, rate_hz))
    assert (suspicion.cause, suspicion.priority) == ("wrist_suspected", Priority.MEDIUM)
    assert (fall.cause, fall.priority) == ("wrist_fall", Priority.HIGH)
    assert suspicion.condition is fall.condition is Condition.FALL
    assert suspicion.onset_ms == fall.onset_ms
    assert fall.onset_ms / 1000 % 1000 == pytest.approx(IMPACT_AT_S, abs=0.3)
    assert suspicion.found_ms - suspicion.onset_ms == pytest.approx(3000, abs=40)
    assert fall.found_ms - fall.onset_ms == pytest.approx(4000, abs=40)


def test_the_evidence_is_what_a_person_can_follow(fed: Any, packed: Any) -> None:
    *_, fall = fed(WristFall())(packed(wrist(), 50.0))
    evidence = dict(fall.evidence)
    assert set(evidence) == {"score", "peak_g", "lowest_g", "still_g", "turn_deg"}
    assert 0.5 < evidence["score"] <= 1
    assert evidence["peak_g"] > 3
    assert evidence["lowest_g"] < 0.5
    assert evidence["still_g"] < 0.1
    assert 30 < evidence["turn_deg"] < 150


@pytest.mark.parametrize("activity", [Activity.SITTING_DOWN, Activity.STANDING_UP, Activity.WALKING, Activity.RESTING])
def test_daily_movements_are_no_falls(fed: Any, packed: Any, activity: Activity) -> None:
    detector = fed(WristFall())
    for seed in range(5):
        assert detector(packed(wrist(activity=activity, seed=seed), 50.0, start_s=60.0 * seed)) == []
    assert detector.state["best_score"].max() < 0.3


@pytest.mark.parametrize("packet_s", [0.02, 0.1, 0.26, 5, 12])
def test_the_length_of_packets_does_not_matter(fed: Any, packed: Any, packet_s: float) -> None:
    samples = wrist()
    assert fed(WristFall())(packed(samples, 50.0, packet_s)) == fed(WristFall())(packed(samples, 50.0, 1.0))


def test_packets_that_jitter_or_drag_behind_are_one_stream(fed: Any, packed: Any) -> None:
    motion = packed(wrist(), 50.0)
    jitter_ms = np.random.default_rng(1).integers(-200, 200, len(motion))
    drag_ms = np.arange(len(motion)) * 250  # a device that says 50 Hz and gives 40
    for off_ms in (jitter_ms, drag_ms):
        assert len(fed(WristFall())(packed(wrist(), 50.0, off_ms=off_ms))) == 2


def test_an_impact_is_judged_with_three_seconds_before_it_and_up_to_four_after(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    samples = knock(5.0)
    whole = packed(samples, 25.0)
    for second in range(12):
        detector(whole.take(np.array([second])))  # the packet that ends at second + 1
        assert (len(judge.early), len(judge.late)) == (second >= 7, second >= 8)
    assert judge.early[0].shape == (150, 3)
    assert judge.late[0] == pytest.approx(samples[50:225])
    assert judge.late[0][75, 2] == 2.5


def test_the_gate_opens_above_one_and_a_half_g_at_the_largest_cell_around(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    assert detector(packed(knock(5.0, height_g=1.49), 25.0)) == []
    assert not judge.early
    samples = knock(4.0, 4.2, 4.4, end_s=12.0)
    samples[[100, 105, 110], 2] = 2.0, 3.0, 2.0
    detector(packed(samples, 25.0, start_s=100))
    assert [impact_of(window) for window in judge.late] == [3.0]
    detector(packed(knock(4.0, 4.2, 4.4, end_s=12.0), 25.0, start_s=200))
    assert len(judge.late) == 2, "of equal ones the first"
    detector(packed(knock(4.0, 4.5, 5.0, end_s=12.0), 25.0, start_s=300))
    assert len(judge.late) == 5


def test_axes_are_clipped_at_four_g(fed: Any, packed: Any) -> None:
    judge = Asked()
    fed(WristFall(model=judge))(packed(knock(5.0, height_g=9.0), 25.0))
    assert judge.late[0].max() == pytest.approx(4.0, abs=0.001)


def test_only_what_reaches_its_threshold_is_told_and_the_best_score_is_kept(fed: Any, packed: Any) -> None:
    for score, causes in ((0.49, []), (0.5, ["wrist_suspected"]), (0.7, ["wrist_suspected", "wrist_fall"])):
        detector = fed(WristFall(model=Asked(score, 0.5, 0.7)))
        assert [f.cause for f in detector(packed(knock(5.0), 25.0))] == causes
        assert detector.state["best_score"][0] == pytest.approx(score)


def test_impacts_close_together_are_one_fall_and_a_later_one_another(fed: Any, packed: Any) -> None:
    samples = packed(knock(5.0, 9.0, 15.0, 40.0, end_s=60), 25.0)
    found = fed(WristFall(FallSettings(quiet_s=15), Asked()))(samples)
    assert [(f.cause, round(f.onset_ms / 1000 % 1000)) for f in found] == [
        ("wrist_suspected", 5),
        ("wrist_fall", 5),
        ("wrist_suspected", 40),
        ("wrist_fall", 40),
    ]
    assert len(fed(WristFall(FallSettings(quiet_s=5), Asked()))(samples)) == 6


def test_a_burst_that_ends_is_judged_once_it_is_silent(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    assert detector(packed(knock(2.0, end_s=4.0), 25.0)) == []
    assert detector.tick(6.0) == []
    (fall,) = detector.tick(9.5)
    assert (fall.cause, round(fall.onset_ms / 1000 % 1000)) == ("wrist_fall", 2)
    assert detector.tick(10.5) == []
    assert len(judge.late) == 1
    assert judge.late[0][75, 2] == 2.5
    assert (judge.late[0][125:, 2] == 1.0).all(), "what is not known is as at the end"


def test_a_burst_is_judged_when_the_next_one_comes(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    detector(packed(knock(2.0, end_s=4.0), 25.0))
    (fall,) = detector(packed(knock(end_s=1.0), 25.0, start_s=3600))
    assert fall.onset_ms / 1000 % 1000 == pytest.approx(2.0, abs=0.05)
    assert fall.found_ms - fall.onset_ms == pytest.approx(3_598_000, abs=50)


def test_a_burst_sent_as_one_packet_holds_its_fall(fed: Any, packed: Any) -> None:
    burst = wrist()[round((IMPACT_AT_S - 1) * 50) : round((IMPACT_AT_S + 2.5) * 50)]
    detector = fed(WristFall())
    assert detector(packed(burst, 50.0, packet_s=3.5)) == []
    (fall,) = detector.tick(12.0)
    assert fall.cause == "wrist_fall"


def test_too_little_around_an_impact_is_not_judged(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    detector(packed(knock(0.4), 25.0))  # too little before
    detector(packed(knock(10.8), 25.0, start_s=100))  # too little after
    detector.tick(1000.0)
    assert not judge.early
    assert not judge.late


def test_what_was_judged_at_a_silence_is_judged_again_when_the_rest_comes_after_all(fed: Any, packed: Any) -> None:
    judge = Asked(0.2)
    detector = fed(WristFall(model=judge))
    samples = knock(5.0)
    assert detector(packed(samples[:175], 25.0)) == []
    assert detector.tick(20.0) == []
    assert len(judge.late) == 1
    judge.score = 0.9
    assert [f.cause for f in detector(packed(samples[175:], 25.0, start_s=7.0))] == ["wrist_fall"]


def test_a_gap_begins_anew(fed: Any, packed: Any) -> None:
    judge = Asked()
    detector = fed(WristFall(model=judge))
    detector(packed(knock(5.0)[:130], 25.0))
    detector(packed(knock(5.0)[130:], 25.0, start_s=5.2 + 4.0))
    detector.tick(1000.0)
    assert not judge.early
    assert not judge.late


def test_an_odd_rate_or_an_empty_packet_is_left_out(fed: Any, packed: Any) -> None:
    detector = fed(WristFall())
    before = detector.state.tobytes()
    for rate_hz in (1.0, 12.0, 400.0):
        assert detector(packed(wrist(), rate_hz)) == []
    assert detector(packed(np.empty((0, 3)), 50.0)) == []
    assert detector.state.tobytes() == before


def test_wildest_numbers_do_not_overflow(fed: Any, packed: Any) -> None:
    judge = Asked()
    samples = np.full((3000, 3), 64.0)
    samples[1000:1200] = -64.0
    fed(WristFall(model=judge))(packed(samples, 200.0))
    assert not judge.late, "of 15 s that are all alike only the first is an impact, and nothing is known before it"
    samples[:480] = 1.0
    fed(WristFall(model=judge))(packed(samples, 200.0))
    assert judge.late[0][74:76] == pytest.approx(np.array([[1.0] * 3, [4.0] * 3]), abs=0.001)


def test_many_wrists_at_once(fed: Any, packed: Any, merged: Callable[..., Any]) -> None:
    together = merged(*(packed(wrist(r), r, row=row) for row, r in enumerate((50.0, 25.0, 100.0, 32.0))))
    found = fed(WristFall())(together.take(np.random.default_rng(0).permutation(len(together))))
    assert sorted(f.row for f in found) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_it_takes_motion_and_its_state_is_small() -> None:
    assert WristFall.kinds == {Kind.MOTION}
    assert WristFall.state_dtype.itemsize <= 6 * 1024
