"""Continuous motion on one grid in device time, whatever the rate, range and packets it came in.

A cell is 40 ms (25 Hz) and holds the time-weighted mean of the samples whose intervals overlap it, every axis clipped
to ±4 g: then all bracelets look the same to whoever judges them. Sums are of whole numbers, so however a stream is cut
into batches the cells are the same to the bit.

Packets of one stream follow on each other. The stamp of a packet jitters by what its bursts, its radio and its clock
do to it; the samples themselves are evenly spaced. So a packet begins where the one before it ended, as long as that
puts its end no more than half a second from its stamp; where it would, the packet is stretched or squeezed just so far
that it does not (a device that gives 40 Hz and says 50 is followed so). What cannot be explained by jitter of half a
second and a rate that is off by a third is a gap or a clock that was set: there a new stream begins.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.rowwise import copied
from alerts.detectors.segments import NEVER, Segments, in_order
from ingest.readings import Motion

Int = NDArray[np.int64]
Index = NDArray[np.intp]
Cell = NDArray[np.int16]
Sum = NDArray[np.int32]

CELL_MS: Final = 40
#: Counts of a cell's values.
COUNTS_PER_G: Final = 8192
RANGE_G: Final = 4.0
LOWEST_HZ: Final = 15.0
HIGHEST_HZ: Final = 200.0
JITTER_S: Final = 0.5
RATE_OFF: Final = 0.35
#: Cells remembered of each row, a little over the 7 s of a window.
KEPT: Final = 176
#: These and the one that is being filled.
_PLACES: Final = KEPT + 1

_CELL_US: Final = CELL_MS * 1000
#: Parts of a sample in which its share of a cell is counted. Sums wrap in int32, but what one cell holds never does:
#: 200 Hz squeezed by a third are 12 samples.
_PARTS_BITS: Final = 12
_PARTS: Final = 1 << _PARTS_BITS
assert HIGHEST_HZ / (1 - RATE_OFF) * CELL_MS / 1000 * _PARTS * RANGE_G * COUNTS_PER_G < 2**31

#: State of one row: stamp of the last packet, how long it was and when it was received, where its samples end on the
#: stream's own clock, the stream's first cell, the sums of the cell being filled, and apart from these, for it is long,
#: the last cells, each at the place of its number modulo _PLACES: the int16 of three axes and an empty one as one
#: number, which moves fastest. numpy is slow on fields that do not lie on multiples of their size, so records are of 8
#: bytes.
STATE_FIELDS: Final = (
    ("last_ms", "<i8"),
    ("span_ms", "<i8"),
    ("received_ms", "<i8"),
    ("end_us", "<i8"),
    ("first_cell", "<i8"),
    ("open_sum", "<i4", (3,)),
    ("open_parts", "<i4"),
)
CELLS_FIELD: Final = ("cells", "<i8", (_PLACES,))


def start(state: Records) -> None:
    """Make new records, with the fields of STATE_FIELDS, rows that sent no motion yet."""
    for name in ("last_ms", "received_ms", "end_us", "first_cell"):
        state[name] = NEVER


@dataclass(frozen=True, slots=True)
class Streams:
    """Streams (u,) by row and time: of every row that sent packets the one known before, then those begun since.

    Cell numbers are device time divided by CELL_MS. `row`; `first` cell known; `end` cell, the first one not known;
    `fresh_from`, the first cell that came or was completed with this batch; `closed_ms`: the stamp of the packet that
    showed the stream to be over, NEVER where it may go on; `last` (rows,) positions of each row's latest stream.
    `value` int16 (n, 4) are the fresh cells in counts (the fourth is 0), cell `fresh_from` of stream u at position
    `at[u]`, and `size2` uint32 (n,) is the squared length of each, 0 of one that is still being filled. `remembered`
    (k, places) are the cells before.
    """

    row: Index
    first: Int
    end: Int
    fresh_from: Int
    closed_ms: Int
    last: Index
    value: Cell
    at: Int
    size2: NDArray[np.uint32]
    remembered: Int

    def cells(self, stream: Index, cell: Int) -> Cell:
        """The cells `cell` (e, w) of `stream` (e,) as int16 (e, w, 4); where one is not known, the nearest known."""
        cell = np.clip(cell, self.first[stream, np.newaxis], self.end[stream, np.newaxis] - 1)
        behind = cell - self.fresh_from[stream, np.newaxis]
        fresh = behind >= 0
        whole = self.value.view(np.int64)[:, 0]
        found = whole.take(np.where(fresh, behind + self.at[stream, np.newaxis], 0))
        if not fresh.all():
            entry, place = np.nonzero(~fresh)
            found[entry, place] = self.remembered[self.row[stream[entry]], cell[entry, place] % _PLACES]
        return found.view(np.int16).reshape(*cell.shape, 4)


@dataclass(frozen=True, slots=True)
class _Packets:
    """Packets (p,) in order of row and time, each placed on its stream's clock from `start_us` to `end_us`."""

    row: Index
    time_ms: Int
    span_us: Int
    received_ms: Int
    sample: Int
    count: Int
    start_us: Int
    end_us: Int
    fresh: NDArray[np.bool_]
    segments: Segments


