"""Raw bed signals of many mats brought to one rate, and the windows of them that are due.

Packets come at any rate, of any length, in any order within a batch. Each is taken as a line of steps and averaged
over bins of 50 ms of device time, so that a device that is a little faster or slower than it says is still timed
rightly, and jitter between packets does no harm. A gap of up to a second is bridged by a straight line; a longer one
begins the window anew, and so does a step back in time by more than the window: a late backlog is a stream of its own.
Packets heard already change nothing.

A window ends at each full ten seconds of device time, so that the same signal heard twice gives the same estimates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.bands import Signal
from alerts.detectors.contract import Records
from alerts.detectors.rhythm import HEART_HZ, Index
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Int, Segments
from ingest.readings import Bcg

WINDOW_S: Final = 32
EVERY_S: Final = 10
WINDOW_SAMPLES: Final = WINDOW_S * HEART_HZ
BIN_MS: Final = 1000 // HEART_HZ
#: Slower signals hold no beat's shape, faster ones are not of a bed (the contract's range, with room for a bad clock).
LOWEST_HZ: Final = 15.0
HIGHEST_HZ: Final = 250.0
#: Missing signal of up to so long is bridged; it is less than half a breath.
GAP_MS: Final = 1000

_EVERY_BINS: Final = EVERY_S * HEART_HZ
#: Rows lie behind one another on one line: so far apart that milliseconds, or bins, since 1970 fit between two.
_ROW_MS: Final = 1 << 42
_ROW_BINS: Final = 1 << 37

STATE_DTYPE: Final[np.dtype[np.void]] = np.dtype(
    [
        ("end_ms", "<i8"),
        ("filled", "<i8"),
        ("open_sum", "<f8"),
        ("open_weight", "<f8"),
        ("ring", "<f4", (WINDOW_SAMPLES,)),
    ]
)


def initial(count: int) -> Records:
    """Mats that sent no signal yet."""
    state = np.zeros(count, dtype=STATE_DTYPE)
    state["end_ms"] = NEVER
    return state


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows (w,) that are due, by row and time: the device time of their end, and samples (w, WINDOW_SAMPLES)."""

    row: Index
    end_ms: Int
    signal: Signal

    @classmethod
    def joined(cls, parts: Sequence["Windows"]) -> Self:
        """Several, by row and time."""
        if len(parts) == 1:
            return cls(parts[0].row, parts[0].end_ms, parts[0].signal)
        none = np.empty(0, dtype=np.int64)
        row = np.concatenate([none, *(part.row for part in parts)])
        end_ms = np.concatenate([none, *(part.end_ms for part in parts)])
        order = np.lexsort((end_ms, row))
        signal = np.concatenate([np.empty((0, WINDOW_SAMPLES), np.float32), *(part.signal for part in parts)])
        return cls(row[order], end_ms[order], signal[order])

    def part(self, first: int, end: int) -> "Windows":
        """Some that follow one another."""
        return Windows(self.row[first:end], self.end_ms[first:end], self.signal[first:end])


@dataclass(frozen=True, slots=True)
class _Packets:
    """Packets (p,) that are news, by row and time: when each begins and ends, what of it is new (`from_ms`), its run
    of packets without a gap, and whether that run goes on from state; `samples` are theirs alone, in their order."""

    row: Index
    time_ms: Int
    end_ms: Int
    from_ms: Int
    rate_hz: NDArray[np.float64]
    count: Int
    samples: NDArray[np.float32]
    run: Index
    continues: NDArray[np.bool_]


