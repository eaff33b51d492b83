"""Streams of many rows side by side in one array, without a loop over any of them.

A batch is sorted by (group, time); the readings of one group then lie together and are called its segment. What was
known of the group before the batch is given as a carried value and stands, in thought, before the segment's first
reading; that is why a stream cut anywhere gives the same result as the whole.
"""

from dataclasses import dataclass
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.rowwise import ascending, once

Index = NDArray[np.intp]
Int = NDArray[np.int64]
Flag = NDArray[np.bool_]
_Number = TypeVar("_Number", bound=np.generic)

#: The time of what has not happened; every real time is later.
NEVER: Final = -1


def never(count: int, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """State (count,) of nothing but times, of which none has come."""
    state = np.empty(count, dtype=dtype)
    for field in dtype.names or ():
        state[field] = NEVER
    return state


def in_order(row: NDArray[np.integer], time_ms: Int, last_ms: Int) -> Index:
    """Positions of the readings (n,) that are news, sorted by row and time.

    News is later than `last_ms` (k,) of its row; of several readings of one row with one time the first counts.
    """
    if ascending(row):  # one reading a row, in order, as batches of live readings are
        later: Index = (time_ms > last_ms[row]).nonzero()[0]
        return later
    if once(row, len(last_ms)):  # the same in any order: they are put into their rows' places
        place = np.full(len(last_ms), -1)
        place[row] = np.arange(len(row))
        place = place[place >= 0]
        news: Flag = time_ms[place] > last_ms[row[place]]
        return place[news]
    order: Index = np.lexsort((time_ms, row))
    rows, times = row[order], time_ms[order]
    news = times > last_ms[rows]
    news[1:] &= (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
    return order if news.all() else order[news]


@dataclass(frozen=True, slots=True)
class Segments:
    """The groups (n,) of readings sorted by group and, within it, by time.

    `first` (n,) marks each segment's first reading, `start` (n,) is the position of it, `last` (s,) the positions of
    the segments' last readings. `alone`: every segment holds one reading, as in most batches of live readings, which
    saves most of the work.
    """

    group: Index
    first: Flag
    start: Index
    last: Index
    alone: bool

    @classmethod
    def of(cls, group: NDArray[np.integer]) -> Self:
        """The segments of sorted groups (n,)."""
        groups: Index = group.astype(np.intp, copy=False)
        first = np.ones(len(group), dtype=np.bool_)
        first[1:] = group[1:] != group[:-1]
        if np.count_nonzero(first) == len(group):
            heads = np.arange(len(group))
            return cls(groups, first, heads, heads, alone=True)
        heads = np.flatnonzero(first)
        lengths = np.diff(heads, append=len(groups))
        return cls(groups, first, np.repeat(heads, lengths), heads + lengths - 1, alone=False)

    def of_group(self, carried: NDArray[_Number]) -> NDArray[_Number]:
        """The value (n,) of each reading's group; not to be written to."""
        if self.alone and len(carried) == len(self.group):
            return carried  # one reading of every group, in their order
        return carried[self.group]

    def keep(self, values: NDArray[_Number], kept: NDArray[_Number]) -> None:
        """Write the value (n,) of each segment's last reading to its group's place in `kept`."""
        if self.alone and len(kept) == len(self.group):
            kept[:] = values
        else:
            kept[self.group[self.last]] = values[self.last]

    def before(self, values: NDArray[_Number], carried: NDArray[_Number]) -> NDArray[_Number]:
        """The value (n,) of the segment's reading before each; of the first the one carried, by group.

        Not to be written to.
        """
        if self.alone:
            return self.of_group(carried)
        return np.where(self.first, carried[self.group], np.concatenate([values[:1], values[:-1]]))

    def latest_value_before(
        self, marked: Flag, values: NDArray[_Number], carried: NDArray[_Number]
    ) -> NDArray[_Number]:
        """The value (n,) of the segment's latest marked reading before each, and where none was the one carried.

        Not to be written to.
        """
        if self.alone:
            return self.of_group(carried)
        earlier = self.latest_before(marked)
        return np.where(earlier >= 0, values[earlier], carried[self.group])

    def turns(self) -> list[Index]:
        """The positions of all segments' first readings, then of all second ones, and so on.

        For what has to be taken one after another: each row occurs once in a turn, and mostly there is one turn.
        """
        if self.alone:
            return [self.start] if len(self.start) else []
        place = np.arange(len(self.group)) - self.start
        return np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])

    def latest(self, marked: Flag) -> Index:
        """Position of the latest marked reading of the segment up to and including each; -1 where none.

        `marked` is (n,), or (n, columns) for several conditions side by side, each by itself.
        """
        start = self.start if marked.ndim == 1 else self.start[:, np.newaxis]
        if self.alone:
            return np.where(marked, start, -1)
        position = np.arange(len(marked)) if marked.ndim == 1 else np.arange(len(marked))[:, np.newaxis]
        seen = np.maximum.accumulate(np.where(marked, position, -1), axis=0)
        return np.where(seen >= start, seen, -1)

    def latest_before(self, marked: Flag) -> Index:
        """As `latest`, of the readings before each, itself left out."""
        if self.alone or not len(marked):
            return np.full(marked.shape, -1)
        first = self.first if marked.ndim == 1 else self.first[:, np.newaxis]
        return np.where(first, -1, np.roll(self.latest(marked), 1, axis=0))

    def run_start(self, holds: Flag) -> Index:
        """For each reading (n,) that holds, the position where the unbroken run of such readings began."""
        return np.maximum(self.latest(~holds) + 1, self.start)