def known(state: Records, row: Index) -> Streams:
    """What rows (u,) are known to have sent so far, without anything new."""
    end = state["end_us"][row] // _CELL_US
    position = np.arange(len(row))
    return Streams(
        row=row,
        first=state["first_cell"][row],
        end=end,
        fresh_from=end,
        closed_ms=np.full(len(row), NEVER, dtype=np.int64),
        last=position,
        value=np.zeros((1, 4), dtype=np.int16),
        at=np.zeros_like(position),
        size2=np.zeros(1, dtype=np.uint32),
        remembered=state["cells"],
    )


def take(state: Records, motion: Motion) -> tuple[Records, Streams | None]:
    """The state (k,) after packets of its rows, and their streams; None where nothing was usable."""
    after = copied(state)
    packets = _packets(state, motion)
    if packets is None:
        return after, None
    begins, cell, total, parts = _sums(state, packets, motion.acc_g)
    value, size2 = np.zeros((len(cell), 4), dtype=np.int16), np.zeros(len(cell), dtype=np.int32)
    # Only a cell that is still being filled can have nothing yet.
    share = np.float32(1.0) / np.maximum(parts, 1).astype(np.float32)
    sums = total.astype(np.float32)
    for axis in range(3):  # numpy is slow along a last axis of three
        mean = sums[:, axis] * share
        counts = np.rint(mean, out=mean).astype(np.int32)
        value[:, axis] = counts
        counts *= counts
        size2 += counts

    # One run of cells for each stretch of packets that follow on each other; its last cell is still being filled.
    run_end = np.append(begins[1:], len(cell))
    run_last = run_end - 1
    size2[run_last] = 0
    head = np.flatnonzero(packets.fresh | packets.segments.first)
    # At ±4 g on every axis the square just fits into 32 bits without a sign.
    streams = _streams(state, packets, head, begins, cell[run_last], value, size2.view(np.uint32))

    newest = packets.segments.last
    rows = packets.row[newest]
    after["last_ms"][rows] = packets.time_ms[newest]
    after["span_ms"][rows] = packets.span_us[newest] // 1000
    received_ms = np.maximum.reduceat(packets.received_ms, np.flatnonzero(packets.segments.first))
    after["received_ms"][rows] = np.maximum(state["received_ms"][rows], received_ms)
    after["end_us"][rows] = packets.end_us[newest]
    after["first_cell"][rows] = streams.first[streams.last]
    still_open = run_last[np.searchsorted(head, newest, side="right") - 1]
    after["open_sum"][rows] = total[still_open]
    after["open_parts"][rows] = parts[still_open]
    owner = np.repeat(packets.row[head], run_end - begins)
    # A later cell of the same place is written later.
    after["cells"][owner, cell % _PLACES] = value.view(np.int64)[:, 0]
    return after, streams


def _packets(state: Records, motion: Motion) -> _Packets | None:
    usable = (motion.count > 0) & (motion.rate_hz >= LOWEST_HZ) & (motion.rate_hz <= HIGHEST_HZ)
    index = np.flatnonzero(usable)
    index = index[in_order(motion.row[index], motion.time_ms[index], state["last_ms"])]
    if not len(index):
        return None
    row = motion.row[index].astype(np.intp)
    time_ms, count = motion.time_ms[index], motion.count[index]
    span_us = np.rint(count * 1e6 / motion.rate_hz[index]).astype(np.int64)
    segments = Segments.of(row)
    start_us, end_us = np.empty_like(span_us), np.empty_like(span_us)
    fresh = np.empty(len(row), dtype=np.bool_)
    free_us = state["end_us"].copy()
    jitter_us = round(JITTER_S * 1e6)
    # A packet's place depends on the one before it, so all rows' first packets are placed at once, then all second
    # ones; while packets come as they are sent there is one turn, and a backlog takes as many as it has packets a row.
    for mine in segments.turns():
        stamp_us, long_us, follows_us = time_ms[mine] * 1000, span_us[mine], free_us[row[mine]]
        anew = (follows_us == NEVER) | (np.abs(stamp_us - follows_us) > jitter_us + RATE_OFF * long_us)
        begin_us = np.where(anew, stamp_us, follows_us)
        stamped_us = stamp_us + long_us
        done_us = np.clip(begin_us + long_us, stamped_us - jitter_us, stamped_us + jitter_us)
        start_us[mine], end_us[mine], fresh[mine] = begin_us, done_us, anew
        free_us[row[mine]] = done_us
    return _Packets(
        row=row,
        time_ms=time_ms,
        span_us=span_us,
        received_ms=motion.received_ms[index],
        sample=motion.start[index],
        count=count,
        start_us=start_us,
        end_us=end_us,
        fresh=fresh,
        segments=segments,
    )


