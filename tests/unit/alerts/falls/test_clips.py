"""The motion around a fall is kept, whenever its samples come, and no more of it than there is room for."""

from dataclasses import replace

import numpy as np

from alerts.falls.clips import Clip, Clips
from alerts.falls.samples import Packets, Samples
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving, packets, samples

WALK = moving(Activity.WALKING, 60)
WHOLE = samples(WALK, T - 30_000)


def clip(alarm: str = "A", impact_ms: int = T, known: Samples | None = None) -> Clip:
    return Clip(alarm, 0, "s", "bracelet", "r-1", impact_ms, Samples.none() if known is None else known)


def packet(from_s: int, seconds: int = 1) -> Packets:
    first = (from_s + 30) * 50
    return Packets.of(packets(WALK[first : first + 50 * seconds], T + 1000 * from_s))


class Shelf:
    """Where clips are handed to."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Clip] = {}
        self.times = 0
        self.clips = Clips(self.keep)

    def keep(self, clip: Clip) -> None:
        self.kept[clip.alarm, clip.number] = clip
        self.times += 1


def test_a_clip_holds_ten_seconds_before_and_twenty_after() -> None:
    shelf = Shelf()
    shelf.clips.begin(clip(known=WHOLE.between(T - 15_000, T + 3_000)), 0, T + 3_000)
    first = shelf.kept["A", 1]
    assert (first.samples.sample_ms[0], first.samples.sample_ms[-1]) == (T - 10_000, T + 2_980)
    assert not first.is_whole
    for second in range(3, 25):
        shelf.clips.take(packet(second), T + 1000 * second + 1000)
    whole = shelf.kept["A", 1]
    assert np.array_equal(whole.samples.counts, WHOLE.between(T - 10_000, T + 20_000).counts)
    assert whole.is_whole
    assert whole.gaps_s == []
    assert shelf.times <= 6, "not once a packet"
    shelf.clips.tick(T + 31_000)
    assert len(shelf.clips) == 0


def test_late_samples_find_their_place_and_what_never_comes_is_a_gap() -> None:
    shelf = Shelf()
    shelf.clips.begin(clip(known=WHOLE.between(T - 4_000, T + 3_000)), 0, T + 3_000)
    for second in (10, 11, 3, 4, 3, 19, 21):
        shelf.clips.take(packet(second), T + 60_000)
    shelf.clips.take(packet(-8, 2), T + 62_000)
    shelf.clips.tick(T + 400_000)
    kept = shelf.kept["A", 1]
    assert np.all(np.diff(kept.samples.sample_ms) > 0)
    assert kept.gaps_s == [(-10, -8), (-6.02, -4), (4.98, 10), (11.98, 19)]
    assert kept.is_whole


def test_somebody_elses_motion_is_not_in_it() -> None:
    shelf = Shelf()
    shelf.clips.begin(clip(), 0, T)
    other = packet(3)
    shelf.clips.take(replace(other, row=other.row + 1), T + 3_000)
    shelf.clips.tick(T + 400_000)
    assert len(shelf.kept["A", 1].samples) == 0


def test_another_fall_while_the_alarm_is_open_has_a_clip_of_its_own_up_to_four() -> None:
    shelf = Shelf()
    for seconds in (0, 4, 30, 60, 90, 120, 150):
        shelf.clips.begin(clip(impact_ms=T + 1000 * seconds), 0, T + 1000 * seconds)
    assert [(number, one.impact_ms - T) for (_, number), one in shelf.kept.items()] == [
        (1, 0),
        (2, 30_000),
        (3, 60_000),
        (4, 90_000),
    ]
    shelf.clips.forget("A")
    shelf.clips.begin(clip("B"), 0, T)
    assert ("B", 1) in shelf.kept


def test_after_a_restart_a_clip_grows_on_and_the_next_has_the_next_number() -> None:
    before = Shelf()
    before.clips.begin(clip(known=WHOLE.between(T - 15_000, T + 3_000)), 0, T + 3_000)
    after = Shelf()
    after.clips.know(before.kept["A", 1], 0, T + 10_000)
    after.clips.take(packet(12, 8), T + 20_000)
    after.clips.hand_over_all()
    assert after.kept["A", 1].gaps_s == [(2.98, 12)]
    after.clips.begin(clip(impact_ms=T + 40_000), 0, T + 40_000)
    assert sorted(after.kept) == [("A", 1), ("A", 2)]
    gone = Shelf()
    gone.clips.know(before.kept["A", 1], None, T + 10_000)
    assert len(gone.clips) == 0


def test_after_a_restart_no_clip_takes_the_place_of_another_where_the_first_was_removed() -> None:
    before, after = Shelf(), Shelf()
    for seconds in (0, 30):
        before.clips.begin(clip(impact_ms=T + 1000 * seconds), 0, T + 1000 * seconds)
    after.clips.know(before.kept["A", 2], 0, T + 40_000)
    after.clips.begin(clip(impact_ms=T + 60_000), 0, T + 60_000)
    assert list(after.kept) == [("A", 3)]


def test_a_device_that_repeats_itself_cannot_make_a_clip_grow_for_ever() -> None:
    shelf = Shelf()
    shelf.clips.begin(clip(), 0, T)
    burst = np.zeros((3000, 3), dtype=np.float32)
    for offset_ms in range(100):
        shelf.clips.take(Packets.of(packets(burst, T + offset_ms, rate_hz=200, packet_s=15)), T + 20_000)
    shelf.clips.hand_over_all()
    assert len(shelf.kept["A", 1].samples) == 12_000
