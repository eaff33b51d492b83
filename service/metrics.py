"""What operators watch: counted a batch at a time, in the Prometheus text format."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from alerts.alarm import Transition
from alerts.journal.figures import Load
from ingest.contract import Lane
from ingest.decode import Decoded
from ingest.listener import Batch, Session
from ingest.rejected import Rejected
from ingest.stores.writer import Lag

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600)
#: Figures of the load on people, by site and by caregiver, each of the last hour; identifiers as labels.
_SITE_LOAD: Final[Mapping[str, str]] = {
    "alarms": "Alarms that began to ring within an hour",
    "in_ten_minutes": "Alarms that began to ring within ten minutes; more than 10 are a flood (ISA-18.2)",
    "flood_share": "Part of an hour with more than 10 alarms in ten minutes",
    "chattering": "Alarms that came and went 3 times within a minute, of an hour",
    "open": "Open alarms",
    "stale": "Alarms open for more than a day",
    "judged_true": "Alarms judged true within an hour",
    "judged_false": "Alarms judged false within an hour",
}
_CAREGIVER_LOAD: Final[Mapping[str, str]] = {
    "taken": "Alarms taken within an hour",
    "calls": "Calls within an hour",
    "in_ten_minutes": "Calls within ten minutes; more than 10 are a flood",
    "flood_share": "Part of an hour with more than 10 calls in ten minutes",
    "chattering": "Alarms that called and came and went 3 times within a minute, of an hour",
    "judged_true": "Alarms that had called, judged true within an hour",
    "judged_false": "Alarms that had called, judged false within an hour",
    "holds": "Open alarms in the hands of a caregiver",
    "stale": "Alarms in the hands of a caregiver open for more than a day",
}


class Metrics:
    """The service's counters in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._messages = Counter("shouhu_messages", "MQTT messages taken", ["lane"], registry=self._registry)
        self._readings = Counter("shouhu_readings", "Readings taken", ["kind"], registry=self._registry)
        self._rejected = Counter("shouhu_rejected", "Readings quarantined", ["reason"], registry=self._registry)
        self._batch_size = Histogram(
            "shouhu_batch_messages", "Messages in a batch", ["lane"], buckets=_SIZES, registry=self._registry
        )
        self._durable = Histogram(
            "shouhu_receive_to_durable_seconds",
            "From the first message of a batch received to the batch acknowledged",
            ["lane"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stored = Histogram(
            "shouhu_receive_to_stored_seconds",
            "From the oldest reading of a write to the store received to the write done",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._waited = Histogram(
            "shouhu_durable_to_stored_seconds",
            "From the oldest reading of a write to the store durable to the write done",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._alarms = Counter(
            "shouhu_alarm_transitions", "Alarm transitions", ["condition", "event"], registry=self._registry
        )
        self._alarm_delay = Histogram(
            "shouhu_receive_to_journal_seconds",
            "From a reading received to its alarm journalled",
            ["condition"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._journal_failures = Counter(
            "shouhu_journal_failures", "Failed tries to journal findings", registry=self._registry
        )
        self._faults = Counter(
            "shouhu_faults", "Faults of our own code that a part went on from", ["part"], registry=self._registry
        )

        self._site_load = {
            name: Gauge(f"shouhu_load_{name}", words, ["site"], registry=self._registry)
            for name, words in _SITE_LOAD.items()
        }
        self._caregiver_load = {
            name: Gauge(f"shouhu_caregiver_{name}", words, ["caregiver"], registry=self._registry)
            for name, words in _CAREGIVER_LOAD.items()
        }

    def load(self, load: Load) -> None:
        """Show the load on people; who is not in it any more is not shown."""
        for name, gauge in self._site_load.items():
            gauge.clear()
            for site in load.sites:
                gauge.labels(site.site).set(getattr(site, name))
        for name, gauge in self._caregiver_load.items():
            gauge.clear()
            for caregiver in load.caregivers:
                gauge.labels(caregiver.caregiver).set(getattr(caregiver, name))

    def batch(self, lane: Lane, batch: Batch, decoded: Decoded, now_ms: int) -> None:
        """Count a batch that was acknowledged."""
        self._messages.labels(lane.name).inc(len(batch))
        self._batch_size.labels(lane.name).observe(len(batch))
        self._durable.labels(lane.name).observe((now_ms - batch.received_ms) / 1000)
        for readings in decoded.readings:
            self._readings.labels(readings.KIND).inc(len(readings))
        self.rejected(decoded.rejected)

    def rejected(self, rejected: Iterable[Rejected]) -> None:
        """Count what went into quarantine, on its way in or because the store refused it."""
        for reason, count in Tally(one.reason for one in rejected).items():
            self._rejected.labels(reason).inc(count)

    def stored(self, lag: Lag) -> None:
        """Count a write to the store whose oldest reading was under way for so long."""
        self._stored.observe(lag.received_s)
        if lag.durable_s is not None:
            self._waited.observe(lag.durable_s)

    def fault(self, part: str) -> None:
        """Count a fault of our own code in a part."""
        self._faults.labels(part).inc()

    def transition(self, transition: Transition) -> None:
        """Count an alarm's transition."""
        alarm = transition.alarm
        self._alarms.labels(alarm.condition, transition.event).inc()
        if transition.from_state is None:
            self._alarm_delay.labels(alarm.condition).observe((transition.at_ms - alarm.received_ms) / 1000)

    def journal_failed(self) -> None:
        """Count a try to journal findings that failed."""
        self._journal_failures.inc()

    def watch_session(self, lane: Lane, session: Session) -> None:
        """Show whether a lane is connected and how often it had to connect."""
        connected = Gauge(
            f"shouhu_{lane.name}_connected", "1 while the lane has its broker session", registry=self._registry
        )
        connected.set_function(session.connected.is_set)
        connects = Gauge(f"shouhu_{lane.name}_connects", "Connections made since start", registry=self._registry)
        connects.set_function(lambda: session.connects)

    def gauge(self, name: str, text: str) -> Gauge:
        """A figure that somebody else sets or computes when asked."""
        return Gauge(name, text, registry=self._registry)

    def exposition(self) -> bytes:
        """All figures in the Prometheus text format."""
        return generate_latest(self._registry)
