"""The house put together: everything that runs, under one roof, until it is told to stop."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from alerts.alarm import Transition
from alerts.bed_signal import BedSignal
from alerts.calling.proofs import Proofs
from alerts.falls.clip_store import ClipStore
from alerts.journal.delays import DelayReader
from alerts.journal.desk import Desk
from alerts.journal.figures import LoadReader
from alerts.journal.ledger import Ledger
from alerts.journal.outbox import deliver
from alerts.notify.contract import Channel, PersonChannel
from alerts.notify.mqtt import MqttChannel
from alerts.notify.store import StoreChannel
from ingest.clock import wall_clock_ms
from ingest.contract import TELEMETRY_LANE, URGENT_LANE, Lane
from ingest.decode import Limits
from ingest.disk import Reserve
from ingest.listener import Endpoint, Session, SessionOptions
from ingest.quarantine import Quarantine
from ingest.spool import Spool
from ingest.stores.contract import Store
from ingest.stores.influx import Influx1, Influx2
from ingest.stores.sqlite import SqliteStore
from ingest.stores.writer import Progress, drain
from service.allocator import keep_freed_memory
from service.api.app import make_app
from service.api.house import House
from service.channel_watch import ChannelWatch
from service.channels import feed_channels, people_channels, receipt_secrets
from service.database import make_engine
from service.falls import FallWatch
from service.fleet_watch import FleetWatch
from service.health import HealthWatch
from service.inbox import Inbox
from service.load_watch import LoadWatch
from service.loop import Watch
from service.memory import Memory
from service.metrics import Metrics
from service.proof_watch import ProofWatch
from service.registry import Registry
from service.settings import MqttSettings, Settings
from service.store import make_store
from service.tls import tls_context

log = logging.getLogger(__name__)

LANES: Final = (URGENT_LANE, TELEMETRY_LANE)
#: How long telemetry may wait under load for a batch to fill; a press never does.
_TELEMETRY_REST_S: Final = 0.05
#: Allocations before a collection of each generation; Python's own 700 would collect several times a batch.
_GC_THRESHOLDS: Final = (100_000, 50, 100)
#: How long a thread waits for another one's Python; Python's own 5 ms would let the journal wait so long at each of
#: its steps while telemetry is worked on.
_SWITCH_S: Final = 0.0005
#: Freed memory that is kept for the next batch.
_FREED_BYTES: Final = 64_000_000
#: Room for alarms on a disk that is full: tens of thousands of them.
_RESERVE_BYTES: Final = 16_000_000


class FolderInUseError(RuntimeError):
    """Another service runs on the same data folder."""


async def serve(
    settings: Settings,
    *,
    ready: asyncio.Event | None = None,
    on_transition: Callable[[Transition], None] | None = None,
) -> None:
    """Run the whole service until cancelled; `ready` is set once both lanes listen and the console answers.

    Raises FolderInUseError, OSError (port taken, disk), sqlalchemy errors (no database).
    """
    folder = settings.data.folder
    async with contextlib.AsyncExitStack() as house:
        house.enter_context(_sole_user(folder))
        engine = make_engine(settings.database_url)
        house.callback(engine.dispose)
        registry = Registry(engine)
        metrics = Metrics()

        limits = Limits(max_payload_bytes=settings.mqtt.max_payload_bytes)
        fleet = FleetWatch(registry, settings.detect, limits, settings.notify.people)
        memory = Memory(fleet.bank, fleet.decoder, folder / "detectors.state")

        arrival = asyncio.Event()
        spool = Spool(folder / "spool.db", max_bytes=settings.spool.max_bytes, when_full=settings.spool.when_full)
        house.callback(spool.close)
        quarantine = Quarantine(folder / "quarantine.db", max_rows=settings.quarantine.max_rows)
        house.callback(quarantine.close)
        inbox = Inbox(spool, quarantine, arrival, Reserve(folder / "reserve", _RESERVE_BYTES))
        house.callback(inbox.close)
        store = make_store(settings)
        house.push_async_callback(store.close)

        people = people_channels(settings.notify, lambda: fleet.roster)
        channels = make_channels(settings, store, people)

        clips = ClipStore(engine, most=settings.clips.most, max_bytes=settings.clips.max_bytes)
        falls = FallWatch(clips, lambda: fleet.decoder.directory, lambda: fleet.bank.clock_shift_ms)
        house.callback(falls.close)

        def told(transition: Transition) -> None:
            metrics.transition(transition)
            falls.note(transition)
            if on_transition is not None:
                on_transition(transition)

        desk = await house.enter_async_context(
            Desk(
                engine,
                channels,
                on_transition=told,
                clock_ms=wall_clock_ms,
                caller=lambda: fleet.roster,
                times=settings.alarms,
            )
        )
        channel_watch = ChannelWatch(desk, lambda: fleet.roster, wall_clock_ms)
        proofs = Proofs(engine)
        times = settings.notify.proof.times
        proof_watch = ProofWatch(desk, proofs, people, lambda: fleet.roster, channel_watch, times, wall_clock_ms)
        watch = Watch(fleet.decoder, BedSignal().with_rates, fleet.bank, desk, falls, inbox, memory, metrics)
        falls.resume(await desk.open_alarms(), wall_clock_ms())
        sessions = {lane: make_session(settings.mqtt, lane) for lane in LANES}
        progress = Progress()
        health = HealthWatch(sessions, spool, progress, metrics, lambda: fleet.gaps)
        house.enter_context(memory.kept())
        readings = store if isinstance(store, SqliteStore) else None
        load = LoadReader(engine)
        load_watch = LoadWatch(load, registry, metrics, wall_clock_ms)
        rooms = House(
            desk,
            registry,
            quarantine,
            health.now,
            metrics.exposition,
            readings=readings,
            clips=clips,
            bank=fleet.bank,
            whereabouts=fleet.whereabouts,
            silent_devices=fleet.silent_devices,
            roster=lambda: fleet.roster,
            ledger=Ledger(engine),
            delays=DelayReader(engine),
            load=load,
            proofs=proofs,
            times=settings.alarms,
            receipt_secrets=receipt_secrets(settings.notify),
        )
        await house.enter_async_context(_listening(make_app(rooms), settings.http.host, settings.http.port))
        log.info("console: http://%s:%d", settings.http.host, settings.http.port)
        log.info("%d devices, store: %s", len(fleet.decoder.directory.rows), settings.store.kind)

        # What is here now stays, and messages leave no cycles: the collector need not look at either again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        sys.setswitchinterval(_SWITCH_S)
        keep_freed_memory(_FREED_BYTES)

        async with asyncio.TaskGroup() as group:
            for lane, session in sessions.items():
                group.create_task(session.run(), name=f"{lane.name} session")
                group.create_task(watch.follow(lane, session), name=f"{lane.name} lane")
            for channel in channels:
                outbox = deliver(desk, channel, wall_clock_ms, on_result=channel_watch.note)
                group.create_task(outbox, name=f"outbox of {channel.name}")
            group.create_task(channel_watch.run(), name="channels")
            group.create_task(proof_watch.run(), name="proof of contacts")
            group.create_task(watch.notice_silence(), name="silence")
            group.create_task(desk.keep_time(wall_clock_ms), name="times of the alarms")
            group.create_task(desk.upkeep(wall_clock_ms), name="journal upkeep")
            group.create_task(load_watch.run(), name="load on people")
            writer = drain(
                spool,
                store,
                quarantine,
                arrival,
                progress=progress,
                on_stored=metrics.stored,
                on_rejected=metrics.rejected,
            )
            group.create_task(writer, name="store writer")
            group.create_task(fleet.run(), name="fleet")
            group.create_task(memory.keep(), name="memory")
            group.create_task(falls.keep(), name="clips")
            if ready is not None:
                for session in sessions.values():
                    await session.connected.wait()
                ready.set()


def make_channels(settings: Settings, store: Store, people: Sequence[PersonChannel]) -> list[Channel]:
    """Whom alarms go to besides the console: people, and what is told of every transition."""
    mqtt = settings.mqtt
    channels: list[Channel] = [*people, *feed_channels(settings.notify)]
    if settings.notify.mqtt.feed or settings.notify.mqtt.commands:
        channels.append(
            MqttChannel(
                make_endpoints(mqtt),
                client_id=f"{mqtt.client_id}-alarms",
                username=mqtt.username,
                password=mqtt.password.get_secret_value() if mqtt.password is not None else None,
                feed=settings.notify.mqtt.feed,
                commands=settings.notify.mqtt.commands,
                keep_alive_s=mqtt.keep_alive_s,
            )
        )
    if isinstance(store, Influx1 | Influx2):
        channels.append(StoreChannel(store))
    return channels


def make_endpoints(mqtt: MqttSettings) -> list[Endpoint]:
    """The brokers, with TLS where their URL asks for it."""
    context: ssl.SSLContext | None = None
    if any(broker.tls for broker in mqtt.brokers):
        context = tls_context(mqtt.ca_file, mqtt.cert_file, mqtt.key_file)
    return [Endpoint(broker.host, broker.port, context if broker.tls else None) for broker in mqtt.brokers]


def make_session(mqtt: MqttSettings, lane: Lane) -> Session:
    """A lane's session with the broker; its name is stable, so that the broker keeps what comes meanwhile."""
    return Session(
        make_endpoints(mqtt),
        SessionOptions(
            client_id=f"{mqtt.client_id}-{lane.name}",
            topic_filters=lane.topic_filters,
            username=mqtt.username,
            password=mqtt.password.get_secret_value().encode() if mqtt.password is not None else None,
            keep_alive_s=mqtt.keep_alive_s,
            session_expiry_s=mqtt.session_expiry_s,
            receive_max=mqtt.receive_max,
            max_rest_s=0.0 if lane is URGENT_LANE else _TELEMETRY_REST_S,
        ),
    )


@contextlib.contextmanager
def _sole_user(folder: Path) -> Iterator[None]:
    """Make the data folder and hold it for this process alone: two services would take each other's messages."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(f"another service is running on the data folder {folder}") from None
        yield


@contextlib.asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
