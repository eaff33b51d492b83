"""What following falls costs: a motion sample on its way, the seconds kept in memory, and a fall being followed.

.venv/bin/python -m benchmarks.bench_falls

Times are processor time. Memory is all that is known of a bracelet's motion: the detector's record, and the last
seconds for a clip, each batch made anew, so that what it keeps of its packets and its objects count as well.
"""

import time
import tracemalloc
from typing import Final

import numpy as np

from alerts.alarm import Alarm
from alerts.detectors.fall import WristFall
from alerts.falls.confirmation import Confirmation
from alerts.falls.recent_motion import RecentMotion
from alerts.falls.samples import Samples
from alerts.findings import Condition, Priority
from alerts.lifecycle import State
from ingest.directory import Device, DeviceType
from ingest.readings import Motion

T: Final = 1_700_000_000_000
RATE_HZ: Final = 50
FALLS: Final = 20
MEMORY_LIMIT_BYTES: Final = 6 * 1024
#: Looked at when the seconds kept are full.
FULL_S: Final = 20


def batch(rng: np.random.Generator, first_row: int, bracelets: int, second: int, rate_hz: int = RATE_HZ) -> Motion:
    """A second of so many bracelets."""
    count = np.full(bracelets, rate_hz, dtype=np.int64)
    time_ms = np.full(bracelets, T + 1000 * second, dtype=np.int64)
    return Motion(
        row=np.arange(first_row, first_row + bracelets, dtype=np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 1000,
        seq=np.full(bracelets, -1, dtype=np.int64),
        time_assumed=np.zeros(bracelets, dtype=bool),
        rate_hz=np.full(bracelets, float(rate_hz)),
        start=np.cumsum(count) - count,
        count=count,
        acc_g=rng.normal(0, 1, (bracelets * rate_hz, 3)).astype(np.float32),
    )


def keeping_ns(bracelets: int, a_batch: int, seconds: int = 40) -> float:
    """Nanoseconds a sample: the least of so many seconds, as other work only adds."""
    rng = np.random.default_rng(1)
    batches = [batch(rng, row, a_batch, 0) for row in range(0, bracelets, a_batch)]
    recent = RecentMotion(max_bytes=2_000_000_000)
    spent_ns = []
    for second in range(FULL_S + seconds):
        began_ns = time.process_time_ns()
        for one in batches:
            recent.add(one, T + 1000 * second)
        spent_ns.append(time.process_time_ns() - began_ns)
    # Filled first, so that what is measured also lets go of what is old.
    return min(spent_ns[FULL_S:]) / (bracelets * RATE_HZ)


def held_bytes(bracelets: int, a_batch: int, rate_hz: int = RATE_HZ) -> float:
    """Bytes a bracelet of the last seconds, at the moment when they are most."""
    rng = np.random.default_rng(1)
    recent = RecentMotion(max_bytes=2_000_000_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    most = 0
    for second in range(FULL_S):
        for row in range(0, bracelets, a_batch):
            # They send one after another.
            recent.add(batch(rng, row, a_batch, second, rate_hz), T + 1000 * second + 1000 * row // bracelets)
            most = max(most, tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return (most - before) / bracelets


def looking_up(bracelets: int, a_batch: int) -> float:
    """Milliseconds to find the last seconds of one bracelet when its fall begins."""
    rng = np.random.default_rng(3)
    recent = RecentMotion(max_bytes=2_000_000_000)
    for second in range(17):
        for row in range(0, bracelets, a_batch):
            recent.add(batch(rng, row, a_batch, second), T + 1000 * second)
    began_s = time.process_time()
    for row in range(FALLS):
        assert len(recent.of(row)) >= 15 * RATE_HZ
    return (time.process_time() - began_s) / FALLS * 1e3


def following(bracelets: int = 1000) -> float:
    """Microseconds a batch and fall, of falls followed for a minute."""
    rng = np.random.default_rng(2)
    devices = [Device("s", f"b{i}", DeviceType.BRACELET, f"r{i}") for i in range(bracelets)]
    confirmation, recent = Confirmation(), RecentMotion()
    times = dict.fromkeys(("onset_ms", "received_ms", "raised_ms", "changed_ms", "latest_onset_ms"), T)
    for row in range(FALLS):
        medium, state = Priority.MEDIUM, State.UNACKNOWLEDGED
        alarm = Alarm(f"A{row}", "s", f"b{row}", f"r{row}", Condition.FALL, "wrist_suspected", medium, state, **times)
        confirmation.follow(alarm, row, devices, Samples.none(), T)
    spent_s = 0.0
    for second in range(60):
        packets = recent.add(batch(rng, 0, bracelets, second), T + 1000 * second)
        began_s = time.process_time()
        confirmation.update((), packets)
        spent_s += time.process_time() - began_s
    return spent_s / 60 / FALLS * 1e6


def main() -> None:
    for bracelets, a_batch in ((200, 10), (2_000, 100), (2_000, 1_000)):
        spent_ns = keeping_ns(bracelets, a_batch)
        print(f"{bracelets:5} bracelets at {RATE_HZ} Hz, {a_batch:4} a batch: {spent_ns:.1f} ns a sample")
    record_bytes = WristFall.state_dtype.itemsize
    for rate_hz, a_batch in ((25, 1_000), (32, 1_000), (50, 1_000), (50, 100), (50, 10), (100, 1_000)):
        recent_bytes = held_bytes(2_000, a_batch, rate_hz)
        share = (record_bytes + recent_bytes) / MEMORY_LIMIT_BYTES
        print(
            f"{rate_hz:3} Hz, {a_batch:4} a batch: {record_bytes + recent_bytes:.0f} bytes a bracelet"
            f" ({recent_bytes:.0f} of them the last seconds), {share:.2f} of the limit at 50 Hz"
        )
    for bracelets, a_batch in ((2_000, 100), (20_000, 1_000)):
        print(f"a fall begun among {bracelets} bracelets: {looking_up(bracelets, a_batch):.1f} ms")
    print(f"a fall being followed: {following():.0f} µs a batch that holds motion of its bracelet")


if __name__ == "__main__":
    main()
