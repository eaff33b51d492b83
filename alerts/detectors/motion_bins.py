"""Continuous motion cut into short bins: what a rule needs of the samples, in whole numbers.

Samples are counted, not timed: a bin is a fixed number of samples of its stream, so neither packet length nor jitter of
the clock moves its borders. A stream begins anew after a gap, an overlap or a change of rate. Sums are of integers
(thousandths of g), so however the stream is cut the result is the same to the bit.

Each axis is clipped to ±2 g, the range of the poorest bracelet: then all devices see the same.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.segments import NEVER, Segments, in_order
from ingest.readings import Motion

Int = NDArray[np.int64]
Index = NDArray[np.intp]

BIN_S: Final = 0.25
LOWEST_HZ: Final = 15.0
HIGHEST_HZ: Final = 200.0
CLIP_MG: Final = 2000

#: A stream goes on if a packet comes within this much of where the one before it ended. Devices do not keep their
#: nominal rate (some that say 50 Hz give 40), so a long packet may be off by a share of its length.
GAP_S: Final = 0.5
GAP_SHARE: Final = 0.35

#: Peaks and their places travel in one number: squared milli-g above, 255 - place in the bin below (the earliest wins).
_PLACES: Final = 256
assert HIGHEST_HZ * BIN_S < _PLACES

_BIN: Final = [("sum_mg", "<i4", (3,)), ("square_mg2", "<i4"), ("peak", "<i8"), ("peak_ms", "<i8")]


def state_dtype(kept: int) -> np.dtype[np.void]:
    """The state of one row that remembers `kept` closed bins, the newest last, and the bin being filled."""
    return np.dtype(
        [
            ("last_ms", "<i8"),
            ("end_ms", "<i8"),
            ("span_ms", "<i8"),
            ("bin_samples", "<i4"),
            ("filled", "<i4"),
            ("closed", "<i4"),
            ("open", _BIN),
            ("ring", _BIN, (kept,)),
        ]
    )


def initial(count: int, dtype: np.dtype[np.void]) -> Records:
    """Rows that sent no motion yet, in a dtype with the fields of `state_dtype`."""
    state = np.zeros(count, dtype=dtype)
    for field in ("last_ms", "end_ms"):
        state[field] = NEVER
    return state


@dataclass(frozen=True, slots=True)
class Bins:
    """Closed bins (n,) by row and time: of each touched row the `kept` remembered ones, then the new ones.

    `stream` int: equal in neighbours that follow one another without a gap, -1 where nothing is remembered;
    `row`; `samples` a bin; `sum_mg` (n, 3) and `square_mg2` (n,): sums over the clipped samples of the axes and of the
    squared magnitude; `peak_mg2`, `peak_ms`: the largest squared magnitude, not clipped, and its device time;
    `new` positions of the new bins, `end_ms` (len(new),) the device time of their last samples.
    """

    stream: Int
    row: Index
    samples: Int
    sum_mg: Int
    square_mg2: Int
    peak_mg2: Int
    peak_ms: Int
    new: Index
    end_ms: Int


@dataclass(frozen=True, slots=True)
class _Packets:
    """Packets (p,) in order, and their streams (s,): where each begins and whether it goes on from state."""

    row: Index
    time_ms: Int
    rate_hz: NDArray[np.float64]
    start: Int
    count: Int
    bin_samples: Int
    end_ms: Int
    stream: Index
    heads: Index
    continues: NDArray[np.bool_]
    segments: Segments


def take(state: Records, motion: Motion) -> tuple[Records, Bins | None]:
    """The state (k,) after packets of its rows, and the bins they closed; None where nothing was usable."""
    state = state.copy()
    packets = _packets(state, motion)
    if packets is None:
        return state, None
    runs, found = _runs(state, packets, motion.acc_g)
    full = runs["filled"] == runs["bin_samples"]
    bins = _with_remembered(state, packets, runs[full], found[full])

    # From here on the state is that after the packets.
    last = packets.segments.last
    rows = packets.row[last]
    open_runs = np.flatnonzero(np.diff(runs["row"], append=-1) != 0)
    state["last_ms"][rows] = packets.time_ms[last]
    state["end_ms"][rows] = packets.end_ms[last]
    state["span_ms"][rows] = (packets.end_ms - packets.time_ms)[last]
    state["bin_samples"][rows] = packets.bin_samples[last]
    state["filled"][rows] = np.where(full[open_runs], 0, runs["filled"][open_runs])
    state["open"][rows] = found[open_runs]
    _remember(state, packets, runs["stream"][full], bins)
    return state, bins


def _packets(state: Records, motion: Motion) -> _Packets | None:
    usable = (motion.count > 0) & (motion.rate_hz >= LOWEST_HZ) & (motion.rate_hz <= HIGHEST_HZ)
    index = np.flatnonzero(usable)
    index = index[in_order(motion.row[index], motion.time_ms[index], state["last_ms"])]
    if not len(index):
        return None
    row, time_ms = motion.row[index].astype(np.intp), motion.time_ms[index]
    rate_hz, count = motion.rate_hz[index], motion.count[index]
    bin_samples = np.rint(rate_hz * BIN_S).astype(np.int64)
    span_ms = np.rint(count * 1000.0 / rate_hz).astype(np.int64)
    end_ms = time_ms + span_ms
    segments = Segments.of(row)
    first = segments.first
    before_end_ms = np.where(first, state["end_ms"][row], np.roll(end_ms, 1))
    before_span_ms = np.where(first, state["span_ms"][row], np.roll(span_ms, 1))
    before_samples = np.where(first, state["bin_samples"][row], np.roll(bin_samples, 1))
    fresh = (before_end_ms == NEVER) | (bin_samples != before_samples)
    fresh |= np.abs(time_ms - before_end_ms) > GAP_S * 1000.0 + GAP_SHARE * before_span_ms
    heads = np.flatnonzero(fresh | first)
    return _Packets(
        row=row,
        time_ms=time_ms,
        rate_hz=rate_hz,
        start=motion.start[index],
        count=count,
        bin_samples=bin_samples,
        end_ms=end_ms,
        stream=np.cumsum(fresh | first) - 1,
        heads=heads,
        continues=~fresh[heads],
        segments=segments,
    )


def _runs(state: Records, packets: _Packets, acc_g: NDArray[np.float32]) -> tuple[Records, Records]:
    """Bins, full or not, that the packets' samples touch, with what the state already held of them."""
    offset = np.cumsum(packets.count) - packets.count
    packet = np.repeat(np.arange(len(packets.row)), packets.count)
    place = np.arange(len(packet)) - offset[packet]
    carried = np.where(packets.continues, state["filled"][packets.row[packets.heads]], 0)
    before = (offset - offset[packets.heads][packets.stream] + carried[packets.stream])[packet]
    phase = (before + place) % packets.bin_samples[packet]

    mg = np.rint(acc_g[packets.start[packet] + place] * np.float32(1000.0)).astype(np.int64)
    peak = (mg * mg).sum(axis=1) * _PLACES + (_PLACES - 1 - phase)
    np.clip(mg, -CLIP_MG, CLIP_MG, out=mg)

    heads = phase == 0
    heads[offset[packets.heads]] = True
    first = np.flatnonzero(heads)
    length = np.diff(first, append=len(packet))
    owner = packet[first]
    runs = np.zeros(len(first), dtype=[(f, "<i8") for f in ("row", "stream", "bin_samples", "filled", "end_ms")])
    runs["row"], runs["stream"] = packets.row[owner], packets.stream[owner]
    runs["bin_samples"], runs["filled"] = packets.bin_samples[owner], length
    runs["end_ms"] = _sample_ms(packets, packet, place, first + length - 1)
    found = np.zeros(len(first), dtype=_BIN)
    found["sum_mg"] = np.add.reduceat(mg, first, axis=0)
    found["square_mg2"] = np.add.reduceat((mg * mg).sum(axis=1), first)
    found["peak"] = np.maximum.reduceat(peak, first)
    peak_phase = _PLACES - 1 - found["peak"] % _PLACES
    found["peak_ms"] = _sample_ms(packets, packet, place, first + peak_phase - phase[first])

    # The first bin of a stream that goes on was begun in an earlier batch.
    begun = np.searchsorted(first, offset[packets.heads])[packets.continues]
    held = state["open"][runs["row"][begun]]
    some = carried[packets.continues] > 0
    begun, held = begun[some], held[some]
    runs["filled"][begun] += carried[packets.continues][some]
    found["sum_mg"][begun] += held["sum_mg"]
    found["square_mg2"][begun] += held["square_mg2"]
    earlier = held["peak"] > found["peak"][begun]
    found["peak"][begun[earlier]] = held["peak"][earlier]
    found["peak_ms"][begun[earlier]] = held["peak_ms"][earlier]
    return runs, found


