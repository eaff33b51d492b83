"""What benchmarks run against: real programs on free loopback ports, in folders of their own, ended by process id."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.contract import Kind
from simulators.crowd import SITE, device_name

DATABASE: Final = "shouhu"
_START_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 30.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, package: str) -> str:
    """Path of an installed program; ends the benchmark with a hint where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise SystemExit(f"needs {name}: apt-get install {package}")
    return found


class Program:
    """A running program: what it costs, and its end."""

    def __init__(self, name: str, command: list[str], folder: Path, ready: Callable[[], bool]) -> None:
        self.name = name
        self._command = command
        self._log = folder / f"{name}.log"
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        # Where the benchmark is killed, its programs end with it.
        setpriv = shutil.which("setpriv")
        guard = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*guard, *self._command], stdout=log, stderr=log)
        give_up_s = time.monotonic() + _START_WITHIN_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                raise SystemExit(f"{self.name} did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as an operator does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_WITHIN_S)

    def cpu_s(self) -> float:
        """Processor seconds it has used, all threads, kernel included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def rss_bytes(self) -> int:
        """Memory it holds now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Broker(Program):
    """Mosquitto without its default limits on what waits, which would drop messages in silence."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            "max_inflight_messages 0\nmax_queued_messages 0\n"
            f"user {pwd.getpwuid(os.getuid()).pw_name}\n"
        )
        command = [program("mosquitto", "mosquitto"), "-c", str(configuration)]
        super().__init__("mosquitto", command, folder, lambda: _answers(self.port))


class Influx(Program):
    """InfluxDB 1.x with room for every device of a large fleet."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configuration = folder / "influxdb.conf"
        configuration.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\n  dir = "{folder}/influx/meta"\n'
            f'[data]\n  dir = "{folder}/influx/data"\n  wal-dir = "{folder}/influx/wal"\n  query-log-enabled = false\n'
            "  max-values-per-tag = 0\n  max-series-per-database = 0\n"
            f'[http]\n  bind-address = "127.0.0.1:{self.port}"\n  log-enabled = false\n'
            "[monitor]\n  store-enabled = false\n"
        )
        command = [program("influxd", "influxdb"), "run", "-config", str(configuration)]
        super().__init__("influxd", command, folder, lambda: _status(f"{self.url}/ping") == 204)

    def ask(self, influxql: str, database: str = DATABASE) -> list[list[object]]:
        """The rows of an InfluxQL answer."""
        form = urllib.parse.urlencode({"db": database, "q": influxql}).encode()
        with urllib.request.urlopen(f"{self.url}/query", data=form, timeout=120) as answer:
            (result,) = json.load(answer)["results"]
        return [row for series in result.get("series", []) for row in series["values"]]

    def count(self, database: str = DATABASE, field: str = "received_ms") -> int:
        """How many vitals are stored, told by a field that every point has."""
        rows = self.ask(f'SELECT count("{field}") FROM vitals', database)
        return int(str(rows[0][1])) if rows else 0


class Service(Program):
    """`shouhu run`, as an operator runs it."""

    def __init__(self, folder: Path, broker: Broker, influx: Influx, settings: str) -> None:
        self.port = free_port()
        self._file = folder / "shouhu.toml"
        self._file.write_text(
            f'[data]\nfolder = "{folder}/data"\n[mqtt]\nbrokers = ["mqtt://127.0.0.1:{broker.port}"]\n'
            f"[http]\nport = {self.port}\n"
            f'[store]\nkind = "influxdb1"\n[store.influxdb1]\nurl = "{influx.url}"\ndatabase = "{DATABASE}"\n{settings}'
        )
        url = f"http://127.0.0.1:{self.port}/readyz"
        super().__init__("shouhu", self._shouhu("run"), folder, lambda: _status(url) == 200)

    def import_fleet(self, text: str) -> None:
        """Import a fleet in CSV by the command line."""
        file = self._file.with_name("fleet.csv")
        file.write_text(text, encoding="utf-8")
        subprocess.run([*self._shouhu("fleet", "import", str(file))], check=True, stdout=subprocess.DEVNULL)

    def figures(self) -> dict[str, float]:
        """What it says of itself at /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def wait_stored(self, readings: float, within_s: float, each: Callable[[], None] | None = None) -> bool:
        """Wait until it says that so many readings are stored; False where that takes longer."""
        give_up_s = time.monotonic() + within_s
        while self.figures()["shouhu_stored_readings"] < readings:
            if time.monotonic() > give_up_s:
                return False
            if each is not None:
                each()
            time.sleep(0.5)
        return True

    def _shouhu(self, *words: str) -> list[str]:
        shouhu = "from service.cli.app import app; app()"
        return [sys.executable, "-c", shouhu, *words, "--settings", str(self._file)]


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs for a benchmark, in one folder."""

    folder: Path
    broker: Broker
    influx: Influx
    service: Service


@contextlib.contextmanager
def house(
    bracelets: int, buttons: int = 0, settings: str = "", before: Callable[[Path], None] | None = None
) -> Iterator[House]:
    """Broker, InfluxDB and the service with a fleet of its own; `settings` is added to the service's TOML file.

    `before` may write to the data folder before the service starts.
    """
    with tempfile.TemporaryDirectory(prefix="shouhu-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        broker, influx = Broker(folder), Influx(folder)
        service = Service(folder, broker, influx, settings)
        service.import_fleet(fleet_csv(bracelets, buttons))
        if before is not None:
            before(folder / "data")
        with contextlib.ExitStack() as running:
            for part in (broker, influx, service):
                running.callback(part.stop)
                part.start()
            yield House(folder, broker, influx, service)


def fleet_csv(bracelets: int, buttons: int) -> str:
    """A fleet file: each bracelet and each button with a resident of its own."""
    lines = ["type,id,name,site,resident", f"site,{SITE},benchmark,,"]
    lines += [f"resident,R-{number:05d},resident {number},{SITE}," for number in range(max(bracelets, buttons))]
    lines += [f"bracelet,{device_name(Kind.VITALS, number)},,{SITE},R-{number:05d}" for number in range(bracelets)]
    lines += [f"button,{button_name(number)},,{SITE},R-{number:05d}" for number in range(buttons)]
    return "\n".join(lines) + "\n"


def button_name(number: int) -> str:
    """The name of an emergency button."""
    return f"load-button-{number:05d}"


def word(reached: bool) -> str:
    """How a limit is spoken of in the last column."""
    return "reached" if reached else "NOT REACHED"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except OSError:
        return 0