def take(state: Records, bcg: Bcg) -> tuple[Records, Windows]:
    """The state (k,) after packets of its rows, which index it, and the windows that came due."""
    packets = _news(state, bcg)
    if not len(packets.row):
        return state, Windows.joined([])
    state = copied(state)
    last_of_run = _ends(packets.run)
    run_row, run_end_ms = packets.row[last_of_run], packets.end_ms[last_of_run]
    first_of_run = np.concatenate([[0], last_of_run[:-1] + 1])
    continues = packets.continues[first_of_run]
    key, total, weight = _bins(packets, state, run_row[continues])

    # Each run's closed bins, without holes.
    begin = packets.from_ms[first_of_run] // BIN_MS
    closed = run_end_ms // BIN_MS - begin
    run = np.repeat(np.arange(len(begin)), closed)
    bin_ = np.arange(len(run)) - np.repeat(np.cumsum(closed) - closed, closed) + begin[run]
    value = np.interp((run_row[run] * _ROW_BINS + bin_).astype(np.float64), key.astype(np.float64), total / weight)

    # How long the run is at each bin, what was remembered of it counted in.
    length = np.where(continues, state["filled"][run_row], 0)
    whole = ((bin_ + 1) % _EVERY_BINS == 0) & (bin_ + 1 - begin[run] + length[run] >= WINDOW_SAMPLES)
    windows = _fill(state["ring"], run_row[run], bin_, value, whole)

    last_run = _ends(run_row)
    rows = run_row[last_run]
    state["end_ms"][rows] = run_end_ms[last_run]
    state["filled"][rows] = np.minimum(WINDOW_SAMPLES, length[last_run] + closed[last_run])
    open_key = rows * _ROW_BINS + run_end_ms[last_run] // BIN_MS
    at = np.minimum(np.searchsorted(key, open_key), len(key) - 1)
    there = key[at] == open_key
    state["open_sum"][rows] = np.where(there, total[at], 0.0)
    state["open_weight"][rows] = np.where(there, weight[at], 0.0)
    return state, windows


def _ends(group: Index) -> Index:
    """The positions of the last of each group (n,), which lie together."""
    return np.flatnonzero(np.append(group[1:] != group[:-1], True))


def _fill(ring: Signal, row: Index, bin_: Int, value: NDArray[np.float64], whole: NDArray[np.bool_]) -> Windows:
    """Write bins (n,) into the rings, in place, and take out a window at each bin where one is `whole`."""
    parts = []
    ends = bin_ // _EVERY_BINS
    # One step each ten seconds that the batch spans: one or two, but for a backlog.
    for end in np.unique(ends[np.append(True, ends[1:] != ends[:-1])[: len(ends)]]):
        now = np.flatnonzero(ends == end)
        ring[row[now], bin_[now] % WINDOW_SAMPLES] = value[now]
        due = row[now][whole[now]]
        if len(due):
            last = (int(end) + 1) * _EVERY_BINS
            oldest = last % WINDOW_SAMPLES
            held = ring[due]
            signal = np.concatenate([held[:, oldest:], held[:, :oldest]], axis=1)
            parts.append(Windows(due, np.full(len(due), last * BIN_MS), signal))
    return Windows.joined(parts)


def _news(state: Records, bcg: Bcg) -> _Packets:
    usable = (bcg.count > 0) & (bcg.rate_hz >= LOWEST_HZ) & (bcg.rate_hz <= HIGHEST_HZ)
    index = np.flatnonzero(usable)
    index = index[np.lexsort((bcg.time_ms[index], bcg.row[index]))]
    row, time_ms = bcg.row[index].astype(np.int64), bcg.time_ms[index]
    end_ms = time_ms + np.maximum(np.rint(bcg.count[index] * 1000.0 / bcg.rate_hz[index]).astype(np.int64), 1)
    if not len(index):
        none = np.empty(0, dtype=np.int64)
        nothing = np.empty(0, dtype=np.float32)
        return _Packets(row, time_ms, end_ms, none, bcg.rate_hz[index], none, nothing, none, none.astype(np.bool_))

    # How far each row was heard before each packet. Within a batch packets are in order, so only the first can be old.
    segments = Segments.of(row)
    heads = segments.start[segments.last]
    heard_ms = state["end_ms"][row[heads]]
    old = time_ms[heads] < heard_ms - WINDOW_S * 1000
    heard_ms = np.where(old, NEVER, heard_ms)
    if segments.alone:
        before_ms = heard_ms
    else:
        line = np.maximum.accumulate(row * _ROW_MS + end_ms) - row * _ROW_MS
        before_ms = np.where(segments.first, NEVER, np.roll(line, 1))
        before_ms = np.maximum(before_ms, np.repeat(heard_ms, np.diff(np.append(heads, len(row)))))
    begins = (before_ms == NEVER) | (time_ms > before_ms + GAP_MS)

    new = np.flatnonzero(begins | (end_ms > before_ms))
    index, row, begins = index[new], row[new], begins[new]
    run = np.cumsum(begins | np.append(True, row[1:] != row[:-1])[: len(row)]) - 1
    first = np.append(True, run[1:] != run[:-1])[: len(run)]
    continues = ~begins[np.flatnonzero(first)][run] if len(run) else begins
    return _Packets(
        row=row,
        time_ms=time_ms[new],
        end_ms=end_ms[new],
        from_ms=np.where(begins, time_ms[new], before_ms[new]),
        rate_hz=bcg.rate_hz[index],
        count=bcg.count[index],
        samples=_samples(bcg, index),
        run=run,
        continues=continues,
    )


