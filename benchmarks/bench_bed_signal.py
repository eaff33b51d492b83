"""What it costs to take rates out of raw bed signals: 64 mats at 100 Hz, all at once and one mat after the other.

Prints the CPU time of a round in which all windows are due (the last second of packets included), of a second in which
none is, and of all of it per second of signal; and the same with each mat estimated by itself, and their ratio. On a
machine with other work the fastest tenth is nearest to what the code takes.
"""

import service  # noqa: F401  first, for it tells numpy to do without threads, as it does for `shouhu run`

# isort: split
import time

import numpy as np

from alerts.bed_signal import BedSignal
from alerts.detectors.bed_wave import WINDOW_S
from alerts.detectors.rhythm import BREATHING_HZ, HEART_HZ, breathing, heartbeat
from ingest.readings import Bcg
from service.allocator import keep_freed_memory
from simulators.bed_signal import Sleeper, bed_signal

MATS = 64
RATE_HZ = 100
SECONDS = 240
#: A full ten seconds.
START_MS = 1_760_000_000_000
TARGET_MS = 3.0
KEPT_BYTES = 64_000_000


def main() -> None:
    keep_freed_memory(KEPT_BYTES)  # as the service does
    random = np.random.default_rng(1)
    signals = np.array(
        [
            bed_signal(random, Sleeper(float(random.uniform(50, 100)), float(random.uniform(9, 24))), RATE_HZ, SECONDS)
            for _ in range(MATS)
        ],
        dtype=np.float32,
    )
    together, alone = BedSignal(), [BedSignal() for _ in range(MATS)]
    due_s: list[float] = []
    quiet_s: list[float] = []
    alone_s: list[float] = []
    for second in range(SECONDS):
        packets = signals[:, second * RATE_HZ : (second + 1) * RATE_HZ]
        whole = batch(np.arange(MATS), second, packets)
        singly = [batch(np.zeros(1, dtype=np.int64), second, packets[mat : mat + 1]) for mat in range(MATS)]
        started_s = time.thread_time()
        found = together.estimate(whole)
        took_s = time.thread_time() - started_s
        started_s = time.thread_time()
        for mats, one in zip(alone, singly, strict=True):
            mats.estimate(one)
        if len(found.row):
            assert len(found.row) == MATS
            due_s.append(took_s)
            alone_s.append(time.thread_time() - started_s)
        elif second > 40:
            quiet_s.append(took_s)
    windows = signals[:, : WINDOW_S * RATE_HZ].reshape(MATS, -1, RATE_HZ // HEART_HZ).mean(axis=2)
    slow = windows.reshape(MATS, -1, HEART_HZ // BREATHING_HZ).mean(axis=2)
    again_s = []
    for _ in range(200):
        started_s = time.thread_time()
        heartbeat(windows)
        breathing(slow)
        again_s.append(time.thread_time() - started_s)
    due_ms, quiet_ms, alone_ms, again_ms = (
        1000 * np.percentile(times, [10, 50]) for times in (due_s, quiet_s, alone_s, again_s)
    )
    print(f"{MATS} mats at {RATE_HZ} Hz, packets of 1 s, {len(due_s)} rounds; fastest tenth and median")
    print(f"a round in which all are due  {due_ms[0]:7.2f} {due_ms[1]:7.2f} ms   (at most {TARGET_MS:g})")
    print(f"a second in which none is     {quiet_ms[0]:7.2f} {quiet_ms[1]:7.2f} ms")
    print(f"the rates alone, again        {again_ms[0]:7.2f} {again_ms[1]:7.2f} ms   (in a warm cache)")
    share = (due_ms + 9 * quiet_ms) / 10_000
    print(f"of one core                   {100 * share[0]:7.3f} {100 * share[1]:7.3f} %")
    print(f"the round, mat after mat      {alone_ms[0]:7.2f} {alone_ms[1]:7.2f} ms")
    print(f"ratio                         {alone_ms[0] / due_ms[0]:7.1f} {alone_ms[1] / due_ms[1]:7.1f} times less")


def batch(rows: np.ndarray, second: int, packets: np.ndarray) -> Bcg:
    count = np.full(len(rows), packets.shape[1])
    time_ms = np.full(len(rows), START_MS + 1000 * second, dtype=np.int64)
    return Bcg(
        row=rows.astype(np.int32),
        time_ms=time_ms,
        received_ms=time_ms + 1050,
        seq=np.full(len(rows), -1),
        time_assumed=np.zeros(len(rows), dtype=np.bool_),
        rate_hz=np.full(len(rows), float(RATE_HZ)),
        start=np.cumsum(count) - count,
        count=count,
        signal=packets.reshape(-1),
    )


if __name__ == "__main__":
    main()
