"""What the README and docs/connect-a-device.md tell people to type does what they say, on a running service.

The only thing substituted is the broker's port.
"""

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.trial.home_fleet import fleet_text
from simulators.care_home import care_home
from tests.conftest import Mosquitto, program

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^mosquitto_pub -h 127\.0\.0\.1 -p 1883 .*$", re.MULTILINE)


def commands(page: str) -> list[str]:
    found = COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
    assert found, page
    return found


def type_in(command: str, broker: Mosquitto) -> None:
    """Run a command of a page against the tests' broker."""
    name, *arguments = shlex.split(command.replace("-p 1883", f"-p {broker.port}"))
    subprocess.run([program(name, "mosquitto-clients"), *arguments], check=True, timeout=60)


def take_over(house: Any, fleet: Path) -> None:
    """Import a fleet into a running house and wait until it is in force."""
    house.import_fleet(fleet)
    house.wait("fleet", lambda: "the fleet has changed" in house.log())


@pytest.fixture
def demo_fleet(tmp_path: Path) -> Path:
    """The home of `make demo` as a fleet file."""
    file = tmp_path / "demo.toml"
    file.write_text(fleet_text(care_home()), encoding="utf-8")
    return file


def test_the_readmes_say_the_same() -> None:
    assert commands("README.md") == commands("README.zh-CN.md")
    fences = [
        re.findall(r"^make .*?(?= {2,}#|$)", (ROOT / p).read_text(), re.MULTILINE)
        for p in ("README.md", "README.zh-CN.md")
    ]
    assert fences[0] == fences[1] == ["make demo", "make test"]


def test_the_readmes_command_raises_an_alarm(
    build_house: Callable[..., Any], mosquitto: Mosquitto, demo_fleet: Path
) -> None:
    house = build_house()
    take_over(house, demo_fleet)
    (command,) = commands("README.md")
    type_in(command, mosquitto)
    (alarm,) = house.wait("alarm", house.alarms)
    topic = shlex.split(command)[shlex.split(command).index("-t") + 1]
    assert topic == f"care/v1/{alarm['site']}/{alarm['device']}/sos"
    assert alarm["condition"] == "sos"
    assert alarm["priority"] == "high"
    assert alarm["state"] == "unacknowledged"


def test_every_command_for_integrators_is_taken(build_house: Callable[..., Any], mosquitto: Mosquitto) -> None:
    house = build_house()
    take_over(house, ROOT / "fleet.example.csv")
    page = commands("docs/connect-a-device.md")
    kinds = {re.search(r"-t \S+/(\w+)", command)[1] for command in page}  # type: ignore[index]
    assert kinds >= {"vitals", "bed", "location", "sos", "fall", "status"}
    for command in page:
        type_in(command, mosquitto)
    # A press, a test press and a fall; what else they raise depends on the hour.
    wanted = {("sos", False), ("sos", True), ("fall", False)}
    house.wait("alarms", lambda: wanted <= {(a["condition"], a["drill"]) for a in house.alarms()})
    house.wait("readings stored", lambda: stored(house) >= len(page))
    assert house.get("/api/v1/quarantine")["counts"] == {}


def stored(house: Any) -> float:
    """Readings the service says it has stored."""
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    (value,) = re.findall(r"^shouhu_stored_readings (\S+)$", text, re.MULTILINE)
    return float(value)


def test_the_program_for_integrators_hears_that_its_press_was_recorded(
    build_house: Callable[..., Any], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    house = build_house()
    take_over(house, ROOT / "fleet.example.csv")
    (source,) = re.findall(
        r"^```python\n(.*?)^```$",
        (ROOT / "docs/connect-a-device.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert source.count("port=1883") == 1
    example = tmp_path / "example.py"
    example.write_text(source.replace("port=1883", f"port={mosquitto.port}"), encoding="utf-8")
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    # The example's people are called by a channel that this house has not: that is an alarm of its own.
    (alarm,) = [one for one in house.alarms() if one["cause"] != "nobody_reachable"]
    assert answer == {"cmd": "sos-ack", "alarm": alarm["alarm"]}
    house.wait("readings stored", lambda: stored(house) >= 3)
    assert house.get("/api/v1/quarantine")["counts"] == {}


def test_what_operators_are_told_to_look_at_is_there(build_house: Callable[..., Any]) -> None:
    house = build_house()
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8") + (ROOT / "docs/alarms.md").read_text(
        encoding="utf-8"
    )
    names = set(re.findall(r"`(shouhu_\w+)`", page))
    assert names
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=60) as answer:
        described = set(re.findall(r"^# HELP (\S+)", answer.read().decode(), re.MULTILINE))
    assert names <= described
    for path in set(re.findall(r"`(?:GET )?(/(?:healthz|readyz|metrics|api/v1/\w+))`", page)) - {"/api/v1/events"}:
        with urllib.request.urlopen(house.url + path, timeout=60) as answer:
            assert answer.status == 200, path
    files = set(re.findall(r"^\| `(\S+\.(?:db|state))` \|", page, re.MULTILINE))
    assert house.stop() == 0
    kept = {file.name for file in (house.folder / "shouhu-data").iterdir()}
    assert files == {name for name in kept if name.endswith((".db", ".state"))}
