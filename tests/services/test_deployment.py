"""docker-compose.yml holds together, and its Mosquitto lets in whom it should.

No container engine is needed: the files are parsed, the start script and the configuration run under a real mosquitto.
What is substituted for that is written in `broker` and nowhere else.
"""

import asyncio
import json
import os
import pwd
import re
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import yaml

from ingest import contract
from service import settings
from service.app import serve
from service.database import make_engine
from service.fleet import read_fleet
from service.registry import Registry
from tests.conftest import answers_tcp, free_port, program

ROOT = Path(__file__).parents[2]
PASSWORD = "for-this-test-only"
VARIABLE = re.compile(r"\$\{(\w+)(:\?[^}]+)?\}")


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


def example_variables() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))  # type: ignore[misc]


# ------------------------------------------------------------------ docker-compose.yml


def test_the_four_parts_are_there_with_health_and_restart() -> None:
    services = compose()["services"]
    assert set(services) == {"mosquitto", "influxdb", "grafana", "shouhu"}
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        if name == "shouhu":
            assert "HEALTHCHECK" in dockerfile
        else:
            assert service["healthcheck"]["test"], name


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published), published


def test_no_secret_stands_in_a_file() -> None:
    services = compose()["services"]
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", variable):
                assert VARIABLE.fullmatch(value), f"{name}: {variable} stands in docker-compose.yml"
                assert ":?" in value, f"{name}: {variable} may be empty"
    assert set(example_variables().values()) == {""}


def test_no_dollar_is_taken_for_a_variable_by_mistake() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert "$" not in VARIABLE.sub("", text).replace("$$", "")


def test_every_variable_is_in_the_example_and_used() -> None:
    used = {name for name, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))}
    assert used == set(example_variables())


def test_every_file_and_volume_named_exists() -> None:
    content = compose()
    for name, service in content["services"].items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), f"{name}: {volume} could be written to"
            else:
                assert source in content["volumes"], f"{name}: {source}"
    build = content["services"]["shouhu"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()


def test_services_wait_for_services_that_exist() -> None:
    services = compose()["services"]
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            assert how == {"condition": "service_healthy"}


def test_the_service_runs_without_rights() -> None:
    service = compose()["services"]["shouhu"]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert service["user"] == "10001:10001"
    assert "--uid 10001" in dockerfile
    assert re.search(r"^USER shouhu$", dockerfile, re.MULTILINE)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_the_image_is_built_from_files_that_are_there_and_let_through() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()
    ]
    assert sorted(copied) == sorted(let_through)
    assert all((ROOT / name).exists() for name in copied)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert set(packages["wheel"]["packages"]) <= set(copied)


def test_influxdb_and_grafana_speak_of_the_same_bucket_and_account() -> None:
    services = compose()["services"]
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/influxdb.yaml").read_text())["datasources"]
    assert source["jsonData"]["dbName"] == services["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert source["url"] == "http://influxdb:8086"
    assert f"--username {source['user']}" in (ROOT / "deploy/influxdb-reader.sh").read_text(encoding="utf-8")
    assert source["secureJsonData"]["password"] == "$GRAFANA_INFLUXDB_PASSWORD"
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/shouhu.yaml").read_text())["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]


def test_the_shell_scripts_are_sound() -> None:
    for script in ("mosquitto-start.sh", "influxdb-reader.sh"):
        shell = "bash" if "bash" in (ROOT / "deploy" / script).read_text().splitlines()[0] else "sh"
        subprocess.run([shell, "-n", str(ROOT / "deploy" / script)], check=True, timeout=60)
        assert os.access(ROOT / "deploy" / script, os.X_OK)


# ------------------------------------------------------------------ deploy/shouhu.toml


