"""Whether somebody may rely on the watching right now."""

from collections.abc import Callable, Mapping, Sequence

from alerts.calling.coverage import Gap
from ingest.contract import Lane
from ingest.listener import Session
from ingest.spool import Spool
from ingest.stores.writer import Progress
from service.api.house import Check, Health
from service.metrics import Metrics


class HealthWatch:
    """Asks the parts how they are; also shows it to Prometheus.

    Ready means that an alarm would be raised: both lanes have their broker. A store that is away is told as a
    check, but detection goes on without it. So is who cannot be called; that fails only where somebody believes
    to be called by a channel that there is not: a site may well want the console alone.
    """

    def __init__(
        self,
        sessions: Mapping[Lane, Session],
        spool: Spool,
        progress: Progress,
        metrics: Metrics,
        gaps: Callable[[], Sequence[Gap]] = tuple,
    ) -> None:
        self._sessions = sessions
        self._gaps = gaps
        self._progress = progress
        for lane, session in sessions.items():
            metrics.watch_session(lane, session)
        metrics.gauge("shouhu_spool_readings", "Readings waiting for the store").set_function(lambda: spool.depth)
        metrics.gauge("shouhu_spool_bytes", "Bytes waiting for the store").set_function(lambda: spool.size_bytes)
        metrics.gauge("shouhu_spool_dropped_readings", "Readings given up by a full spool since start").set_function(
            lambda: spool.dropped_readings
        )
        metrics.gauge("shouhu_stored_readings", "Readings stored since start").set_function(
            lambda: progress.stored_readings
        )
        metrics.gauge("shouhu_store_available", "1 while the store takes readings").set_function(
            lambda: progress.unavailable_since_ms is None
        )

    def now(self) -> Health:
        """The state of every part."""
        lanes = tuple(
            Check(f"broker_{lane.name}", session.connected.is_set(), "" if session.connected.is_set() else "no session")
            for lane, session in self._sessions.items()
        )
        store = Check("store", self._progress.unavailable_since_ms is None, self._progress.unavailable_reason or "")
        return Health(all(check.ok for check in lanes), (*lanes, store, _contacts(self._gaps())))


def _contacts(gaps: Sequence[Gap]) -> Check:
    detail = gaps[0].told if gaps else ""
    more = f"; and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    return Check("contacts", not any(gap.kind == "channel" for gap in gaps), detail + more)