def _samples(bcg: Bcg, index: Index) -> NDArray[np.float32]:
    """The samples of the packets at `index` and no others, one after the other."""
    start, count = bcg.start[index], bcg.count[index]
    begin = np.cumsum(count) - count
    total = int(count.sum())
    if total == len(bcg.signal) and np.array_equal(begin, start):
        return bcg.signal
    samples: NDArray[np.float32] = bcg.signal[np.arange(total) + np.repeat(start - begin, count)]
    return samples


def _bins(packets: _Packets, state: Records, carried: Index) -> tuple[Int, NDArray[np.float64], NDArray[np.float64]]:
    """The bins that hold signal, by row and time: key, sum and weight, with what state holds of `carried` rows."""
    first = packets.time_ms // BIN_MS
    length = -(-packets.end_ms // BIN_MS) - first
    packet = np.repeat(np.arange(len(first)), length)
    bin_ = np.arange(len(packet)) - np.repeat(np.cumsum(length) - length, length) + first[packet]
    # Where in the packet each bin begins and ends, in samples: a sample stands for the time until the next.
    per_ms = (packets.rate_hz / 1000.0)[packet]
    count = packets.count[packet]
    since_ms = bin_ * BIN_MS - packets.time_ms[packet]
    low = np.minimum(np.maximum(since_ms, 0) * per_ms, count)
    high = np.minimum((since_ms + BIN_MS) * per_ms, count)
    sample, next_sample = np.minimum(low.astype(np.int64), count - 1), high.astype(np.int64)
    offset = (np.cumsum(packets.count) - packets.count)[packet]
    whole = np.add.reduceat(packets.samples, offset + sample, dtype=np.float64)
    last = np.append(packet[1:] != packet[:-1], True)
    # An empty stretch of reduceat is not 0, and the last one of a packet runs on to its end.
    whole[(next_sample <= sample) & ~last] = 0.0
    beyond = packets.samples[offset + np.minimum(next_sample, count - 1)] * (high - next_sample)
    total = whole + np.where(last, 0.0, beyond) - packets.samples[offset + sample] * (low - sample)

    new = (bin_ + 1) * BIN_MS > packets.from_ms[packet]
    new &= high > low
    key = (packets.row[packet] * _ROW_BINS + bin_)[new]
    total, weight = total[new], (high - low)[new]
    # The bin being filled, and the one before it from which a gap is bridged.
    open_bin = state["end_ms"][carried] // BIN_MS
    some = state["open_weight"][carried] > 0
    known = state["filled"][carried] > 0
    place = carried * _ROW_BINS + open_bin
    key = np.concatenate([place[known] - 1, place[some], key])
    total = np.concatenate(
        [state["ring"][carried[known], (open_bin[known] - 1) % WINDOW_SAMPLES], state["open_sum"][carried][some], total]
    )
    weight = np.concatenate([np.ones(np.count_nonzero(known)), state["open_weight"][carried][some], weight])
    order = np.argsort(key, kind="stable")
    key, total, weight = key[order], total[order], weight[order]
    heads = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    return key[heads], np.add.reduceat(total, heads), np.add.reduceat(weight, heads)