def test_the_settings_are_accepted_and_meet_what_compose_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    services = compose()["services"]
    for name in services["shouhu"]["environment"]:
        monkeypatch.setenv(name, PASSWORD)
    found = settings.load(ROOT / "deploy/shouhu.toml")
    assert services["shouhu"]["network_mode"] == "host"
    (broker,) = found.mqtt.brokers
    assert f"127.0.0.1:{broker.port}:1883" in services["mosquitto"]["ports"]
    assert f"{found.store.influxdb2.url.removeprefix('http://')}:8086" in services["influxdb"]["ports"]
    setup = services["influxdb"]["environment"]
    assert found.store.kind == "influxdb2"
    assert found.store.influxdb2.org == setup["DOCKER_INFLUXDB_INIT_ORG"]
    assert found.store.influxdb2.bucket == setup["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert found.mqtt.username == "shouhu"
    volumes = [volume.split(":")[1] for volume in services["shouhu"]["volumes"]]
    assert str(found.data.folder) in volumes
    (settings_file,) = re.findall(r"SHOUHU_SETTINGS=(\S+)", (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8"))
    assert settings_file in volumes
    assert f"http://{found.http.host}:{found.http.port}/" in (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")


def test_the_broker_keeps_what_the_settings_ask_of_it() -> None:
    limits = dict(re.findall(r"^(\w+) (\d+)$", (ROOT / "deploy/mosquitto.conf").read_text(), re.MULTILINE))
    found = settings.MqttSettings()
    assert int(limits["max_inflight_messages"]) >= 2 * found.receive_max  # telemetry and the urgent lane
    assert int(limits["message_size_limit"]) > found.max_payload_bytes


# ------------------------------------------------------------------ deploy/mosquitto.conf under a real mosquitto


@dataclass(frozen=True)
class Deployed:
    """A mosquitto started by deploy/mosquitto-start.sh."""

    port: int
    data: Path

    def run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """mosquitto_pub or mosquitto_sub against it, in MQTT 5 so that a refusal is told."""
        command = [program(tool, "mosquitto-clients"), "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def publish(self, user: str, password: str, topic: str) -> subprocess.CompletedProcess[str]:
        """Publish at QoS 1 as `user`."""
        return self.run("mosquitto_pub", "-u", user, "-P", password, "-q", "1", "-d", "-t", topic, "-m", "{}")

    def takes(self, user: str, password: str, topic: str) -> bool:
        """Whether the broker takes a message: its answer's reason code is below 128 (MQTT 5, 3.4.2.1)."""
        said = self.publish(user, password, topic)
        assert said.returncode == 0, said.stderr
        (reason_code,) = re.findall(r"received PUBACK \(Mid: 1, RC:(\d+)\)", said.stdout)
        return int(reason_code) < 128


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """deploy/mosquitto.conf as it stands but for: the port, the folders of the image, and the account it runs under.

    Under Debian root the broker would become the user mosquitto, for whom pytest's folder is closed.
    """
    program("mosquitto", "mosquitto")
    program("mosquitto_passwd", "mosquitto")
    folder = tmp_path_factory.mktemp("deployed")
    port, data = free_port(), folder / "data"
    data.mkdir()
    configuration = (ROOT / "deploy/mosquitto.conf").read_text(encoding="utf-8")
    for what, instead in (
        ("listener 1883\n", f"listener {port} 127.0.0.1\nuser {pwd.getpwuid(os.getuid()).pw_name}\n"),
        ("/mosquitto/data/", f"{data}/"),
        ("/mosquitto/config/mosquitto.acl", str(ROOT / "deploy/mosquitto.acl")),
    ):
        assert what in configuration
        configuration = configuration.replace(what, instead)
    (folder / "mosquitto.conf").write_text(configuration, encoding="utf-8")
    search = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    environment = {
        "PATH": search,
        "MOSQUITTO_DATA": str(data),
        "MOSQUITTO_CONFIG": str(folder / "mosquitto.conf"),
        "MQTT_PASSWORD": PASSWORD,
    }
    with (folder / "log").open("wb") as log:
        start = ["sh", str(ROOT / "deploy/mosquitto-start.sh")]
        process = subprocess.Popen(start, env=environment, stdout=log, stderr=log)
    try:
        give_up_at = time.monotonic() + 60
        while not answers_tcp(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up_at, (folder / "log").read_text()
            time.sleep(0.02)
        # An account for a device, as deploy/mosquitto.conf says to make one.
        add = ["mosquitto_passwd", "-b", str(data / "passwords"), "BR-0001", "of-the-bracelet"]
        subprocess.run(add, env=environment, check=True, timeout=60)
        process.send_signal(signal.SIGHUP)  # read the accounts again, which it does when it comes to it
        made = Deployed(port, data)
        give_up_at = time.monotonic() + 60
        while made.publish("BR-0001", "of-the-bracelet", "care/v1/chunhui/BR-0001/status").returncode:
            assert time.monotonic() < give_up_at, (folder / "log").read_text()
        yield made
        assert process.poll() is None
        assert "Error" not in (folder / "log").read_text()
    finally:
        process.terminate()
        process.wait(60)


def test_the_services_account_is_let_in_and_nobody_without_one(deployed: Deployed) -> None:
    # The health check of docker-compose.yml itself, with the test's port.
    kind, check = compose()["services"]["mosquitto"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    command = check.replace("$$", "$").replace("mosquitto_sub ", f"mosquitto_sub -p {deployed.port} ")
    environment = {**os.environ, "MQTT_PASSWORD": PASSWORD}
    health = subprocess.run(command, shell=True, env=environment, capture_output=True, timeout=60, check=False)
    assert health.returncode == 0, health.stderr
    for credentials in ([], ["-u", "shouhu"], ["-u", "shouhu", "-P", "wrong"], ["-u", "nobody", "-P", PASSWORD]):
        refused = deployed.run("mosquitto_pub", *credentials, "-q", "1", "-t", "care/v1/chunhui/BR-0001/sos", "-n")
        assert refused.returncode != 0, credentials
        assert "not authori" in (refused.stderr + refused.stdout).lower()


def test_a_device_speaks_for_itself_and_for_nobody_else(deployed: Deployed) -> None:
    for kind in contract.Kind:
        assert deployed.takes("BR-0001", "of-the-bracelet", contract.topic_of("chunhui", "BR-0001", kind))
    assert not deployed.takes("BR-0001", "of-the-bracelet", "care/v1/chunhui/BR-0002/fall")
    assert not deployed.takes("BR-0001", "of-the-bracelet", "care/v1-alarms/chunhui")


def test_a_device_hears_its_commands_and_no_one_elses_readings(deployed: Deployed) -> None:
    def heard(topic: str, said: str, within_s: int) -> bool:
        """Whether a message retained by the service reaches the bracelet (retained, so that it comes at once)."""
        by_service = ["-u", "shouhu", "-P", PASSWORD, "-q", "1", "-t", said]
        assert deployed.run("mosquitto_pub", *by_service, "-r", "-m", "{}").returncode == 0
        bracelet = ["-u", "BR-0001", "-P", "of-the-bracelet", "-t", topic, "-C", "1", "-W", str(within_s)]
        answer = deployed.run("mosquitto_sub", *bracelet)
        assert deployed.run("mosquitto_pub", *by_service, "-r", "-n").returncode == 0
        return "{}" in answer.stdout

    assert heard("care/v1/chunhui/BR-0001/cmd", "care/v1/chunhui/BR-0001/cmd", within_s=30)
    assert not heard("care/v1/chunhui/BR-0002/cmd", "care/v1/chunhui/BR-0002/cmd", within_s=1)
    assert not heard("care/v1-alarms/#", "care/v1-alarms/chunhui", within_s=1)


async def test_the_service_hears_devices_and_answers_them(deployed: Deployed) -> None:
    for topic in ("care/v1/chunhui/BR-0001/cmd", "care/v1-alarms/chunhui"):
        assert deployed.takes("shouhu", PASSWORD, topic)
    assert not deployed.takes("shouhu", PASSWORD, "care/v1/chunhui/BR-0001/fall")
    address = {"hostname": "127.0.0.1", "port": deployed.port}
    async with aiomqtt.Client(**address, username="shouhu", password=PASSWORD) as service, asyncio.timeout(60):
        for lane in (contract.URGENT_LANE, contract.TELEMETRY_LANE):
            for topic_filter in lane.topic_filters:
                await service.subscribe(topic_filter, qos=1)
        async with aiomqtt.Client(**address, username="BR-0001", password="of-the-bracelet") as bracelet:
            await bracelet.publish("care/v1/chunhui/BR-0001/vitals", b"{}", qos=1)
        message = await anext(aiter(service.messages))
        assert str(message.topic) == "care/v1/chunhui/BR-0001/vitals"


def wait_for_alarm(victoria_metrics: Any) -> None:
    """Until the bracelet's alarm stands beside the readings."""
    give_up_at = time.monotonic() + 60
    while not victoria_metrics.export('alarm_onset_ms{device="BR-0001"}'):
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


async def test_the_service_as_deployed_records_a_press_and_tells_the_device(
    deployed: Deployed, victoria_metrics: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """deploy/shouhu.toml but for ports and folder; VictoriaMetrics takes InfluxDB 2's place, whose write API it has."""
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)
    monkeypatch.setenv("INFLUXDB_TOKEN", "any")
    document = tomllib.loads((ROOT / "deploy/shouhu.toml").read_text(encoding="utf-8"))
    document["mqtt"]["brokers"] = [f"mqtt://127.0.0.1:{deployed.port}"]
    document["store"]["influxdb2"]["url"] = victoria_metrics.url
    document["http"]["port"] = free_port()
    document["data"]["folder"] = str(tmp_path)
    found = settings.validate(document, tmp_path / "shouhu.toml")
    engine = make_engine(found.database_url)
    Registry(engine).replace_fleet(read_fleet(ROOT / "fleet.example.csv"))
    engine.dispose()

    ready = asyncio.Event()
    service = asyncio.create_task(serve(found, ready=ready))
    try:
        async with asyncio.timeout(120):
            await ready.wait()
            bracelet = aiomqtt.Client("127.0.0.1", deployed.port, username="BR-0001", password="of-the-bracelet")
            async with bracelet:
                await bracelet.subscribe("care/v1/chunhui/BR-0001/cmd", qos=1)
                await bracelet.publish("care/v1/chunhui/BR-0001/sos", b"", qos=1)
                message = await anext(aiter(bracelet.messages))
                assert json.loads(message.payload)["cmd"] == "sos-ack"  # type: ignore[arg-type]
            await asyncio.to_thread(wait_for_alarm, victoria_metrics)
    finally:
        service.cancel()
        await asyncio.wait([service])


def test_a_start_keeps_the_devices_accounts(deployed: Deployed) -> None:
    passwords = (deployed.data / "passwords").read_text()
    assert re.findall(r"^([^:]+):", passwords, re.MULTILINE) == ["shouhu", "BR-0001"]
    assert PASSWORD not in passwords
    assert (deployed.data / "passwords").stat().st_mode & 0o077 == 0
