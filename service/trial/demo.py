"""``shouhu demo``: a broker, the whole service and a simulated care home in one process, and what comes of it."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from alerts.alarm import Transition
from alerts.detectors.standard import DetectorSettings
from ingest.clock import wall_clock_ms
from service.app import serve
from service.cli.wrong_use import WrongUse
from service.database import make_engine
from service.evaluation.expectations import Expectations, Meaning
from service.fleet import read_fleet
from service.notify_settings import NotifySettings, WebhookSettings
from service.registry import Registry
from service.settings import DataSettings, HttpSettings, MqttSettings, Settings
from service.trial.demo_telephones import CHANNEL, telephones
from service.trial.demo_telling import Telling
from service.trial.embedded_broker import HOST, Listeners, embedded_broker, free_port
from service.trial.home_fleet import fleet_text
from simulators.care_home import OPENING_S, CareHome, care_home, script
from simulators.gateway import Gateway, Pace
from simulators.life import live
from simulators.stream import Sent

_READY_WITHIN_S: Final = 30.0
_FLEET_FILE: Final = "demo-fleet.toml"
#: A silent bracelet is told after this long, not after the ten minutes that are usual, so that it can be seen.
_SILENT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo is to be found on loopback: console, MQTT 3.1.1 and MQTT 5; the next free where one is taken."""

    http: int = 8080
    v3: int = 1883
    v5: int = 1884

    def free(self) -> "Ports":
        """The same, or the next that are free."""
        http = free_port(self.http, frozenset({self.v3, self.v5}))
        v3 = free_port(self.v3, frozenset({http, self.v5}))
        return Ports(http, v3, free_port(self.v5, frozenset({http, v3})))


async def demo(
    seconds: float | None = None,
    ports: Ports | None = None,
    folder: Path | None = None,
    seed: int = 1,
    detect: DetectorSettings | None = None,
) -> int:
    """Watch over the simulated home until cancelled, or for `seconds`; returns the exit status.

    After `seconds` a table tells which incident raised which alarm; the status is 0 only if each did. `folder` keeps
    what the service writes (else a temporary one is used and removed). WrongUse where `seconds` is too short for the
    opening or `folder` holds another fleet; what `serve` raises.
    """
    if seconds is not None and seconds < OPENING_S:
        raise WrongUse(
            f"--seconds: must be at least {OPENING_S}, which is what the first incidents take (got {seconds:g})"
        )
    asked = ports or Ports()
    ports = asked.free()
    home = care_home()
    async with contextlib.AsyncExitStack() as house:
        data = (
            _own(folder)
            if folder is not None
            else Path(
                house.enter_context(tempfile.TemporaryDirectory(prefix="shouhu-demo-", ignore_cleanup_errors=True))
            )
        )
        broker = house.enter_context(embedded_broker(data, ports.v3, ports.v5))
        calls = await house.enter_async_context(telephones(f"http://{HOST}:{ports.http}"))
        settings = Settings(
            data=DataSettings(folder=data / "data"),
            mqtt=MqttSettings(brokers=(broker.v5,)),
            http=HttpSettings(host=HOST, port=ports.http),
            detect=detect or demo_detection(),
            notify=NotifySettings(webhook=(WebhookSettings(name=CHANNEL, url=calls, tells="people"),)),
        )
        _import(home, data, settings)
        return await _Demo(home, settings, seed).run(seconds, broker, asked)


def demo_detection() -> DetectorSettings:
    """The detectors' defaults, but for the silence of a device, told sooner, and who leaves a bed, told at once."""
    usual = DetectorSettings()
    return replace(
        usual,
        bed=replace(usual.bed, fall_risk="high"),
        supervision=replace(usual.supervision, silent_s=_SILENT_S),
    )


def _own(folder: Path) -> Path:
    """The folder, made where it is not there; WrongUse where somebody else's data lies in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _FLEET_FILE).is_file():
        raise WrongUse(f"{folder}: is not empty and not of a demo; the demo would put its own fleet there")
    return folder


def _import(home: CareHome, data: Path, settings: Settings) -> None:
    """As a user would: a fleet file is written, read and imported."""
    file = data / _FLEET_FILE
    file.write_text(fleet_text(home, CHANNEL), encoding="utf-8")
    settings.data.folder.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database_url)
    try:
        Registry(engine).replace_fleet(read_fleet(file))
    finally:
        engine.dispose()


class _Demo:
    """One run."""

    def __init__(self, home: CareHome, settings: Settings, seed: int) -> None:
        self._home, self._settings, self._seed = home, settings, seed
        self._telling = Telling()
        self._expectations = Expectations()
        self._start_ms = 0
        self._ended = False

    async def run(self, seconds: float | None, broker: Listeners, asked: Ports) -> int:
        """Start the service, let the home live, and judge."""
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            service = tasks.create_task(serve(self._settings, ready=ready, on_transition=self._told), name="service")
            residents: asyncio.Task[int] | None = None
            try:
                async with asyncio.timeout(_READY_WITHIN_S):
                    await ready.wait()
                self._introduce(broker, asked, seconds)
                self._start_ms = wall_clock_ms()
                gateway = Gateway(broker.v5, client_id="shouhu-demo-home")
                residents = tasks.create_task(
                    gateway.publish(self._life(seconds), Pace(self._start_ms)), name="residents"
                )
                if seconds is None:
                    await asyncio.Event().wait()
                else:
                    await asyncio.sleep(seconds)
                    self._ended = True
            finally:
                if residents is not None:
                    residents.cancel()
                service.cancel()
                self._sum_up()
        return 0 if self._expectations.met else 1

    def _sum_up(self) -> None:
        if self._expectations.all:
            self._telling.sum_up(self._expectations.all, self._expectations.unexpected, self._start_ms, self._ended)

    def _life(self, seconds: float | None) -> Iterator[Sent]:
        plan = script(self._home, ends_s=seconds)
        for chunk in live(self._home, plan, start_ms=self._start_ms, seed=self._seed):
            for incident in chunk.incidents:
                self._expectations.expect(incident)
            yield from chunk.messages

    def _introduce(self, broker: Listeners, asked: Ports, seconds: float | None) -> None:
        http = self._settings.http
        given = (
            ("the console", asked.http, http.port),
            ("MQTT 3.1.1", asked.v3, broker.v3.port),
            ("MQTT 5", asked.v5, broker.v5.port),
        )
        for what, wanted, port in given:
            if port != wanted:
                self._telling.port_taken(what, wanted, port)
        self._telling.introduce(
            self._home,
            f"http://{http.host}:{http.port}/",
            broker.v3.port,
            (broker.v3.url, broker.v5.url),
            self._settings.detect.supervision.silent_s,
        )
        self._telling.say(
            "  Ctrl-C ends it. 按 Ctrl-C 结束。\n"
            if seconds is None
            else f"  It ends after {seconds:g} s. {seconds:g} 秒后结束。\n"
        )

    def _told(self, transition: Transition) -> None:
        meaning, expectation = self._expectations.take(transition)
        if meaning is not Meaning.OTHER:
            self._telling.alarm(transition, meaning, expectation, self._start_ms)
