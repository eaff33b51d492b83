"""The whole service as a process of its own, as an operator runs it, with a small fleet of its own."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import free_port
from tests.services.console_home import browser, home
from tests.services.console_ward import hurried, ward

__all__ = ["browser", "home", "hurried", "ward"]

#: Wide, for machines with other work: what is awaited comes within a second or two on an idle one.
WITHIN_S = 120.0

FLEET = """
[[site]]
id = "{site}"
name = "House of tests"

[[resident]]
id = "R-1"
name = "测试一"
site = "{site}"
room = "101"

[[resident]]
id = "R-2"
name = "Test Two"
site = "{site}"
room = "102"

[[device]]
id = "BR-1"
type = "bracelet"
resident = "R-1"

[[device]]
id = "BR-2"
type = "bracelet"
resident = "R-2"

[[device]]
id = "MAT-1"
type = "bed_mat"
resident = "R-1"

[[device]]
id = "BTN-1"
type = "button"
resident = "R-1"

[[device]]
id = "LOC-1"
type = "locator"
resident = "R-1"
crs = "wgs84"

[[zone]]
id = "garden"
rule = "safe"
site = "{site}"
crs = "wgs84"
lat = 36.64
lon = 117.96
radius_m = 200
"""


class House:
    """`shouhu run` in a folder of its own; each house has a site of its own, so houses may share a broker."""

    def __init__(self, folder: Path, port: int, broker_url: str, settings: str, fleet: str, mqtt: str) -> None:
        self.folder = folder
        self.site = f"s{uuid4().hex[:12]}"
        self.url = f"http://127.0.0.1:{port}"
        self._settings = folder / "shouhu.toml"
        self._settings.write_text(
            f'[mqtt]\nbrokers = ["{broker_url}"]\nclient_id = "{self.site}"\n{mqtt}\n'
            f"[http]\nport = {port}\n{settings}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        fleet_file = folder / "fleet.toml"
        fleet_file.write_text(fleet.format(site=self.site))
        self.import_fleet(fleet_file)

    def import_fleet(self, fleet: Path) -> None:
        """Import a fleet by the command line."""
        command = [*self._shouhu(), "fleet", "import", str(fleet), "--settings", str(self._settings)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=WITHIN_S)

    def topic(self, device: str, kind: str) -> str:
        """A topic of this house's site."""
        return f"care/v1/{self.site}/{device}/{kind}"

    def start(self) -> None:
        """Start it and wait until it watches."""
        self.launch()
        self.wait("ready", self.is_ready)

    def launch(self) -> None:
        """Start it."""
        with (self.folder / "log").open("ab") as log:
            command = [*self._shouhu(), "run", "--settings", str(self._settings)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit status."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def figure(self, name: str) -> float:
        """A figure of its metrics, all labels together."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=WITHIN_S) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line))

    def get(self, path: str) -> Any:
        """A JSON answer of its API."""
        with urllib.request.urlopen(self.url + path, timeout=WITHIN_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON to its API."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
            return json.load(answer)

    def alarms(self) -> list[dict[str, Any]]:
        """Its open alarms."""
        alarms: list[dict[str, Any]] = self.get("/api/v1/alarms")["alarms"]
        return alarms

    def wait(self, what: str, condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
        """The first true answer of `condition`."""
        give_up_s = time.monotonic() + within_s
        while time.monotonic() < give_up_s:
            if self._process is not None and self._process.poll() is not None:
                break
            if answer := condition():
                return answer
            time.sleep(0.05)
        pytest.fail(f"no {what} within {within_s} s\n{self.log()[-4000:]}")

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text()

    def is_ready(self) -> bool:
        """Whether it says that it watches."""
        try:
            return bool(self.get("/readyz")["ready"])
        except (OSError, urllib.error.URLError):
            return False

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(WITHIN_S)
            pytest.fail(f"does not end\n{self.log()[-4000:]}")

    @staticmethod
    def _shouhu() -> list[str]:
        return [sys.executable, "-c", "from service.cli.app import app; app()"]


@pytest.fixture
def build_house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., House]]:
    """Builds running houses on a broker, Mosquitto unless another is given; ends them."""
    houses: list[House] = []

    def build(settings: str = "", broker_url: str | None = None, fleet: str = FLEET, mqtt: str = "") -> House:
        url = broker_url or request.getfixturevalue("mosquitto").url
        folder = tmp_path / f"house{len(houses)}"
        folder.mkdir()
        house = House(folder, free_port(), url, settings, fleet, mqtt)
        houses.append(house)
        house.start()
        return house

    yield build
    for house in houses:
        house.kill()
