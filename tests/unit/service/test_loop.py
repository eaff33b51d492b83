"""The way of a message, over the real parts and without a broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mqtt5
import pytest

from alerts.bank import Bank
from alerts.bed_signal import BedSignal
from alerts.detectors.contract import Detector
from alerts.detectors.fall import WristFall
from alerts.detectors.sos import Press
from alerts.falls.clip_store import ClipStore
from alerts.journal.desk import Desk
from ingest.contract import TELEMETRY_LANE, URGENT_LANE, Lane
from ingest.decode import Decoder
from ingest.directory import Device, DeviceType, Directory
from ingest.disk import Reserve
from ingest.listener import Endpoint, Session, SessionOptions
from ingest.quarantine import Quarantine
from ingest.spool import Spool
from service.database import make_engine
from service.falls import FallWatch
from service.inbox import Inbox
from service.loop import Watch
from service.memory import Memory
from service.metrics import Metrics
from service.right_of_way import RightOfWay
from tests.unit.alerts.detectors.test_fall import IMPACT_AT_S, wrist
from tests.unit.alerts.motion_of_a_wrist import T, packets

DEVICES = (Device("s", "bracelet", DeviceType.BRACELET, "r-1"), Device("s", "button", DeviceType.BUTTON, "r-2"))


@contextmanager
def inbox_in(folder: Path) -> Iterator[Inbox]:
    spool, quarantine = Spool(folder / "spool.db"), Quarantine(folder / "quarantine.db")
    inbox = Inbox(spool, quarantine, asyncio.Event(), Reserve(folder / "reserve", 4096))
    try:
        yield inbox
    finally:
        inbox.close()
        quarantine.close()
        spool.close()


@asynccontextmanager
async def watch_of(folder: Path, detectors: Sequence[Detector], now_ms: int) -> AsyncIterator[tuple[Watch, ClipStore]]:
    """Everything a message passes, but for the sessions with a broker."""
    engine = make_engine(f"sqlite:///{folder}/shouhu.db")
    decoder, bank = Decoder(Directory(DEVICES)), Bank(detectors, len(DEVICES))
    clips = ClipStore(engine)
    falls = FallWatch(clips, lambda: decoder.directory, lambda: bank.clock_shift_ms, lambda: now_ms)
    memory = Memory(bank, decoder, folder / "detectors.state")
    with inbox_in(folder) as inbox:
        async with Desk(engine, on_transition=falls.note) as desk:
            parts: Any = (decoder, BedSignal().with_rates, bank, desk, falls, inbox, memory, Metrics(), lambda: now_ms)
            yield Watch(*parts), clips
    engine.dispose()


async def test_a_fall_found_in_a_silence_has_its_clip_and_is_followed(tmp_path: Path) -> None:
    burst = wrist()[round((IMPACT_AT_S - 1) * 50) : round((IMPACT_AT_S + 2.5) * 50)]
    async with watch_of(tmp_path, [WristFall()], T + 15_000) as (watch, clips):
        motion = packets(burst, T, packet_s=3.5)
        await watch.tell([motion], watch.bank.update([motion], T + 4_000), T + 4_000)
        assert await watch.desk.open_alarms() == []
        await watch.pass_time()
        (alarm,) = await watch.desk.open_alarms()
        await watch.falls.write_waiting()
        (clip,) = clips.of_alarm(alarm.alarm)
    assert len(clip.samples) == len(burst)


async def test_a_fault_in_what_follows_falls_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError

    async with watch_of(tmp_path, [Press()], T) as (watch, _):
        monkeypatch.setattr(FallWatch, "update", faulty)
        decoded = watch.rated(watch.decoder.decode(["care/v1/s/button/sos"], [b""], T))
        await watch.tell(decoded.readings, watch.bank.update(decoded.readings, T), T)
        (alarm,) = await watch.desk.open_alarms()
        assert alarm.cause == "press"
        assert b'shouhu_faults_total{part="falls"} 1.0' in watch.metrics.exposition()


async def test_telemetry_waits_while_a_press_is_journalled_and_the_next_press_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = {lane: Session([Endpoint("", 0)], SessionOptions("", ())) for lane in (URGENT_LANE, TELEMETRY_LANE)}
    decode, decoded, heard = Decoder.decode, [], asyncio.Event()

    def noted(self: Decoder, topics: Any, payloads: Any, received_ms: int, lane: Lane) -> Any:
        decoded.append(lane)
        if lane is TELEMETRY_LANE:
            heard.set()
        return decode(self, topics, payloads, received_ms, lane)

    monkeypatch.setattr(Decoder, "decode", noted)
    async with watch_of(tmp_path, [Press()], T) as (made, _):
        watch = replace(made, right_of_way=RightOfWay(most_s=3_600.0))
        lanes = [asyncio.create_task(watch.follow(lane, session)) for lane, session in sessions.items()]
        with watch.desk.hub.listen() as transitions, watch.right_of_way.taken():
            sessions[TELEMETRY_LANE].arrived([mqtt5.PublishPacket("care/v1/s/bracelet/vitals", b'{"hr":70}')])
            sessions[URGENT_LANE].arrived([mqtt5.PublishPacket("care/v1/s/button/sos", b"")])
            await anext(transitions)
            assert decoded == [URGENT_LANE]
        await heard.wait()
        for task in lanes:
            task.cancel()
        await asyncio.wait(lanes)
