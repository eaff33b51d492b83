"""What every bracelet moved in the last seconds, so that a fall just found can be looked at from before it.

Nothing is done a sample but to make it small: four bytes each instead of twelve, 3.3 kB a bracelet at 50 Hz. Whose
they are is looked up when a fall is found, in the batches as they came.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.falls.compact import Word, compact, expanded
from alerts.falls.samples import Packets, Samples, places_of
from ingest.readings import Motion

#: A clip begins 10 s before the impact, and 3 to 5 s after it a fall is found.
KEPT_S: Final = 15.0
#: A device may send a long packet; its last one is still wanted when the next has come. No longer than this.
_LONGEST_PACKET_S: Final = 60.0
#: Of each packet: its bracelet's row, where its samples begin and how many they are, when and how fast they were taken.
_PACKET: Final = np.dtype([("time_ms", "<i8"), ("rate_hz", "<f8"), ("row", "<i4"), ("start", "<i4"), ("count", "<i4")])


@dataclass(frozen=True, slots=True)
class _Batch:
    received_ms: int
    until_ms: int
    packets: NDArray[np.void]
    words: Word


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
        """Keep a batch; returns it as it came."""
        packets = Packets.of(motion)
        lengths_s = packets.count / np.maximum(packets.rate_hz, 1e-3)
        longest_s = min(float(lengths_s.max(initial=0.0)), _LONGEST_PACKET_S)
        kept = np.empty(len(packets.row), dtype=_PACKET)
        for name in _PACKET.names or ():
            kept[name] = getattr(packets, name)
        until_ms = received_ms + round((KEPT_S + longest_s) * 1000)
        self._batches.append(_Batch(received_ms, until_ms, kept, compact(packets.counts)))
        self._bytes += self._batches[-1].words.nbytes
        self._sweep(received_ms)
        return packets

    def of(self, row: int) -> Samples:
        """Everything kept of a row, by time."""
        packets, words = [np.empty(0, dtype=_PACKET)], [np.empty(0, dtype=np.int32)]
        for batch in self._batches:  # of some seconds, when somebody has fallen
            mine = batch.packets.take(np.flatnonzero(batch.packets["row"] == row))
            mine = mine[(mine["count"] > 0) & (mine["rate_hz"] > 0)]
            if len(mine):
                packets.append(mine)
                words.append(batch.words[places_of(mine["start"], mine["count"])])
        found = np.concatenate(packets)
        counts = expanded(np.concatenate(words))
        return Samples.joined([Samples(found["time_ms"], found["rate_hz"], found["count"].astype(np.int64), counts)])

    def _sweep(self, now_ms: int) -> None:
        while self._bytes > self._max_bytes:
            self._bytes -= self._batches.popleft().words.nbytes
        # Each second: one long packet keeps its batch, but not those behind it.
        if 0 <= now_ms - self._swept_ms < 1000:
            return
        self._swept_ms = now_ms
        # A clock set back would keep what lies in its future for as long as it was set back.
        kept = [batch for batch in self._batches if batch.received_ms <= now_ms < batch.until_ms]
        self._batches = deque(kept)
        self._bytes = sum(batch.words.nbytes for batch in kept)
