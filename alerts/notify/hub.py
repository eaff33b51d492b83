"""Transitions to whoever listens in this process: the console's live feed."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from alerts.alarm import Transition

#: Transitions a listener may be behind; far more than people can read, far less than memory holds.
_BEHIND_MOST: Final = 1000


class Listener:
    """The transitions since the listening began, in order; the iteration ends when the listener fell too far behind.

    One that fell behind has missed something: it begins anew with the open alarms.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Transition] = deque()
        self._stir = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Transition:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._stir.clear()
            await self._stir.wait()
        return self._waiting.popleft()

    def tell(self, transition: Transition) -> None:
        """Hand one over, never waiting."""
        if self._ended:
            return
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(transition)
        self._stir.set()

    def end(self) -> None:
        """Let the iteration end after what is waiting."""
        self._ended = True
        self._stir.set()


class Hub:
    """Everyone who listens now. Used from the event loop's thread alone."""

    def __init__(self, behind_most: int = _BEHIND_MOST) -> None:
        self._behind_most = behind_most
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Listen from now on. Read the open alarms inside: what happens in between is then told twice, never missed."""
        listener = Listener(self._behind_most)
        if self._closed:
            listener.end()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, transition: Transition) -> None:
        """Tell everyone; a slow listener holds up nobody."""
        for listener in self._listeners:
            listener.tell(transition)

    def close(self) -> None:
        """Let every listening end, so that nobody who listens delays the end of the service."""
        self._closed = True
        for listener in self._listeners:
            listener.end()
