"""Real services for tests: each is the real program on a free loopback port, in a folder of its own.

A service is started when a test first asks for it, serves the whole session and is ended by its process id.
It may be stopped and started by a test: port and data stay, and what a test left stopped is started again.
Where the program is missing, the test is skipped with a line that says how to get it.
"""

import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells how busy the machine is, and fails nothing. At the gate, where CI is set, every run
# tries the same examples: a change is judged by what it changes. Whoever develops tries new ones with each run.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("gate", settings.get_profile("search"), derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "search")

START_WITHIN_S = 120
STOP_WITHIN_S = 60


#: Below what the kernel gives to outgoing connections (32,768 on Linux): one of those cannot take a port between its
#: choice and its use, nor while a service that a test stopped is away.
_PORTS = range(15_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A loopback port nobody listens on now, and another one each time."""
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    pytest.fail("no port is free")


def program(name: str, package: str) -> str:
    """Path of an installed program; skips the test where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {package}")
    return found


def answers_tcp(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def answers_http(url: str) -> bool:
    """Whether a GET is answered with a success."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(200 <= answer.status < 300)
    except OSError:
        return False


class Service:
    """A program that can be stopped and started with port and data kept."""

    host = "127.0.0.1"
    _maker: ClassVar = ThreadPoolExecutor(1, thread_name_prefix="service-maker")

    def __init__(
        self,
        name: str,
        port: int,
        folder: Path,
        command: list[str],
        ready: Callable[[], bool],
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.folder = folder
        self._command = command
        self._ready = ready
        self._stop_signal = stop_signal
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the program runs now."""
        return self._process is not None and self._process.poll() is None

    def _died(self) -> bool:
        return not self.running

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the program unless it runs, and wait until it answers."""
        if self.running:
            return
        with (self.folder / "log").open("ab") as log:
            # Linux ends the child with the thread that made it, so that must be one that lives as long as the run.
            self._process = self._maker.submit(
                subprocess.Popen[bytes],
                self._guarded(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            ).result()
        give_up_at = time.monotonic() + START_WITHIN_S
        while not self._ready():
            if self._died() or time.monotonic() > give_up_at:
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{(self.folder / 'log').read_text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the program in its orderly way and wait for its end."""
        self._end(self._stop_signal)

    def kill(self) -> None:
        """End the program as a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Keep the program from doing anything, connections left open."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused program go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_WITHIN_S)

    def _guarded(self) -> list[str]:
        """The command such that it ends with the test run even when that is killed (Linux)."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return self._command
        guard = [setpriv, "--pdeathsig", "KILL"]
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            guard += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        return [*guard, "--", *self._command]


class Mosquitto(Service):
    """The broker; `url` is what the service's settings take."""

    @property
    def url(self) -> str:
        """MQTT (3.1.1 and 5) on one port."""
        return f"mqtt://{self.host}:{self.port}"


class InfluxDB(Service):
    """InfluxDB 1.6: writes on /write, questions on /query."""

    @property
    def url(self) -> str:
        """Base of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def query(self, database: str, influxql: str) -> list[dict[str, Any]]:
        """Answer of an InfluxQL statement, one dict a row: columns, tags of GROUP BY, and `time` in Unix ms."""
        form = urllib.parse.urlencode({"db": database, "q": influxql, "epoch": "ms"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", data=form, timeout=30) as answer:
            results = json.load(answer)["results"]
        for result in results:
            if "error" in result:
                raise ValueError(result["error"])
        return [
            {
                "measurement": series.get("name"),
                **series.get("tags", {}),
                **dict(zip(series["columns"], row, strict=True)),
            }
            for result in results
            for series in result.get("series", [])
            for row in series.get("values", [])
        ]


class VictoriaMetrics(Service):
    """VictoriaMetrics single node: takes /api/v2/write and /write, answers on /api/v1."""

    @property
    def url(self) -> str:
        """Base of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def export(self, match: str) -> list[dict[str, Any]]:
        """Every stored series of a selector such as ``{__name__=~"vitals_.*"}``: metric, values, timestamps (ms)."""
        # What was written may be asked for only after it was flushed from memory.
        urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30).close()
        question = urllib.parse.urlencode({"match[]": match})
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{question}", timeout=30) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]


class PostgreSQL(Service):
    """PostgreSQL with one superuser and no password, on loopback."""

    @property
    def url(self) -> str:
        """URL for SQLAlchemy with psycopg 3."""
        return f"postgresql+psycopg://postgres@{self.host}:{self.port}/postgres"


class EmbeddedBroker:
    """The broker inside the iotcore wheel: MQTT 5 on `port` and `url`, MQTT 3.1.1 on `v3_port`."""

    host = "127.0.0.1"

    def __init__(self, port: int, v3_port: int, config: Path) -> None:
        from iotcore import Broker

        self.port = port
        self.v3_port = v3_port
        self._broker = Broker(config_path=str(config))

    @property
    def url(self) -> str:
        """MQTT 5."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._broker.is_running

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._broker.start(timeout=START_WITHIN_S)

    def stop(self) -> None:
        """End it; sessions are lost, this broker keeps them in memory."""
        self._broker.stop()


# ------------------------------------------------------------------ life of the services

_RUNNING = pytest.StashKey[list[Service | EmbeddedBroker]]()


def _serve(config: pytest.Config, service: Service | EmbeddedBroker) -> None:
    service.start()
    _running(config).append(service)


def _running(config: pytest.Config) -> list[Service | EmbeddedBroker]:
    return config.stash.setdefault(_RUNNING, [])


@pytest.fixture(autouse=True)
def _services_run_again(pytestconfig: pytest.Config) -> Iterator[None]:
    """A test that stops a service, or fails while it is paused, does not take it from the next test."""
    yield
    for service in _running(pytestconfig):
        if not service.running:
            service.start()
        elif isinstance(service, Service):
            service.resume()


@pytest.fixture(scope="session")
def service_folder(pytestconfig: pytest.Config) -> Iterator[Path]:
    """Folder for the services' data; readable by the accounts they run under. Its end is also the services' end."""
    with tempfile.TemporaryDirectory(prefix="shouhu-services-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for service in reversed(_running(pytestconfig)):
            service.stop()


@pytest.fixture(scope="session")
def mosquitto(service_folder: Path, pytestconfig: pytest.Config) -> Mosquitto:
    """A running Mosquitto that keeps sessions over a restart."""
    command = program("mosquitto", "mosquitto")
    port, folder = free_port(), service_folder / "mosquitto"
    folder.mkdir()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\n"
        "allow_anonymous true\n"
        "persistence true\n"
        f"persistence_location {folder}/\n"
        # Mosquitto's defaults (20 in flight, 1000 queued, the rest dropped in silence) would lose a backlog.
        "max_inflight_messages 0\n"
        "max_queued_messages 0\n"
        "set_tcp_nodelay true\n"
        # Started by root it would become the user mosquitto and lose its folder.
        f"user {pwd.getpwuid(os.getuid()).pw_name}\n"
    )
    service = Mosquitto("mosquitto", port, folder, [command, "-c", str(configuration)], lambda: answers_tcp(port))
    _serve(pytestconfig, service)
    return service


@pytest.fixture(scope="session")
def influxdb(service_folder: Path, pytestconfig: pytest.Config) -> InfluxDB:
    """A running InfluxDB 1.x without databases."""
    command = program("influxd", "influxdb")
    port, folder = free_port(), service_folder / "influxdb"
    folder.mkdir()
    configuration = folder / "influxdb.conf"
    configuration.write_text(
        "reporting-disabled = true\n"
        f'bind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\n  dir = "{folder}/meta"\n'
        f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n  query-log-enabled = false\n'
        f'[http]\n  bind-address = "127.0.0.1:{port}"\n  log-enabled = false\n'
        "[monitor]\n  store-enabled = false\n"
    )
    service = InfluxDB(
        "influxd",
        port,
        folder,
        [command, "run", "-config", str(configuration)],
        lambda: answers_http(f"http://127.0.0.1:{port}/ping"),
    )
    _serve(pytestconfig, service)
    return service


@pytest.fixture(scope="session")
def victoria_metrics(service_folder: Path, pytestconfig: pytest.Config) -> VictoriaMetrics:
    """A running VictoriaMetrics that keeps what is up to a hundred years old."""
    command = program("victoria-metrics", "victoria-metrics")
    port, folder = free_port(), service_folder / "victoria-metrics"
    folder.mkdir()
    service = VictoriaMetrics(
        "victoria-metrics",
        port,
        folder,
        [
            command,
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={folder}/data",
            "-retentionPeriod=100y",
            # It takes memory for caches by the size of the machine; a test needs little.
            "-memory.allowedBytes=128MB",
            "-search.latencyOffset=0s",
            # What is written again at the same time is one point.
            "-dedup.minScrapeInterval=1ms",
        ],
        lambda: answers_http(f"http://127.0.0.1:{port}/health"),
    )
    _serve(pytestconfig, service)
    return service


@pytest.fixture(scope="session")
def postgresql(service_folder: Path, pytestconfig: pytest.Config) -> PostgreSQL:
    """A running PostgreSQL; as root it runs under the account the package made, since it refuses root."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, reversed(folders))])
    initdb, postgres = shutil.which("initdb", path=path), shutil.which("postgres", path=path)
    if initdb is None or postgres is None:
        pytest.skip("needs postgres: apt-get install postgresql")
    user = "postgres" if os.getuid() == 0 else None
    asks = [str(Path(initdb).resolve().parent / "pg_isready"), "-q", "-h", "127.0.0.1", "-p"]
    port, folder = free_port(), service_folder / "postgresql"
    folder.mkdir()
    if user is not None:
        shutil.chown(folder, user)
    subprocess.run(
        [initdb, "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    service = PostgreSQL(
        "postgres",
        port,
        folder,
        [
            postgres,
            "-D",
            f"{folder}/data",
            *(part for key, value in options.items() for part in ("-c", f"{key}={value}")),
        ],
        lambda: subprocess.run([*asks, str(port)], check=False).returncode == 0,
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
        user=user,
    )
    _serve(pytestconfig, service)
    return service


@pytest.fixture(scope="session")
def embedded_broker(service_folder: Path, pytestconfig: pytest.Config) -> EmbeddedBroker:
    """A running broker from the iotcore wheel."""
    port, v3_port = free_port(), free_port()
    config = service_folder / "rumqttd.toml"
    connections = (
        "    [{protocol}.{name}.connections]\n"
        "    connection_timeout_ms = 60000\n"
        "    max_payload_size = 2097152\n"
        "    max_inflight_count = 2000\n"
        "    dynamic_filters = true\n"
    )
    config.write_text(
        "id = 0\n"
        "[router]\n"
        "id = 0\nmax_connections = 10010\nmax_outgoing_packet_count = 2000\n"
        "max_segment_size = 104857600\nmax_segment_count = 10\n"
        f'[v4.1]\nname = "v4"\nlisten = "127.0.0.1:{v3_port}"\nnext_connection_delay_ms = 0\n'
        + connections.format(protocol="v4", name="1")
        + f'[v5.1]\nname = "v5"\nlisten = "127.0.0.1:{port}"\nnext_connection_delay_ms = 0\n'
        + connections.format(protocol="v5", name="1")
    )
    broker = EmbeddedBroker(port, v3_port, config)
    _serve(pytestconfig, broker)
    return broker


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of a Chromium for Playwright's `executable_path`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip("needs chromium: apt-get install chromium")
