"""The motion of one bracelet over some seconds: packets as they came, compact enough to be kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.readings import Float, Int, Motion, Row

Counts = NDArray[np.int16]

#: The contract allows ±64 g, so nothing has to be clipped; a step is 2 mg.
COUNTS_PER_G: Final = 500.0
#: Samples further apart than this have a gap between them.
GAP_S: Final = 0.5


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    counts_per_g: float
    time_ms: list[int]
    rate_hz: list[float]
    count: list[int]
    counts: bytes


class UnreadableSamples(ValueError):
    """Bytes that hold no samples, or only part of them."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Packets (p,) by time (device time of the first sample), and their samples (n, 3) in counts."""

    time_ms: Int
    rate_hz: Float
    count: Int
    counts: Counts

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def none(cls) -> Self:
        """No samples."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), np.empty((0, 3), np.int16))

    @classmethod
    def joined(cls, parts: Sequence["Samples"]) -> Self:
        """Several in one, by time; of packets with one time the first counts, so that one sent twice is there once."""
        parts = [part for part in parts if len(part.time_ms)]
        if not parts:
            return cls.none()
        time_ms = np.concatenate([part.time_ms for part in parts])
        count = np.concatenate([part.count for part in parts])
        _, chosen = np.unique(time_ms, return_index=True)
        start = np.cumsum(count) - count
        counts = np.concatenate([part.counts for part in parts])
        return cls(
            time_ms[chosen],
            np.concatenate([part.rate_hz for part in parts])[chosen],
            count[chosen],
            counts[places_of(start[chosen], count[chosen])],
        )

    def between(self, from_ms: float, to_ms: float) -> "Samples":
        """The samples of [from_ms, to_ms); packets that stand across an end are cut."""
        period_ms = 1000.0 / self.rate_hz
        first = np.clip(np.ceil((from_ms - self.time_ms) / period_ms), 0, self.count).astype(np.int64)
        end = np.clip(np.ceil((to_ms - self.time_ms) / period_ms), 0, self.count).astype(np.int64)
        left = np.flatnonzero(end > first)
        start = (np.cumsum(self.count) - self.count + first)[left]
        count = (end - first)[left]
        time_ms = self.time_ms[left] + np.rint(first[left] * period_ms[left]).astype(np.int64)
        return Samples(time_ms, self.rate_hz[left], count, self.counts[places_of(start, count)])

    @property
    def sample_ms(self) -> Float:
        """Device time (n,) of every sample, in order."""
        place = np.arange(len(self.counts)) - np.repeat(np.cumsum(self.count) - self.count, self.count)
        times = np.repeat(self.time_ms, self.count) + place * np.repeat(1000.0 / self.rate_hz, self.count)
        # Packets of a device that is faster than it says overlap by a few samples.
        result: Float = np.maximum.accumulate(times.astype(np.float64))
        return result

    @property
    def acc_g(self) -> NDArray[np.float32]:
        """Acceleration (n, 3) in g, gravity included."""
        return (self.counts / np.float32(COUNTS_PER_G)).astype(np.float32)

    def packed(self) -> bytes:
        """As bytes for `unpacked`: six a sample and some twenty a packet."""
        counts = self.counts.astype("<i2").tobytes()
        lists = self.time_ms.tolist(), self.rate_hz.tolist(), self.count.tolist()
        return msgspec.msgpack.encode(_Packed(COUNTS_PER_G, *lists, counts))

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Samples from `packed`; UnreadableSamples."""
        try:
            packed = msgspec.msgpack.decode(data, type=_Packed)
        except msgspec.DecodeError as error:
            raise UnreadableSamples(str(error)) from error
        if packed.counts_per_g != COUNTS_PER_G or len(packed.counts) != 6 * sum(packed.count):
            raise UnreadableSamples("cut short, or in another scale")
        counts = np.frombuffer(packed.counts, "<i2").reshape(-1, 3).astype(np.int16, copy=False)
        times, rates = np.array(packed.time_ms, dtype=np.int64), np.array(packed.rate_hz, dtype=np.float64)
        return cls(times, rates, np.array(packed.count, dtype=np.int64), counts)


def gaps_of(sample_ms: Float, from_ms: float, to_ms: float) -> list[tuple[float, float]]:
    """Where in [from_ms, to_ms) samples are missing for longer than GAP_S, as pairs of begin and end."""
    edges = np.concatenate([[from_ms], sample_ms, [to_ms]])
    wide = np.flatnonzero(np.diff(edges) > GAP_S * 1000.0)
    return [(float(edges[i]), float(edges[i + 1])) for i in wide]


@dataclass(frozen=True, slots=True)
class Packets:
    """A batch of motion of many bracelets, as in `Motion`, its samples in counts."""

    row: Row
    time_ms: Int
    rate_hz: Float
    start: Int
    count: Int
    counts: Counts

    @classmethod
    def of(cls, motion: Motion) -> Self:
        """The packets of a batch; truncated to counts, since rounding would take as long again."""
        counts = (motion.acc_g * np.float32(COUNTS_PER_G)).astype(np.int16)
        return cls(motion.row, motion.time_ms, motion.rate_hz, motion.start, motion.count, counts)

    def of_row(self, row: int) -> Samples:
        """What the batch holds of one bracelet, by time."""
        index = np.flatnonzero((self.row == row) & (self.count > 0) & (self.rate_hz > 0))
        if not len(index):
            return Samples.none()
        count = self.count[index]
        counts = self.counts[places_of(self.start[index], count)]
        return Samples.joined([Samples(self.time_ms[index], self.rate_hz[index], count, counts)])


def places_of(start: Int, count: Int) -> Int:
    """The positions of samples that lie in runs of `count` from `start`, run after run."""
    before = np.cumsum(count) - count
    result: Int = np.arange(int(count.sum())) + np.repeat(start - before, count)
    return result
