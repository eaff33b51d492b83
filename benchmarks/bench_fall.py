"""What finding falls costs: nanoseconds a sample of the gate alone and of everything, as ratios to the limits set.

Wear is that of the recordings `daily-wear` (SHOUHU_RECORDINGS or ../shared/data), resampled to 50 Hz and worn by many
bracelets, each from another moment on; where they are not there, a simulated day. A batch is a second of them all.
"""

import service  # noqa: F401  first, for it tells numpy to do without threads, as it does for `shouhu run`

# isort: split
import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.bank import Bank
from alerts.detectors import impacts, motion_grid
from alerts.detectors.fall import WristFall
from ingest.readings import Motion
from simulators.motion import Activity, acceleration, wearers
from simulators.recording import read_motion, read_set

SETS: Final = Path(os.environ.get("SHOUHU_RECORDINGS", Path(__file__).parents[2] / "shared" / "data"))
RATE_HZ: Final = 50
START_MS: Final = 1_790_000_000_000
GATE_LIMIT_NS: Final = 60.0
ALL_LIMIT_NS: Final = 120.0
STATE_LIMIT_BYTES: Final = 6 * 1024
FLEET: Final = 20_000
#: Before it is measured the streams have run as long as a window.
WARM_S: Final = 8

Samples = NDArray[np.float32]


def recorded_wear() -> list[Samples]:
    """The recordings of daily wear at RATE_HZ, each (n, 3) in g."""
    found = read_set(SETS / "daily-wear")
    worn = []
    for entry in found.entries:
        motion = read_motion(found, entry)
        time_s = np.arange(motion.time_s[0], motion.time_s[-1], 1 / RATE_HZ)
        worn.append(np.column_stack([np.interp(time_s, motion.time_s, axis) for axis in motion.acc_g.T]))
    return [acc_g.astype(np.float32) for acc_g in worn]


def simulated_wear(seconds: int) -> list[Samples]:
    """Simulated people who rest, walk, sit down and get up, each (n, 3) in g."""
    random = np.random.default_rng(1)
    people = wearers(random, 17)
    parts = []
    for second in range(0, seconds + 60, 5):
        activity = (Activity.RESTING, Activity.STANDING_UP, Activity.WALKING, Activity.SITTING_DOWN)[second // 5 % 4]
        time_s = second + np.arange(5 * RATE_HZ) / RATE_HZ
        parts.append(acceleration(random, activity, people, time_s, np.full(17, float(second))))
    return list(np.concatenate(parts, axis=1))


def batches(worn: list[Samples], rows: int, seconds: int) -> Iterator[Motion]:
    """Second after second, one packet of each row; row r wears recording r modulo their number from a moment on."""
    random = np.random.default_rng(2)
    who = np.arange(rows) % len(worn)
    at = np.array([random.integers(0, len(worn[person]) - seconds * RATE_HZ) for person in who])
    for second in range(seconds):
        samples = [
            worn[person][start : start + RATE_HZ]
            for person, start in zip(who, at + second * RATE_HZ, strict=True)  # making the input
        ]
        time_ms = np.full(rows, START_MS + second * 1000) + np.arange(rows) % 1000
        yield Motion(
            row=np.arange(rows, dtype=np.int32),
            time_ms=time_ms,
            received_ms=time_ms + 1100,
            seq=np.full(rows, second),
            time_assumed=np.zeros(rows, dtype=np.bool_),
            rate_hz=np.full(rows, float(RATE_HZ)),
            start=np.arange(rows) * RATE_HZ,
            count=np.full(rows, RATE_HZ),
            acc_g=np.concatenate(samples),
        )


def cost_of_gate_ns(sent: list[Motion]) -> float:
    """Nanoseconds of processor time a sample: grid and gate, nothing judged."""
    state = WristFall().initial(len(sent[0]))
    spent_ns = 0
    for number, motion in enumerate(sent):
        began_ns = time.process_time_ns()
        state, streams = motion_grid.take(state, motion)
        assert streams is not None
        impacts.find(state, streams)
        spent_ns += time.process_time_ns() - began_ns if number >= WARM_S else 0
    return spent_ns / sum(len(motion.acc_g) for motion in sent[WARM_S:])


def cost_of_all_ns(sent: list[Motion]) -> tuple[float, int]:
    """Nanoseconds of processor time a sample, the bank and its ticks included, and how many findings there were."""
    bank = Bank([WristFall()], len(sent[0]))
    spent_ns = found = 0
    for number, motion in enumerate(sent):
        now_ms = int(motion.received_ms.max())
        began_ns = time.process_time_ns()
        found += len(bank.update([motion], now_ms)) + len(bank.tick(now_ms))
        spent_ns += time.process_time_ns() - began_ns if number >= WARM_S else 0
    return spent_ns / sum(len(motion.acc_g) for motion in sent[WARM_S:]), found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--rows", type=int, default=2000, help="bracelets in a batch (what the receive window lets come at once)"
    )
    options.add_argument("--seconds", type=int, default=60, help="time of wear")
    options.add_argument("--rounds", type=int, default=5, help="the least of so many is told, as other work only adds")
    chosen = options.parse_args()
    seconds = chosen.seconds + WARM_S
    recorded = (SETS / "daily-wear" / "index.csv").is_file()
    worn = recorded_wear() if recorded else simulated_wear(seconds)
    sent = list(batches(worn, chosen.rows, seconds))
    print(
        f"{chosen.rows} bracelets, {chosen.seconds} s of {'recorded' if recorded else 'simulated'} wear, {RATE_HZ} Hz"
    )
    gate_ns = min(cost_of_gate_ns(sent) for _ in range(chosen.rounds))
    all_ns, found = zip(*(cost_of_all_ns(sent) for _ in range(chosen.rounds)), strict=True)
    total_ns = min(all_ns)
    for name, cost, limit, unit in (
        ("gate", gate_ns, GATE_LIMIT_NS, "ns CPU a sample"),
        ("all included", total_ns, ALL_LIMIT_NS, "ns CPU a sample"),
        ("record", WristFall.state_dtype.itemsize, STATE_LIMIT_BYTES, "bytes a bracelet"),
    ):
        print(f"{name:13} {cost:7.1f} {unit:17} {cost / limit:5.2f} of the limit of {limit:g}")
    share = total_ns * 1e-9 * FLEET * RATE_HZ
    print(f"{FLEET:,} bracelets at {RATE_HZ} Hz take {share:.0%} of one core; {found[0]} findings")


if __name__ == "__main__":
    main()
