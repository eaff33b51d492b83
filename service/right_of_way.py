"""Who is told of first: while an alarm is journalled, what can wait for some milliseconds waits."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Final

#: For no longer than this since it was taken: the database may be away, and a fall may be in what waits.
_MOST_S: Final = 0.02


class RightOfWay:
    """Taken while an alarm is on its way to the journal; whoever gives way leaves Python to the journal's thread.

    That thread needs it at each of its steps, and a batch of telemetry would take it for milliseconds. Used in the
    event loop's thread alone.
    """

    def __init__(self, most_s: float = _MOST_S) -> None:
        self._most_s = most_s
        self._taken = 0
        self._until_s = 0.0
        self._free = asyncio.Event()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Others give way meanwhile."""
        if not self._taken:
            self._until_s = time.monotonic() + self._most_s
            self._free.clear()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            if not self._taken:
                self._free.set()

    async def given(self) -> None:
        """Give way, if anybody goes first."""
        if not self._taken:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._until_s - time.monotonic()):
                await self._free.wait()