def _sample_ms(packets: _Packets, packet: Index, place: Int, sample: Int) -> Int:
    owner = packet[sample]
    return packets.time_ms[owner] + np.rint(place[sample] * 1000.0 / packets.rate_hz[owner]).astype(np.int64)


def _with_remembered(state: Records, packets: _Packets, runs: Records, found: Records) -> Bins:
    """The remembered bins of each row that sent packets, followed by its new ones."""
    kept = state["ring"].shape[1]
    rows = packets.row[packets.segments.last]
    slot = np.full(len(state), -1, dtype=np.intp)
    slot[rows] = np.arange(len(rows))
    fresh = np.bincount(slot[runs["row"]], minlength=len(rows))
    offset = np.cumsum(kept + fresh) - (kept + fresh)
    old = (offset[:, np.newaxis] + np.arange(kept)).reshape(-1)
    new = np.arange(len(runs)) + kept * (slot[runs["row"]] + 1)

    first_stream = packets.segments.first[packets.heads]
    stream = np.full(len(old) + len(new), -1, dtype=np.int64)
    remembered = np.arange(kept) >= kept - state["closed"][rows][:, np.newaxis]
    head = np.flatnonzero(first_stream)
    carried = np.where(packets.continues[head], head, -1)
    stream[old] = np.where(remembered, carried[:, np.newaxis], -1).reshape(-1)
    stream[new] = runs["stream"]
    content = np.empty(len(stream), dtype=_BIN)
    content[old] = state["ring"][rows].reshape(-1)
    content[new] = found
    samples = np.empty(len(stream), dtype=np.int64)
    samples[old] = np.repeat(state["bin_samples"][rows], kept)
    samples[new] = runs["bin_samples"]
    return Bins(
        stream=stream,
        row=np.repeat(rows, kept + fresh),
        samples=samples,
        sum_mg=content["sum_mg"].astype(np.int64),
        square_mg2=content["square_mg2"].astype(np.int64),
        peak_mg2=content["peak"] // _PLACES,
        peak_ms=content["peak_ms"],
        new=new,
        end_ms=runs["end_ms"],
    )


def _remember(state: Records, packets: _Packets, streams: Int, bins: Bins) -> None:
    """Keep each row's newest bins; `state` is the caller's own and is written."""
    kept = state["ring"].shape[1]
    rows = packets.row[packets.segments.last]
    end = np.flatnonzero(np.diff(bins.row, append=-1) != 0) + 1
    newest = end[:, np.newaxis] - kept + np.arange(kept)
    ring = state["ring"][rows]
    ring["sum_mg"] = bins.sum_mg[newest]
    ring["square_mg2"] = bins.square_mg2[newest]
    # Only the place within the bin is lost from a closed bin's peak, and is not needed any more.
    ring["peak"] = bins.peak_mg2[newest] * _PLACES
    ring["peak_ms"] = bins.peak_ms[newest]
    state["ring"][rows] = ring
    last_stream = packets.stream[packets.segments.last]
    added = np.bincount(streams, minlength=len(packets.heads))[last_stream]
    before = np.where(packets.continues[last_stream], state["closed"][rows], 0)
    state["closed"][rows] = np.minimum(kept, before + added)