def _sums(state: Records, packets: _Packets, acc_g: NDArray[np.float32]) -> tuple[Index, Int, Sum, Sum]:
    """Cells (n,) that packets touch: where each run of them begins, their numbers, sums (n, 3) and parts (n,).

    A run is what follows on from one packet to the next, with what the state held of its first cell.
    """
    counts = np.multiply(acc_g, np.float32(COUNTS_PER_G))
    largest = RANGE_G * COUNTS_PER_G - 1  # of an int16, on both sides
    np.clip(counts, -largest, largest, out=counts)
    before = np.zeros((len(acc_g) + 1, 3), dtype=np.int32)
    before[1:] = np.rint(counts, out=counts)
    np.cumsum(before, axis=0, out=before)

    # Where in its packet each cell begins, in parts of a sample; the first one with the packet.
    cell_from = packets.start_us // _CELL_US
    many = packets.end_us // _CELL_US - cell_from + 1
    end = np.cumsum(many)
    head = end - many
    cell = np.arange(end[-1]) - np.repeat(head, many)
    parts_a_us = packets.count * float(_PARTS) / (packets.end_us - packets.start_us)
    ahead_us = (cell_from * _CELL_US - packets.start_us).astype(np.float64)
    at = cell * np.repeat(parts_a_us * _CELL_US, many)
    at += np.repeat(parts_a_us * ahead_us, many)
    place = at.astype(np.int64)
    place[head] = 0
    cell += np.repeat(cell_from, many)
    whole = place >> _PARTS_BITS
    whole += np.repeat(packets.sample, many)
    until = before.take(whole, axis=0)
    begun = before.take(whole + 1, axis=0, mode="clip")
    begun -= until
    share = (place & (_PARTS - 1)).astype(np.int32)
    for axis in range(3):  # numpy is slow along a last axis of three
        begun[:, axis] *= share
    until <<= _PARTS_BITS
    until += begun

    # A cell has what lies between its beginning and that of the next, the last one of a packet what is left of it.
    last = end - 1
    total, parts = np.empty_like(until), np.empty_like(share)
    np.subtract(until[1:], until[:-1], out=total[:-1])
    np.subtract(place[1:], place[:-1], out=parts[:-1], casting="unsafe")
    total[last] = (before.take(packets.sample + packets.count, axis=0) << _PARTS_BITS) - until.take(last, axis=0)
    parts[last] = packets.count * _PARTS - place[last]
    carried = np.flatnonzero(~packets.fresh & packets.segments.first)
    total[head[carried]] += state["open_sum"][packets.row[carried]]
    parts[head[carried]] += state["open_parts"][packets.row[carried]]
    # From one packet to the next a cell goes on.
    goes_on = ~packets.fresh & ~packets.segments.first
    run = head[~goes_on]
    if goes_on.any():
        first = _others(len(cell), head[goes_on])
        total, parts = np.add.reduceat(total, first, axis=0), np.add.reduceat(parts, first)
        cell, run = cell[first], np.searchsorted(first, run)
    return run, cell, total, parts


def _others(count: int, left_out: Index) -> Index:
    """The positions 0 … count - 1 but for those left out."""
    kept = np.ones(count, dtype=np.bool_)
    kept[left_out] = False
    return np.flatnonzero(kept)


def _streams(
    state: Records,
    packets: _Packets,
    head: Index,
    begins: Index,
    end: Int,
    value: Cell,
    size2: NDArray[np.uint32],
) -> Streams:
    """Streams of runs of cells that begin at packets `head`, at cells `begins`, and are known up to `end`."""
    row = packets.row[head]
    # A row's stream known before is over where its first packet here begins a new one; it has no cells in this batch.
    over = packets.segments.first[head] & packets.fresh[head] & (state["end_us"][row] != NEVER)
    goes_on = ~packets.fresh[head]
    own = np.arange(len(head)) + np.cumsum(over)
    old = own[over] - 1
    count = len(head) + len(old)

    def both(known_before: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
        column = np.empty(count, dtype=np.int64)
        column[old], column[own] = known_before, found
        return column

    over_row = row[over]
    began = packets.start_us[head] // _CELL_US
    all_rows = both(over_row, row)
    closed_ms = np.full(count, NEVER, dtype=np.int64)
    following = np.flatnonzero(all_rows[1:] == all_rows[:-1])
    closed_ms[following] = both(np.full(len(old), NEVER), packets.time_ms[head])[following + 1]
    old_end = state["end_us"][over_row] // _CELL_US
    return Streams(
        row=all_rows,
        first=both(state["first_cell"][over_row], np.where(goes_on, state["first_cell"][row], began)),
        end=both(old_end, end),
        fresh_from=both(old_end, began),
        closed_ms=closed_ms,
        last=np.append(np.flatnonzero(np.diff(all_rows)), count - 1),
        value=value,
        at=both(begins[over], begins),
        size2=size2,
        remembered=state["cells"],
    )
