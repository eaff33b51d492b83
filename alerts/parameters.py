"""The parameters of all rows for one detector: nearly all have the same, so each that occurs is kept once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.contract import Records


class Parameters:
    """A record a row. Records that are handed out are not to be written to: rows may share one."""

    def __init__(self, defaults: Callable[[int], Records], count: int) -> None:
        self._different = defaults(0)
        self._which = np.empty(0, dtype=np.int32)
        self.set(defaults(count))

    def set(self, records: Records) -> None:
        """Other records (count,)."""
        number: dict[bytes, int] = {}
        # One by one, when the fleet changes: several times faster than numpy's sorting of them.
        rows = np.ascontiguousarray(records).view(np.dtype((np.void, records.dtype.itemsize))).tolist()
        self._which = np.fromiter((number.setdefault(row, len(number)) for row in rows), np.int32, len(rows))
        self._different = np.frombuffer(b"".join(number), dtype=records.dtype)
        #: Where all rows have one record: it, as often as there are rows, in no more room than once.
        self._same = np.broadcast_to(self._different, len(rows)) if len(number) == 1 else None

    def extend(self, records: Records) -> None:
        """Records of further rows."""
        self.set(np.concatenate([self._different.take(self._which), records]))

    def take(self, rows: NDArray[np.integer]) -> Records:
        """The records of rows (k,)."""
        if self._same is not None and len(rows) <= len(self._same):
            return self._same[: len(rows)]
        return self._different.take(self._which.take(rows))
