"""Motion as a bracelet sends it, for tests of what happens around a fall."""

import numpy as np
from numpy.typing import NDArray

from alerts.falls.samples import Packets, Samples
from ingest.readings import Motion
from simulators.motion import Activity, acceleration, wearers

T = 1_700_000_000_000


def packets(acc_g: NDArray[np.float32], begin_ms: int, rate_hz: float = 50.0, packet_s: float = 1.0) -> Motion:
    """Samples (n, 3) cut into packets of one bracelet, row 0."""
    size = round(packet_s * rate_hz)
    start = np.arange(0, len(acc_g), size, dtype=np.int64)
    count = np.minimum(size, len(acc_g) - start)
    time_ms = begin_ms + np.rint(start * 1000 / rate_hz).astype(np.int64)
    return Motion(
        row=np.zeros(len(start), dtype=np.int32),
        time_ms=time_ms,
        received_ms=time_ms + np.rint(count * 1000 / rate_hz).astype(np.int64),
        seq=np.full(len(start), -1, dtype=np.int64),
        time_assumed=np.zeros(len(start), dtype=bool),
        rate_hz=np.full(len(start), rate_hz),
        start=start,
        count=count,
        acc_g=acc_g,
    )


def samples(acc_g: NDArray[np.float32], begin_ms: int, rate_hz: float = 50.0, packet_s: float = 1.0) -> Samples:
    """The same as they are kept."""
    return Packets.of(packets(acc_g, begin_ms, rate_hz, packet_s)).of_row(0)


def moving(activity: Activity, seconds: float, rate_hz: float = 50.0, seed: int = 1) -> NDArray[np.float32]:
    """One person's wrist (n, 3) in g."""
    rng = np.random.default_rng(seed)
    people = wearers(rng, 1)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    result: NDArray[np.float32] = acceleration(rng, activity, people, time_s, np.zeros(1))[0]
    return result
