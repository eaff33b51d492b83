"""Impacts in the motion of a wrist: a cheap gate over every cell, and the impacts that wait for what follows them.

The gate opens at a cell whose acceleration is above 1.5 g and the largest within 0.4 s on both sides; of equal ones it
is the first. What comes through is worth a closer look, no more: clapping and setting down a cup come through as well.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records
from alerts.detectors.motion_grid import COUNTS_PER_G, Cell, Int, Streams
from alerts.detectors.segments import NEVER

Index = NDArray[np.intp]

GATE_G: Final = 1.5
#: Cells on both sides among which an impact is the largest.
AROUND: Final = 10
#: Cells around an impact that must be known: half a second before it and one and a half after.
BEFORE_LEAST: Final = 12
AFTER_LEAST: Final = 37
#: Cells after an impact until it is judged for the first time, and finally.
SUSPECTED_AFTER: Final = 74
DECIDED_AFTER: Final = 99

#: Impacts are more than AROUND cells apart, so no more of them than this can wait.
_WAITING: Final = -(-(DECIDED_AFTER + 1) // (AROUND + 1))
_GATE_COUNTS2: Final = round((GATE_G * COUNTS_PER_G) ** 2)

#: State of one row: the cell that may yet turn out to be an impact, and the impacts that wait, packed to the front,
#: with how far each has been judged.
STATE_FIELDS: Final = (("candidate", "<i8"), ("waiting", "<i8", (_WAITING,)), ("stage", "<i4", (_WAITING,)))

#: How far an impact has been judged: not at all, after 3 s, at the end of what was sent.
NEW: Final = 0
SUSPECTED: Final = 1
ENDED: Final = 2


def start(state: Records) -> None:
    """Make new records, with the fields of STATE_FIELDS, rows without impacts."""
    state["candidate"] = NEVER
    state["waiting"] = NEVER


@dataclass(frozen=True, slots=True)
class Impacts:
    """Impacts (e,): the stream and cell of each, how far it has been judged, and how many cells after it are known."""

    stream: Index
    cell: Int
    stage: NDArray[np.int32]
    known_after: Int

    def take(self, which: Index | NDArray[np.bool_]) -> "Impacts":
        """Those at the positions, or of the mask."""
        return Impacts(self.stream[which], self.cell[which], self.stage[which], self.known_after[which])


def counts2(cells: Cell) -> NDArray[np.uint32]:
    """The squared length (…,) of cells (…, 4) in counts; at ±4 g on every axis it just fits."""
    x, y, z = (cells[..., axis].astype(np.int32) for axis in range(3))
    squared: NDArray[np.uint32] = (x * x + y * y + z * z).view(np.uint32)
    return squared


def find(state: Records, streams: Streams) -> Impacts:
    """Impacts that wait in `state`, given with what the streams brought, and those that are new.

    `state` is the caller's own and is written: the cell of each row that may yet become an impact.
    """
    size2 = streams.size2
    hot = np.flatnonzero(size2 > _GATE_COUNTS2)
    here = size2[hot]
    # Cheap first: before and after a stream's cells stands one that is not complete, here 0.
    hot = hot[(here > size2[hot - 1]) & (here >= size2[np.minimum(hot + 1, len(size2) - 1)])]
    stream = np.searchsorted(streams.at, hot, side="right") - 1
    cell = hot - streams.at[stream] + streams.fresh_from[stream]

    row_first = np.append(0, streams.last[:-1] + 1)
    rows = streams.row[row_first]
    carried = state["candidate"][rows]
    carries = carried != NEVER
    stream = np.concatenate([row_first[carries], stream])
    cell = np.concatenate([carried[carries], cell])
    state["candidate"][rows[carries]] = NEVER
    if len(cell):
        largest = _largest_around(streams, stream, cell)
        stream, cell = stream[largest], cell[largest]
    known_after = streams.end[stream] - 1 - cell
    open_yet = (known_after < AROUND) & (streams.closed_ms[stream] == NEVER)
    state["candidate"][streams.row[stream[open_yet]]] = cell[open_yet]
    fit = (known_after >= AROUND) & (cell - streams.first[stream] >= BEFORE_LEAST)
    stream, cell = stream[fit], cell[fit]

    waits = np.flatnonzero(state["waiting"][rows, 0] != NEVER)
    entry, place = np.nonzero(state["waiting"][rows[waits]] != NEVER)
    old_stream = row_first[waits[entry]]
    old_row = rows[waits[entry]]
    stream = np.concatenate([old_stream, stream])
    cell = np.concatenate([state["waiting"][old_row, place], cell])
    stage = np.zeros(len(cell), dtype=np.int32)
    stage[: len(old_row)] = state["stage"][old_row, place]
    return Impacts(stream, cell, stage, streams.end[stream] - 1 - cell)


def waiting(state: Records, row: Index, streams: Streams) -> Impacts:
    """The impacts of rows (u,) that wait, as entries of `streams`, which are those of the rows."""
    stream, place = np.nonzero(state["waiting"][row] != NEVER)
    cell = state["waiting"][row[stream], place]
    return Impacts(stream, cell, state["stage"][row[stream], place], streams.end[stream] - 1 - cell)


def keep(state: Records, row: Index, cell: Int, stage: NDArray[np.int32], of: Index) -> None:
    """Let impacts (e,) of rows wait, and no others of the rows `of`; `state` is the caller's own and is written."""
    state["waiting"][of] = NEVER
    state["stage"][of] = NEW
    order = np.lexsort((cell, row))
    row, cell = row[order], cell[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    state["waiting"][row, place] = cell
    state["stage"][row, place] = stage[order]


def _largest_around(streams: Streams, stream: Index, cell: Int) -> NDArray[np.bool_]:
    """Whether cells (e,) are larger than those before and not smaller than those after, as far as they are known."""
    near = np.concatenate([np.arange(-AROUND, 0), np.arange(1, AROUND + 1)])
    around = cell[:, np.newaxis] + near
    # Where one is not known the nearest stands in; that may be the cell itself, which is not larger than itself.
    size2 = counts2(streams.cells(stream, around))
    size2[around < streams.first[stream, np.newaxis]] = 0
    own2 = counts2(streams.cells(stream, cell[:, np.newaxis]))
    smaller = np.concatenate([size2[:, :AROUND] < own2, size2[:, AROUND:] <= own2], axis=1)
    largest: NDArray[np.bool_] = np.logical_and.reduce(smaller, axis=1)
    return largest
