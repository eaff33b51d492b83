"""What follows a fall once it is journalled: its clip on the disk, and findings of what else is known."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from alerts.alarm import Alarm, Outcome
from alerts.falls.clip_store import CLIP, ClipStore
from alerts.falls.clips import Clip
from alerts.findings import Change, Condition, Finding, Priority
from alerts.journal.desk import Desk
from ingest.directory import Device, DeviceType, Directory
from ingest.readings import AnyReadings
from service.database import make_engine
from service.falls import FallWatch
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import T, moving, packets

DEVICES = (Device("s", "bracelet", DeviceType.BRACELET, "r-1"), Device("s", "pendant", DeviceType.BUTTON, "r-1"))
WALK = moving(Activity.WALKING, 60)


class House:
    """A desk and what follows falls, without the rest."""

    def __init__(self, folder: Path, store: ClipStore | None = None) -> None:
        self.engine = make_engine(f"sqlite:///{folder}/shouhu.db")
        self.store = store or ClipStore(self.engine)
        self.shift_ms = np.zeros(2, dtype=np.int64)
        directory = Directory(DEVICES)
        self.falls = FallWatch(self.store, lambda: directory, lambda: self.shift_ms, lambda: T)
        self.desk = Desk(self.engine, on_transition=self.falls.note)

    async def takes(
        self, second: float, seconds: int = 1, *findings: Finding, more: list[AnyReadings] | None = None
    ) -> list[Finding]:
        """A batch of walking [second, second + seconds) from the impact, and what was found in it."""
        first = round((second + 30) * 50)
        batch = packets(WALK[first : first + 50 * seconds], T + round(1000 * second) - int(self.shift_ms[0]))
        now_ms = T + round(1000 * (second + seconds))
        begun = await self.desk.record(findings, DEVICES, now_ms, now_ms)
        return self.falls.update([batch, *(more or [])], findings, begun, now_ms)

    async def clips(self) -> list[Clip]:
        """The clips on the disk of the one alarm there is."""
        await self.falls.write_waiting()
        (alarm,) = await self.desk.history()
        return self.store.of_alarm(alarm.alarm)


def fall(cause: str = "wrist_suspected", **more: Any) -> Finding:
    return Finding(0, Condition.FALL, cause, Change.BEGAN, Priority.MEDIUM, T, T + 3_000, **more)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    async with house.desk:
        yield house
    house.engine.dispose()


async def test_a_journalled_fall_has_its_clip_on_the_disk_at_once_and_whole_in_the_end(house: House) -> None:
    for second in range(-15, 2):
        assert await house.takes(second) == []
    await house.takes(2, 1, fall())
    (first,) = await house.clips()
    assert (first.site, first.device, first.resident, first.impact_ms) == ("s", "bracelet", "r-1", T)
    assert first.samples.sample_ms[[0, -1]].tolist() == [T - 10_000, T + 2_980]
    for second in range(3, 22):
        await house.takes(second)
    (whole,) = await house.clips()
    assert whole.gaps_s == []
    assert whole.is_whole


async def test_the_clip_and_the_findings_go_by_the_clock_put_right(house: House) -> None:
    house.shift_ms[0] = 7_200_000
    for second in range(-15, 22):
        await house.takes(second, 1, *([fall()] if second == 2 else []))
    (whole,) = await house.clips()
    assert (whole.gaps_s, whole.is_whole) == ([], True)


async def test_the_same_fall_told_again_has_one_clip(house: House) -> None:
    await house.takes(0, 3, fall())
    await house.takes(3, 1, fall("wrist_fall"))
    (one,) = await house.clips()
    assert one.number == 1


async def test_a_fall_walked_away_from_is_cancelled_and_then_followed_no_more(house: House) -> None:
    found = await house.takes(0, 3, fall())
    for second in range(3, 25):
        found += await house.takes(second)
    (walked,) = found
    assert (walked.change, dict(walked.evidence)["cancelled_by"]) == (Change.CANCELLED, "walking")
    (off,) = await house.desk.record(found, DEVICES, T, T)
    assert off.alarm.cancelled
    assert off.alarm.is_open


async def test_a_fall_that_a_person_has_closed_is_followed_no_more(house: House) -> None:
    await house.takes(0, 3, fall())
    (alarm,) = await house.desk.open_alarms()
    await house.desk.resolve(alarm.alarm, "nurse", Outcome.TRUE, "", T + 5_000)
    found: list[Finding] = []
    for second in range(3, 25):
        found += await house.takes(second)
    assert found == []
    (clip,) = await house.clips()
    assert clip.is_whole, "its clip is finished all the same"


async def test_a_restart_goes_on_with_the_clip_and_with_what_confirms(tmp_path: Path, house: House) -> None:
    for second in range(-12, 4):
        await house.takes(second, 1, *([fall()] if second == 2 else []))
    house.falls.close()
    again = House(tmp_path)
    async with again.desk:
        alarms: list[Alarm] = await again.desk.open_alarms()
        again.falls.resume(alarms, T + 4_000)
        found: list[Finding] = []
        for second in range(4, 25):
            found += await again.takes(second)
        (whole,) = await again.clips()
    again.engine.dispose()
    assert (whole.gaps_s, whole.is_whole, whole.number) == ([], True, 1)
    assert [finding.change for finding in found] == [Change.CANCELLED]


async def test_a_fall_killed_before_its_clip_was_written_has_one_after_the_restart(
    tmp_path: Path, house: House
) -> None:
    await house.takes(0, 3, fall())
    again = House(tmp_path)
    async with again.desk:
        again.falls.resume(await again.desk.open_alarms(), T + 4_000)
        # Delivered again, since it was not acknowledged; the journal knows of the fall.
        assert await again.desk.record([fall()], DEVICES, T + 4_000, T + 4_000) == []
        await again.takes(0, 3, fall())
        await again.takes(3)
        again.falls.close()
        (clip,) = await again.clips()
    again.engine.dispose()
    assert (len(clip.samples), clip.number) == (200, 1)


async def test_a_damaged_clip_keeps_no_service_from_starting(tmp_path: Path, house: House) -> None:
    await house.takes(0, 3, fall())
    await house.clips()
    with house.engine.begin() as connection:
        connection.execute(update(CLIP).values(samples=b"cut"))
    again = House(tmp_path)
    async with again.desk:
        again.falls.resume(await again.desk.open_alarms(), T + 4_000)
        found = [finding for second in range(3, 25) for finding in await again.takes(second)]
    again.engine.dispose()
    assert [finding.change for finding in found] == [Change.CANCELLED]


async def test_a_house_that_falls_at_once_does_not_stand_still(house: House) -> None:
    everybody = tuple(Device("s", f"b{row}", DeviceType.BRACELET, f"r{row}") for row in range(50))
    directory = Directory(everybody)
    falls = FallWatch(house.store, lambda: directory, lambda: np.zeros(50, dtype=np.int64), lambda: T)
    motion = packets(np.concatenate([WALK[:50]] * 50), T)
    motion = replace(motion, row=np.arange(50, dtype=np.int32), time_ms=np.full(50, T))
    findings = [
        Finding(row, Condition.FALL, "wrist_fall", Change.BEGAN, Priority.HIGH, T, T + 3_000) for row in range(50)
    ]
    falls.update([replace(motion, time_ms=motion.time_ms - 1000)], [], [], T)
    begun = await house.desk.record(findings, everybody, T + 3_000, T + 3_000)
    falls.update([motion], findings, begun, T + 3_000)
    later = replace(motion, time_ms=motion.time_ms + 1000)
    falls.update([later], [], [], T + 4_000)
    falls.close()
    clips = [house.store.of_alarm(transition.alarm.alarm)[0] for transition in begun]
    # The packet in which they fell is at hand; what was before it is looked up for the first twenty.
    assert [len(clip.samples) for clip in clips] == [150] * 20 + [100] * 30


class Broken(ClipStore):
    """A store whose database is away for its first two clips."""

    failures = 2

    def keep(self, clip: Clip) -> None:
        if self.failures:
            self.failures -= 1
            raise OperationalError("", None, Exception("away"))
        super().keep(clip)


async def test_clips_wait_while_the_database_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def no_time(seconds: float) -> None:
        waits.append(seconds)

    engine = make_engine(f"sqlite:///{tmp_path}/clips.db")
    house = House(tmp_path, Broken(engine))
    async with house.desk:
        await house.takes(0, 3, fall())
        monkeypatch.setattr(asyncio, "sleep", no_time)
        (clip,) = await house.clips()
    house.engine.dispose()
    engine.dispose()
    assert len(waits) == 2
    assert len(clip.samples) == 150


async def test_the_end_does_not_wait_for_a_database_that_is_away_once_for_every_clip(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/clips.db")
    house = House(tmp_path, store := Broken(engine))
    store.failures = 10
    async with house.desk:
        for second in (0, 30, 60):
            await house.takes(second, 1, replace(fall(), onset_ms=T + 1000 * second))
    house.falls.close()
    assert store.failures == 9
    house.engine.dispose()
    engine.dispose()
