"""The whole way of a message on a clock of the test's own: real registry, decoder, detectors, journal and letters.

What `service.loop` does between a broker and the channels, without either: ``home.say("button", "sos")``.
"""

import json
from pathlib import Path
from typing import Any

from alerts.alarm import Alarm, Outcome, Transition
from alerts.calling.escalation import KINDS, Plan, steps_of
from alerts.calling.people import Caregiver, Site
from alerts.detectors.standard import DetectorSettings
from alerts.journal.errands import Errands
from alerts.journal.journal import Journal
from alerts.journal.letters import Letters
from ingest.contract import Crs
from ingest.decode import Limits
from ingest.directory import Device, DeviceType
from service.database import make_engine
from service.fleet import Fleet, PlacedZone, Resident
from service.fleet_watch import FleetWatch
from service.memory import Memory
from service.registry import Registry
from tests.contract.sentences import PUSH, Push

LAT, LON = 36.64, 117.96
NORTH_M = 110_990.0
#: Fewer ticks than the service's one a second, and never a pause that would look like one of the service.
_TICK_S = 10

FLEET = Fleet(
    sites=(Site("home", "Home"),),
    residents=(Resident("lin", "林秀英", "home"),),
    devices=(
        Device("home", "bracelet", DeviceType.BRACELET, "lin"),
        Device("home", "button", DeviceType.BUTTON, "lin"),
        Device("home", "locator", DeviceType.LOCATOR, "lin"),
    ),
    zones=(PlacedZone("garden", "safe", Crs.WGS84, site="home", circle=(LAT, LON, 100.0)),),
    caregivers=tuple(Caregiver(role, role, role, "home", contacts=((PUSH, role),)) for role in ("nurse", "head_nurse")),
    plans=(Plan("home", steps_of("nurse | head_nurse"), KINDS, "home"),),
)


class Watched:
    """A home with one resident, of whom nurse and head nurse are told; time stands still until `wait`."""

    def __init__(self, folder: Path, fleet: Fleet = FLEET) -> None:
        self.now_ms = 1_772_424_000_000  # 12:00
        self.pushed: list[tuple[float, str, str]] = []
        self.begun_ms = self.now_ms
        self._folder = folder
        self._engine = make_engine(f"sqlite:///{folder}/shouhu.db")
        Registry(self._engine).replace_fleet(fleet)
        self._start()

    def _start(self) -> None:
        self.fleet = FleetWatch(Registry(self._engine), DetectorSettings(), Limits(), (PUSH,))
        self._kept = Memory(self.fleet.bank, self.fleet.decoder, self._folder / "detectors.state").kept()
        self._kept.__enter__()
        self.journal = Journal(self._engine, (Push(),), caller=lambda: self.fleet.roster)
        self.letters = Letters(self._engine)
        self.errands = Errands(self._engine)

    def restart(self, away_s: float = 0.0) -> None:
        """The service ends, and begins again after a while."""
        self.close()
        self.now_ms += round(away_s * 1000)
        self._start()

    def close(self) -> None:
        """End."""
        self._kept.__exit__(None, None, None)
        self._engine.dispose()

    # ------------------------------------------------------------------ what happens

    def say(self, device: str, kind: str, *bodies: object) -> list[Transition]:
        """A device's messages in one batch, received now; dictionaries get the time of now unless they have one."""
        whole = [{"t": self.now_ms, **body} if isinstance(body, dict) else body for body in bodies or ({},)]
        return self.receive([(device, kind, body) for body in whole])

    def receive(self, messages: list[tuple[str, str, object]]) -> list[Transition]:
        """A batch of messages of several devices; bytes go as they are."""
        topics = [f"care/v1/home/{device}/{kind}" for device, kind, _ in messages]
        payloads = [body if isinstance(body, bytes) else json.dumps(body).encode() for _, _, body in messages]
        decoded = self.fleet.decoder.decode(topics, payloads, self.now_ms)
        self.rejected = len(decoded.rejected)
        return self._found(self.fleet.bank.update(decoded.readings, self.now_ms))

    def wait(self, seconds: float) -> list[Transition]:
        """Let time go by: detectors notice it, steps become due, and letters leave."""
        until_ms, happened = self.now_ms + round(seconds * 1000), []
        while self.now_ms < until_ms:
            self.now_ms = min(until_ms, self.now_ms + _TICK_S * 1000)
            happened += self._found(self.fleet.bank.tick(self.now_ms))
            while some := self.journal.pass_time(self.now_ms):
                happened += some
            self._send()
        return happened

    def acknowledge(self, cause: str) -> None:
        """The nurse takes an alarm."""
        self.journal.acknowledge(self.alarm(cause).alarm, "nurse", self.now_ms)

    def resolve(self, cause: str) -> None:
        """The nurse closes an alarm."""
        self.journal.resolve(self.alarm(cause).alarm, "nurse", Outcome.TRUE, "", self.now_ms)

    def _found(self, findings: Any) -> list[Transition]:
        devices = self.fleet.decoder.directory.devices
        transitions = self.journal.record(list(findings), devices, self.now_ms, self.now_ms)
        self._send()
        return transitions

    def _send(self) -> None:
        while due := self.letters.due(PUSH, self.now_ms, 100):
            for letter in due:
                cause = json.loads(letter.body)["cause"]
                self.pushed.append(((self.now_ms - self.begun_ms) / 1000, letter.address, cause))
            self.letters.sent([(letter.number, self.now_ms) for letter in due])
        for errand in self.errands.due(PUSH, self.now_ms, 100):
            if parcel := self.errands.parcel(PUSH, errand, self.now_ms):
                read = json.loads(parcel.message.body)
                for told in read if isinstance(read, list) else [read]:
                    self.pushed.append(((self.now_ms - self.begun_ms) / 1000, errand.address, told["cause"]))
                self.letters.sent([(letter.number, self.now_ms) for letter in parcel.letters])

    # ------------------------------------------------------------------ what is known

    def causes(self) -> list[str]:
        """The causes of all open alarms."""
        return sorted(alarm.cause for alarm in self.journal.open_alarms())

    def alarm(self, cause: str) -> Alarm:
        """The open alarm of a cause."""
        (alarm,) = [one for one in self.journal.open_alarms() if one.cause == cause]
        return alarm

    def pushes(self, cause: str) -> list[tuple[float, str]]:
        """When, in seconds, and to whom pushes of a cause left."""
        return [(at_s, to) for at_s, to, of in self.pushed if of == cause]

    def fix(self, north_m: float, **more: object) -> dict[str, object]:
        """A fix so far north of the middle of the garden."""
        return {"t": self.now_ms, "lat": LAT + north_m / NORTH_M, "lon": LON, "acc": 8.0, "src": "gnss"} | more
