"""What the HTTP API needs of the house: the desk where alarms are taken, the registers, and how the watching goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

from aiohttp import web

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.proofs import Proofs
from alerts.calling.roster import Book, Roster
from alerts.calling.rota import Swap
from alerts.detectors.contract import Records
from alerts.detectors.whereabouts import Whereabouts
from alerts.falls.clip_store import MissedFall
from alerts.falls.clips import Clip
from alerts.journal.delays import DelayReader
from alerts.journal.drills import Drill
from alerts.journal.figures import LoadReader
from alerts.journal.ledger import Ledger
from alerts.journal.letters import CallMade
from alerts.journal.schema import Status
from alerts.journal.timing import AlarmTimes
from alerts.notify.hub import Hub
from ingest.clock import wall_clock_ms
from ingest.directory import Device
from ingest.readings import Motion
from ingest.stores.contract import Tag
from ingest.stores.curve import Curve
from service.fleet import Caregiver, NotedSwap, Outing, Resident, Site
from service.placement import Placement
from service.silent_devices import SilentDevice


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the service needs; `name` is a stable word (``broker``, ``store``, …), `detail` says what is wrong."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether somebody may rely on the watching: `ready` is False where alarms may be missed."""

    ready: bool
    checks: tuple[Check, ...] = ()


