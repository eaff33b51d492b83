"""A disk that is full: said clearly, nothing acknowledged that is not durable, and presses ring all the same."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("needs leave to mount a small file system: run as root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    assert shutil.disk_usage(folder).free < 4096
    return ballast


@pytest.mark.parametrize("journal", ["on another disk", "on the same disk"])
def test_a_full_disk_stops_acknowledgements_and_no_press(
    build_house: Callable[..., Any],
    mosquitto: Any,
    pour: Any,
    reckon: Any,
    fault_fleet: str,
    sqlite_vitals: Any,
    small_disk: Path,
    tmp_path: Path,
    journal: str,
) -> None:
    elsewhere = f'[database]\nurl = "sqlite:///{tmp_path}/journal.db"\n' if "another" in journal else ""
    data = small_disk / "shouhu-data"
    house = build_house(f'{elsewhere}[data]\nfolder = "{data}"\n', fleet=fault_fleet, mqtt="receive_max = 100")
    (house.folder / "shouhu-data").symlink_to(data)
    load = pour(mosquitto, house)
    load.press()
    house.wait("readings", lambda: len(sqlite_vitals(house)) > 500)

    ballast = fill(small_disk)
    house.wait("complaint", lambda: "acknowledgements wait, the broker keeps what comes" in house.log())
    taken = house.figure("shouhu_messages_total")
    for _ in range(5):
        button = load.press()
        house.wait("alarm", lambda b=button: any(a["device"] == b for a in house.alarms()))
        time.sleep(0.3)
    assert house.figure("shouhu_messages_total") == taken

    ballast.unlink()
    reckon(f"full disk, journal {journal}", house, load, lambda: sqlite_vitals(house))
