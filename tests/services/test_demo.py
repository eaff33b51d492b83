"""The demo as a user runs it, in processes of their own side by side; a minute of real time for all of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulators.care_home import OPENING_S
from tests.conftest import free_port

#: A process that judges must be ready within its own limits, too.
WITHIN_S = OPENING_S + 60

WHOLE = """
from service.cli.app import app
app()
"""
#: As the command line does it, with a saturation nobody can have as the limit.
SABOTAGED = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from service.trial.demo import Ports, demo, demo_detection
usual = demo_detection()
limit = replace(usual.vitals.spo2_low, raise_at=1.0, clear_at=2.0)
detect = replace(usual, vitals=replace(usual.vitals, spo2_low=limit))
http, v3, v5, seconds = map(int, sys.argv[1:5])
sys.exit(asyncio.run(demo(seconds, Ports(http, v3, v5), Path(sys.argv[5]), detect=detect)))
"""


class Run:
    """A demo in a process of its own, with what it said."""

    def __init__(self, script: str, arguments: list[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script, *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
            )

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def hear(self, words: str, within_s: float = WITHIN_S) -> None:
        give_up_s = time.monotonic() + within_s
        while words not in self.said:
            if self.process.poll() is not None or time.monotonic() > give_up_s:
                pytest.fail(f"never said {words!r}:\n{self.said[-4000:]}")
            time.sleep(0.1)

    def status(self) -> int:
        try:
            return self.process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"does not end:\n{self.said[-4000:]}")


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Run]]:
    """A demo that judges itself, one that cannot find everything, and one that goes on until Ctrl-C.

    All three begin at once, since each takes a minute; whoever asks for one a second time gets another.
    """
    begun: list[Run] = []

    def begin(name: str) -> Run:
        folder = tmp_path_factory.mktemp(name)
        ports = [str(free_port()) for _ in range(3)]
        command = ["demo", "--port", ports[0], "--mqtt-port", ports[1], "--mqtt5-port", ports[2]]
        script, arguments = {
            "endless": (WHOLE, command),
            "judged": (WHOLE, [*command, "--seconds", str(OPENING_S)]),
            "sabotaged": (SABOTAGED, [*ports, str(OPENING_S), str(folder / "data")]),
        }[name]
        begun.append(Run(script, arguments, folder / "log"))
        return begun[-1]

    waiting = {name: begin(name) for name in ("endless", "judged", "sabotaged")}
    yield lambda name: waiting.pop(name, None) or begin(name)
    for run in begun:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait(15)


def test_ctrl_c_ends_it_in_order_and_the_console_shows_a_press(run_of: Callable[[str], Run]) -> None:
    run = run_of("endless")
    run.hear("press  button-03 (r03)")
    url = re.search(r"http://127\.0\.0\.1:\d+/", run.said)
    assert url is not None
    with urllib.request.urlopen(f"{url.group()}api/v1/alarms", timeout=60) as answer:
        alarms = json.load(answer)["alarms"]
    assert ("r03", "sos") in {(alarm["resident"], alarm["condition"]) for alarm in alarms}
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(60) == 0, run.said
    assert "Traceback" not in run.said


def test_every_scripted_incident_raises_its_alarm_and_nothing_else_does(run_of: Callable[[str], Run]) -> None:
    run = run_of("judged")
    assert run.status() == 0, run.said
    assert "7 of 7 incidents raised their alarm; 0 other alarms." in run.said
    for cause in ("press", "wrist_suspected", "device_suspected", "spo2_low", "bed_exit", "left_safe_zone", "silent"):
        assert f"  {cause}  " in run.said
    assert "Traceback" not in run.said
    assert "mosquitto_pub -h 127.0.0.1 -p" in run.said


def test_an_incident_that_raises_no_alarm_is_told_and_fails_the_demo(run_of: Callable[[str], Run]) -> None:
    run = run_of("sabotaged")
    assert run.status() == 1, run.said
    assert "6 of 7 incidents raised their alarm; 0 other alarms." in run.said
    (missed,) = (line for line in run.said.splitlines() if "none 无" in line)
    assert "bracelet-05 (r05)" in missed
    assert "spo2_low" in missed


def test_too_short_a_time_is_wrong_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, "demo", "--seconds", "5"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 2
    assert "--seconds" in done.stderr
