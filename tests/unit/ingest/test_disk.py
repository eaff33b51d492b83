"""Room held on a disk, given up for alarms and taken back."""

from collections import namedtuple
from pathlib import Path

import pytest

from ingest.disk import DiskFull, Reserve

SIZE = 100_000
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The room that the disk says it has, to be changed by the test."""
    room = [10 * SIZE]
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(0, 0, room[0]))
    return room


def test_the_room_is_really_taken_and_really_given(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    reserve = Reserve(file, SIZE)
    reserve.hold()
    assert file.stat().st_blocks * 512 >= SIZE
    reserve.give()
    assert not file.exists()
    reserve.give()


def test_it_is_taken_back_only_with_some_to_spare(tmp_path: Path, free: list[int]) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    reserve.hold()
    reserve.give()
    free[0] = SIZE * 5 // 4 - 1
    with pytest.raises(DiskFull, match="left to alarms"):
        reserve.hold()
    free[0] += 1
    reserve.hold()


def test_room_taken_before_a_restart_is_held_on_a_full_disk_too(tmp_path: Path, free: list[int]) -> None:
    Reserve(tmp_path / "reserve", SIZE).hold()
    free[0] = 0
    Reserve(tmp_path / "reserve", SIZE).hold()
