"""The load on people of the last hour, asked of the journal again and again and shown to Prometheus."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.journal.figures import Load, LoadReader
from service.fleet import Site
from service.metrics import Metrics

_log: Final = logging.getLogger(__name__)
_EVERY_S: Final = 15.0
_HOURS: Final = 1


class Sites(Protocol):
    """Where the sites are known with their time zones; called in a thread."""

    def sites(self) -> Sequence[Site]:
        """All sites."""
        ...


def load_of(reader: LoadReader, register: Sites, end_ms: int, hours: int, site: str | None = None) -> Load:
    """The load of the last hours, night by the clock of each site; for a thread."""
    time_zones = {one.site: ZoneInfo(one.time_zone) for one in register.sites()}
    return reader.load(end_ms, hours, site=site, time_zones=time_zones)


class LoadWatch:
    """Keeps the figures of the last hour; an hour of 60,000 alarms is asked within the pause between two times."""

    def __init__(self, reader: LoadReader, register: Sites, metrics: Metrics, clock_ms: Callable[[], int]) -> None:
        self._reader = reader
        self._register = register
        self._metrics = metrics
        self._clock_ms = clock_ms

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Ask once; what cannot be asked now keeps its figures."""
        try:
            load = await asyncio.to_thread(load_of, self._reader, self._register, self._clock_ms(), _HOURS)
        except (OperationalError, InterfaceError) as error:
            _log.error("the load on people: database not available: %s", type(error.orig).__name__)
        else:
            self._metrics.load(load)
