"""The command line as processes: how they start, stop and fail."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port

#: As the installed program does, from a folder of the test's own.
SHOUHU = [sys.executable, "-c", "from service.cli.app import app; app()"]
ROOT = Path(__file__).parents[2]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``shouhu`` in a folder of its own; what still runs at the end is killed by its process id."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> "subprocess.Popen[str]":
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SHOUHU_")}
        process = subprocess.Popen(
            [*SHOUHU, *arguments],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=60)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, error = process.communicate(timeout=180)
    return process.returncode, out, error


def settings(folder: Path, http_port: int, broker_port: int) -> Path:
    file = folder / "shouhu.toml"
    file.write_text(f'[http]\nport = {http_port}\n[mqtt]\nbrokers = ["mqtt://127.0.0.1:{broker_port}"]\n')
    return file


def wait_for_console(process: "subprocess.Popen[str]", port: int) -> None:
    give_up_at = time.monotonic() + 180
    while time.monotonic() < give_up_at and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"the console did not answer: {finish(process)}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_cleanly_when_it_is_told_to(start: Start, tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    settings(tmp_path, port, free_port())  # there is no broker: it goes on trying, and still ends at once
    process = start("run")
    wait_for_console(process, port)
    began_s = time.monotonic()
    process.send_signal(how)
    status, _, error = finish(process)
    assert status == 0, error
    assert "Traceback" not in error
    assert time.monotonic() - began_s < 60


def test_run_on_a_port_that_is_taken_says_so(start: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings(tmp_path, port, free_port())
        status, _, error = finish(start("run"))
    assert status == 1
    assert "Traceback" not in error
    assert str(port) in error
    assert "address already in use" in error.lower()


def test_a_second_run_on_the_same_data_says_so(start: Start, tmp_path: Path) -> None:
    port = free_port()
    settings(tmp_path, port, free_port())
    wait_for_console(start("run"), port)
    settings(tmp_path, free_port(), free_port())
    status, _, error = finish(start("run"))
    assert status == 1
    assert "another service is running on the data folder" in error
    assert "Traceback" not in error


def test_a_fleet_is_imported_beside_a_running_service(start: Start, tmp_path: Path) -> None:
    port = free_port()
    settings(tmp_path, port, free_port())
    process = start("run")
    wait_for_console(process, port)
    status, out, error = finish(start("fleet", "import", str(ROOT / "fleet.example.csv")))
    assert status == 0, error
    assert "residents   3 added, 0 changed, 0 removed" in out


def test_run_with_bad_settings_is_status_2(start: Start, tmp_path: Path) -> None:
    (tmp_path / "shouhu.toml").write_text("[http]\nprot = 1\n")
    status, out, error = finish(start("run"))
    assert (status, out) == (2, "")
    assert error.endswith('shouhu.toml: http.prot: is not a known key; did you mean "port"?\n')


def test_version_and_help_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from service.cli.app import app\n"
        "try:\n    app(['version'])\nexcept SystemExit as end:\n    assert end.code == 0, end\n"
        "heavy = {'numpy', 'sqlalchemy', 'aiohttp', 'shapely', 'uvloop'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=180, stdout=subprocess.DEVNULL)
