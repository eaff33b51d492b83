"""What one detector knows: a record for each row that it has heard of, and nothing for all others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records

Index = NDArray[np.intp]
_NOWHERE = -1


class Known:
    """Records in the order in which their rows were first heard of; a row without one is as at the beginning.

    So a detector of mats costs nothing for a bracelet: no memory, and no time when time passes. `everyone`: all
    rows have a record from the beginning, in their order.
    """

    def __init__(self, initial: Callable[[int], Records], count: int, *, everyone: bool = False) -> None:
        self._initial = initial
        self._everyone = everyone
        self._untouched = initial(1)
        # Of a large array the system gives memory only for what is written.
        self._records: Records = np.empty(0, dtype=self._untouched.dtype)
        self._whole = _whole(self._records)
        self._row = np.empty(0, dtype=np.intp)
        self._used = 0
        self._place = np.empty(0, dtype=np.intp)
        self.resize(count)

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The form of a record."""
        return self._records.dtype

    @property
    def records(self) -> Records:
        """All records (n,); a view."""
        return self._records[: self._used]

    @property
    def rows(self) -> Index:
        """The row (n,) of each of `records`; a view."""
        return self._row[: self._used]

    def resize(self, count: int) -> None:
        """Make room for rows up to `count`."""
        records = np.empty(count, dtype=self.dtype)
        _whole(records)[: self._used] = _whole(self.records)
        row = np.empty(count, dtype=np.intp)
        row[: self._used] = self.rows
        self._records, self._whole, self._row = records, _whole(records), row
        self._place = np.concatenate([self._place, np.full(count - len(self._place), _NOWHERE)])
        self._fill()

    def heard_of(self, rows: NDArray[np.integer]) -> bool:
        """Whether any of the rows (k,) has a record."""
        return bool(np.count_nonzero(self._place.take(rows) >= 0))

    def take(self, rows: NDArray[np.integer]) -> Records:
        """A copy of the records of rows (k,), of those never heard of as at the beginning."""
        place = self._place.take(rows)
        unheard = place < 0
        if not np.count_nonzero(unheard):
            return self._whole.take(place).view(self.dtype)
        result = np.repeat(self._untouched, len(place))
        heard = np.flatnonzero(~unheard)
        _whole(result)[heard] = self._whole[place[heard]]
        return result

    def put(self, rows: NDArray[np.integer], after: Records) -> None:
        """Write the records `after` (k,) of rows (k,), each once."""
        place = self._place.take(rows)
        unheard = place < 0
        if np.count_nonzero(unheard):
            new = np.flatnonzero(unheard)
            place[new] = np.arange(self._used, self._used + len(new))
            self._row[place[new]] = rows[new]
            self._place[rows[new]] = place[new]
            self._used += len(new)
        self._whole[place] = after.view(self._whole.dtype)

    def write(self, begin: int, end: int, after: Records) -> None:
        """Write records `begin` to `end` (without it)."""
        self._whole[begin:end] = after.view(self._whole.dtype)

    def between(self, begin: int, end: int) -> tuple[Index, Records]:
        """The rows heard of from `begin` to `end` (without it), and a copy of their records."""
        place = self._place[begin:end]
        heard = np.flatnonzero(place >= 0)
        return begin + heard, self._records.take(place[heard])

    def move(self, old: NDArray[np.integer], new: NDArray[np.integer], left: NDArray[np.integer]) -> None:
        """Let what is known at rows `old` (k,) be known at rows `new` (k,), and nothing at those of `left` else."""
        place = self._place.take(old)
        self._place[left] = _NOWHERE
        self._place[new] = place
        moved = np.flatnonzero(place >= 0)
        self._row[place[moved]] = new[moved]
        kept = np.flatnonzero(self._place.take(self.rows) == np.arange(self._used))
        if len(kept) < self._used:
            records, row = self._records.take(kept), self._row.take(kept)
            self._used = len(kept)
            self.write(0, self._used, records)
            self._row[: self._used] = row
            self._place[row] = np.arange(self._used)
        self._fill()

    def _fill(self) -> None:
        if self._everyone:
            new = np.flatnonzero(self._place < 0)
            self.put(new, self._initial(len(new)))


def _whole(records: Records) -> Records:
    """The records without their fields: numpy copies these one by one, several times as slowly."""
    return records.view(np.dtype((np.void, records.dtype.itemsize)))