class Desk(Protocol):
    """Alarms, as `alerts.journal.desk.Desk` keeps them."""

    @property
    def hub(self) -> Hub:
        """Where every transition is told."""
        ...

    async def acknowledge(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person takes an alarm; UnknownAlarm, IllegalEvent."""
        ...

    async def shelve(self, alarm: str, by: str, until_ms: int, reason: str, now_ms: int) -> Transition:
        """A person lays an alarm aside until a time; UnknownAlarm, IllegalEvent, ShelfTooLong."""
        ...

    async def unshelve(self, alarm: str, by: str, now_ms: int) -> Transition:
        """A person ends that before its time; UnknownAlarm, IllegalEvent."""
        ...

    async def begin_drill(self, site: str, by: str, until_ms: int, now_ms: int) -> Drill:
        """From now on what is found at a site is a test, until a time; DrillTooLong."""
        ...

    async def end_drill(self, site: str, now_ms: int) -> bool:
        """What is found at a site is real again; False where no drill went on."""
        ...

    async def drills(self, now_ms: int) -> list[Drill]:
        """The drills that go on."""
        ...

    async def resolve(self, alarm: str, by: str, outcome: Outcome, note: str, now_ms: int) -> Transition:
        """A person closes an alarm; UnknownAlarm, IllegalEvent."""
        ...

    async def alarm(self, alarm: str) -> Alarm:
        """One alarm; UnknownAlarm."""
        ...

    async def open_alarms(self) -> list[Alarm]:
        """Every alarm not resolved."""
        ...

    async def history(
        self,
        limit: int = 100,
        before_ms: int | None = None,
        before_alarm: str | None = None,
        *,
        site: str | None = None,
        resident: str | None = None,
        drill: bool | None = None,
    ) -> list[Alarm]:
        """Alarms open and closed, latest first."""
        ...

    async def calls(self, alarm: str) -> list[CallMade]:
        """Whom an alarm has called and what became of it, latest first."""
        ...

    async def receive(self, channel: str, key: str, said: Status, at_ms: int, now_ms: int) -> Status | None:
        """What the other side says of a letter, and what it is then; None: there is no such letter."""
        ...

    async def transitions(self, alarm: str) -> list[Transition]:
        """All that happened to one alarm, in order."""
        ...


class Register(Protocol):
    """Names, as `service.registry.Registry` keeps them; called in a thread."""

    def sites(self) -> Sequence[Site]:
        """All sites."""
        ...

    def residents(self) -> Sequence[Resident]:
        """All residents."""
        ...

    def devices(self) -> Sequence[Device]:
        """All devices."""
        ...

    def caregivers(self) -> Sequence[Caregiver]:
        """All caregivers."""
        ...

    def placement(self) -> Placement:
        """The zones and who has them."""
        ...

    def outings(self) -> Sequence[Outing]:
        """Who is out in company, those included whose time is over."""
        ...

    def begin_outing(self, outing: Outing) -> None:
        """Note that a resident is out, in place of what was noted before."""
        ...

    def end_outing(self, resident: str) -> bool:
        """Note that a resident is not out any more; False where they were not."""
        ...

    def book(self) -> Book:
        """Everybody who may be called, and how that is settled."""
        ...

    def swaps(self) -> Sequence[Swap]:
        """The swaps that the fleet file has."""
        ...

    def noted_swaps(self) -> Sequence[NotedSwap]:
        """The swaps that came up during the day."""
        ...

    def note_swap(self, noted: NotedSwap) -> None:
        """Note a swap in place of what was noted for the same place."""
        ...

    def end_swap(self, shift: str, day: date, absent: str) -> bool:
        """Forget a swap that was noted; False where there was none."""
        ...


class Kept(Protocol):
    """A rejected reading in the quarantine; `payload` may be cut, `size_bytes` and `sha256` are of the whole."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def received_ms(self) -> int: ...


class Quarantine(Protocol):
    """What was rejected, as `ingest.quarantine.Quarantine` keeps it; called in a thread."""

    def recent(self, limit: int) -> Sequence[Kept]:
        """The latest, newest first."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many are kept, by reason."""
        ...


class Readings(Protocol):
    """Stored readings, as `ingest.stores.sqlite.SqliteStore` keeps them."""

    async def curve(self, resident: str, metric: str, start_ms: int, end_ms: int, points: int) -> Curve:
        """A resident's metric over [start_ms, end_ms); UnknownMetric, StoreUnavailable."""
        ...

    async def motion(self, resident: str, start_ms: int, end_ms: int) -> Sequence[tuple[Tag, Motion]]:
        """A resident's raw motion of [start_ms, end_ms), a device each; StoreUnavailable."""
        ...


class Clips(Protocol):
    """Clips and reports of missed falls, as `alerts.falls.clip_store.ClipStore` keeps them; called in a thread."""

    def of_alarm(self, alarm: str) -> Sequence[Clip]:
        """The clips of an alarm, in the order of its falls."""
        ...

    def report(self, missed: MissedFall, clips: Sequence[Clip]) -> None:
        """Keep a report of a missed fall with what samples there were."""
        ...


class Bank(Protocol):
    """What detectors know, as `alerts.bank.Bank` keeps it."""

    def of_resident(self, name: str, resident: str) -> tuple[Records, Records]:
        """State and parameters (1,) of the detector `name` for one resident."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """Everything handlers use; `health` and `metrics` are called on the event loop and must not block.

    `bank` is read on the event loop, between two batches, and never written to.
    `readings` is None where they are kept in a store that has its own means to be asked. `whereabouts` says where a
    resident is at a time, None where no fix is known; on the event loop, as `health`. So is `silent_devices`, of a
    site. `ledger`, `delays`, `load` and `proofs` are called in a thread.
    """

    desk: Desk
    register: Register
    quarantine: Quarantine
    health: Callable[[], Health]
    metrics: Callable[[], bytes]
    now_ms: Callable[[], int] = wall_clock_ms
    readings: Readings | None = None
    clips: Clips | None = None
    bank: Bank | None = None
    whereabouts: Callable[[str, int], Whereabouts | None] | None = None
    silent_devices: Callable[[str], Sequence[SilentDevice]] | None = None
    ledger: Ledger | None = None
    delays: DelayReader | None = None
    load: LoadReader | None = None
    roster: Callable[[], Roster] | None = None
    proofs: Proofs | None = None
    times: AlarmTimes = field(default_factory=AlarmTimes)
    #: By name of the webhooks: what signs their receipts, None: nothing does.
    receipt_secrets: Mapping[str, str | None] = field(default_factory=dict)


#: Where handlers find the house.
HOUSE: Final = web.AppKey("house", House)
