"""What every bracelet moved in the last seconds, so that a fall just found can be looked at from before it.

Nothing is done a sample but to make it small: six bytes each instead of twelve. Whose they are is looked up when a
fall is found, in the batches as they came.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from alerts.falls.samples import Packets, Samples
from ingest.readings import Motion

#: A clip begins 10 s before the impact, and 3 to 5 s after it a fall is found.
KEPT_S: Final = 15.0
#: A device may send a long packet; its last one is still wanted when the next has come. No longer than this.
_LONGEST_PACKET_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Batch:
    received_ms: int
    until_ms: int
    packets: Packets


class RecentMotion:
    """Batches of motion received in the last seconds, at most `max_bytes` of samples, the oldest go first.

    Bounded by receive time, not device time: a device that sends its burst late has it here as long as any other.
    """

    def __init__(self, max_bytes: int = 256_000_000) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._batches: deque[_Batch] = deque()
        self._swept_ms = 0

    @property
    def size_bytes(self) -> int:
        """What the samples kept take."""
        return self._bytes

    def add(self, motion: Motion, received_ms: int) -> Packets:
        """Keep a batch; returns it as it is kept."""
        packets = Packets.of(motion)
        lengths_s = packets.count / np.maximum(packets.rate_hz, 1e-3)
        longest_s = min(float(lengths_s.max(initial=0.0)), _LONGEST_PACKET_S)
        self._batches.append(_Batch(received_ms, received_ms + round((KEPT_S + longest_s) * 1000), packets))
        self._bytes += packets.counts.nbytes
        self._sweep(received_ms)
        return packets

    def of(self, row: int) -> Samples:
        """Everything kept of a row, by time."""
        return Samples.joined([batch.packets.of_row(row) for batch in self._batches])

    def _sweep(self, now_ms: int) -> None:
        while self._bytes > self._max_bytes:
            self._bytes -= self._batches.popleft().packets.counts.nbytes
        # Each second: one long packet keeps its batch, but not those behind it.
        if 0 <= now_ms - self._swept_ms < 1000:
            return
        self._swept_ms = now_ms
        # A clock set back would keep what lies in its future for as long as it was set back.
        kept = [batch for batch in self._batches if batch.received_ms <= now_ms < batch.until_ms]
        self._batches = deque(kept)
        self._bytes = sum(batch.packets.counts.nbytes for batch in kept)