def since_ms(segments: Segments, holds: Flag, time_ms: Int, carried_ms: Int) -> Int:
    """Since when (n,) a condition has held without a break; NEVER where it does not hold.

    `carried_ms` is, by group, since when it held at the end of the last batch.
    """
    carried = segments.of_group(carried_ms)
    if segments.alone:
        return np.where(holds, np.where(carried != NEVER, carried, time_ms), NEVER)
    began = segments.run_start(holds)
    known_before = (began == segments.start) & (carried != NEVER)
    return np.where(holds, np.where(known_before, carried, time_ms[np.minimum(began, len(began) - 1)]), NEVER)


def spans_ms(segments: Segments, holds: Flag, breaks: Flag, time_ms: Int, carried_ms: Int) -> Int:
    """As `since_ms`, for several conditions side by side (n, columns), each of which some readings leave as it was.

    Those neither hold it nor break it; `carried_ms` is (groups, columns).
    """
    carried = segments.of_group(carried_ms)
    times = time_ms[:, np.newaxis]
    if segments.alone:
        return np.where(holds, np.where(carried != NEVER, carried, times), np.where(breaks, NEVER, carried))
    before = segments.latest_before(holds | breaks)
    held = np.where(before >= 0, _at(holds, before), carried != NEVER)
    begun = segments.latest(holds & ~held)
    since = np.where(begun >= 0, time_ms[begun], carried)
    return np.where(holds | (held & ~breaks), since, NEVER)


def _at(values: NDArray[_Number], position: Index) -> NDArray[_Number]:
    """The value at a position (n,), by column (n, columns)."""
    return values[position] if values.ndim == 1 else np.take_along_axis(values, position, axis=0)


@dataclass(frozen=True, slots=True)
class Switch:
    """What a thing with two positions did: `began` and `ended` (n,) mark the readings that switched it,
    `active` (n,) is its position after each reading, `onset_ms` (n,) when the episode on or just ended began.
    Of several things side by side all are (n, columns)."""

    began: Flag
    ended: Flag
    active: Flag
    onset_ms: Int


def switch(
    segments: Segments, on: Flag, off: Flag, began_ms: Int, carried_active: Flag, carried_onset_ms: Int
) -> Switch:
    """Follow a switch that `on` readings turn on, `off` readings turn off, and all others leave alone.

    `began_ms` (n,) is the onset where a reading turns it on; position and onset before the batch are carried by group.
    Several switches side by side: all (n, columns), and the carried (groups, columns).
    """
    carried = segments.of_group(carried_active)
    if segments.alone:
        began, ended = on & ~carried, off & carried
        onset_ms = np.where(began, began_ms, segments.of_group(carried_onset_ms))
        return Switch(began, ended, on | (carried & ~off), onset_ms)
    decided = segments.latest(on | off)
    active = np.where(decided >= 0, _at(on, decided), carried)
    first = segments.first if on.ndim == 1 else segments.first[:, np.newaxis]
    before = np.where(first, carried, np.roll(active, 1, axis=0))
    began, ended = on & ~before, off & before
    opened = segments.latest(began)
    onset_ms = np.where(opened >= 0, _at(began_ms, opened), carried_onset_ms[segments.group])
    return Switch(began, ended, active, onset_ms)
