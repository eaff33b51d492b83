"""However a bracelet's motion is cut, delayed or sent twice: the same is kept of a fall, and the same is said of it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alerts.alarm import Alarm
from alerts.falls.clips import Clip, Clips
from alerts.falls.confirmation import Confirmation
from alerts.falls.samples import Packets, Samples
from alerts.findings import Condition, Finding, Priority
from alerts.lifecycle import State
from ingest.directory import Device, DeviceType
from ingest.readings import Motion
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving

DEVICES = (Device("s", "b", DeviceType.BRACELET, "r"),)
RATE_HZ = 50
FALL = np.concatenate(
    [
        moving(Activity.RESTING, 15),
        moving(Activity.FALLING, 2),
        moving(Activity.LYING, 35),
        moving(Activity.WALKING, 20),
    ]
)
BEGIN_MS = T - 16_000

#: Where the stream is cut into packets, in samples.
cuts = st.lists(st.integers(1, len(FALL) - 1), max_size=60, unique=True).map(sorted)


def packets_of(borders: list[int]) -> list[Packets]:
    """One batch a packet."""
    return [one(FALL[a:b], a) for a, b in zip([0, *borders], [*borders, len(FALL)], strict=True)]


def one(acc_g: NDArray[np.float32], first: int) -> Packets:
    time_ms = np.array([BEGIN_MS + first * 1000 // RATE_HZ], dtype=np.int64)
    return Packets.of(
        Motion(
            row=np.zeros(1, dtype=np.int32),
            time_ms=time_ms,
            received_ms=time_ms,
            seq=np.full(1, -1, dtype=np.int64),
            time_assumed=np.zeros(1, dtype=bool),
            rate_hz=np.array([float(RATE_HZ)]),
            start=np.zeros(1, dtype=np.int64),
            count=np.array([len(acc_g)], dtype=np.int64),
            acc_g=acc_g,
        )
    )


WHOLE = packets_of([])[0].of_row(0)


@given(borders=cuts, data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_clip_is_the_same_in_any_order_and_with_repetitions(borders: list[int], data: st.DataObject) -> None:
    batches = data.draw(st.permutations(packets_of(borders)))
    again = data.draw(st.lists(st.sampled_from(batches), max_size=5))
    kept: dict[int, Clip] = {}
    clips = Clips(lambda clip: kept.__setitem__(clip.number, clip))
    clips.begin(Clip("A", 0, "s", "b", "r", T, Samples.none()), 0, T)
    for batch in [*batches, *again]:
        clips.take(batch, T)
    clips.hand_over_all()
    assert np.array_equal(kept[1].samples.counts, WHOLE.between(T - 10_000, T + 20_000).counts)
    assert kept[1].gaps_s == []
    assert np.array_equal(Samples.unpacked(kept[1].samples.packed()).sample_ms, kept[1].samples.sample_ms)


def said(batches: list[Packets]) -> list[Finding]:
    times = dict.fromkeys(("onset_ms", "received_ms", "raised_ms", "changed_ms", "latest_onset_ms"), T)
    alarm = Alarm("A", "s", "b", "r", Condition.FALL, "wrist_suspected", Priority.MEDIUM, State.UNACKNOWLEDGED, **times)
    confirmation = Confirmation()
    found = confirmation.follow(alarm, 0, DEVICES, Samples.none(), T)
    for batch in batches:
        found += confirmation.update((), batch)
    return found


@given(borders=cuts)
@settings(deadline=None, max_examples=60)
def test_the_last_word_on_a_fall_is_the_same_however_its_motion_is_cut(borders: list[int]) -> None:
    *before, last = said(packets_of(borders))
    assert (last.change, dict(last.evidence)["cancelled_by"]) == ("cancelled", "walking")
    # Ten seconds of steps, the first at 37 s; a packet that brings more at once may show them in the next window.
    assert 45 <= dict(last.evidence)["walked_after_s"] <= 51
    told = [dict(finding.evidence)["lay_still_s"] for finding in before]
    assert told == sorted(set(told))
    assert set(told) <= {10, 30}
