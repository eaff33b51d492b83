"""Calls that block, each in a thread of its own, so that one that hangs holds up nothing else."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

_T = TypeVar("_T")

#: Several times the places of a channel: those that hang leave places free until there are so many.
_MOST: Final = 32


class TooManyHang(RuntimeError):
    """So many calls have not come back that no more are begun."""


class Threads:
    """Threads of one channel. They are daemons: one that never comes back does not hold up the end of the service.

    Whoever stops waiting for a call leaves its thread to itself; it counts until it ends.
    """

    def __init__(self, name: str, most: int = _MOST) -> None:
        self._name = name
        self._most = most
        self.alive = 0

    async def run(self, call: Callable[[], _T]) -> _T:
        """What a call returns or raises; TooManyHang."""
        if self.alive >= self._most:
            raise TooManyHang(f"{self.alive} earlier calls still hang")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[_T] = loop.create_future()

        def end(tell: Callable[[], None]) -> None:
            self.alive -= 1
            if not outcome.done():  # nobody waits any more
                tell()

        def work() -> None:
            tell: Callable[[], None]
            try:
                result = call()
            except Exception as error:
                # Bound at once: Python forgets `error` at the end of the clause.
                tell = _telling(outcome, error)
            else:
                tell = lambda: outcome.set_result(result)  # noqa: E731
            with contextlib.suppress(RuntimeError):  # the service has ended meanwhile
                loop.call_soon_threadsafe(end, tell)

        self.alive += 1
        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await outcome


def _telling(outcome: "asyncio.Future[_T]", error: Exception) -> Callable[[], None]:
    return lambda: outcome.set_exception(error)
