"""Falls over HTTP: the clip, the sentence, and the report of one that was missed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.falls.clip_store import ClipStore
from alerts.falls.clips import Clip
from alerts.falls.samples import Samples
from alerts.findings import Condition, Priority
from alerts.journal.desk import Desk
from ingest.blocks import blocks_of
from ingest.directory import Directory
from ingest.quarantine import Quarantine
from ingest.stores.sqlite import SqliteStore
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.registry import Registry
from simulators.motion import Activity
from tests.unit.alerts.motion_of_a_wrist import moving, packets, samples
from tests.unit.service.api.rig import DEVICES, FLEET, NOW_MS, Rig, Watch

IMPACT_MS = NOW_MS - 60_000
AT_MS = NOW_MS - 3_600_000


class FallRig(Rig):
    """The rig with clips and stored readings."""

    clips: ClipStore
    store: SqliteStore | None


@pytest.fixture(params=["sqlite"])
async def rig(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[FallRig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry = Registry(engine)
    registry.replace_fleet(FLEET)
    quarantine = Quarantine(tmp_path / "quarantine.db")
    store = SqliteStore(tmp_path / "readings.db", now_ms=lambda: NOW_MS) if request.param == "sqlite" else None
    clips, watch = ClipStore(engine), Watch()
    async with Desk(engine) as desk:
        house = House(desk, registry, quarantine, watch, lambda: b"", lambda: NOW_MS, store, clips)
        async with TestClient(TestServer(make_app(house))) as client:
            rig = FallRig(client, desk, registry, watch)
            rig.clips, rig.store = clips, store
            yield rig
    if store is not None:
        await store.close()
    quarantine.close()
    engine.dispose()


async def fall(rig: Rig, **wishes: object) -> str:
    usual = {"condition": Condition.FALL, "cause": "wrist_fall", "onset_ms": IMPACT_MS}
    return await rig.happens(**usual | wishes)  # type: ignore[arg-type]


def clip_of(alarm: str, kept: Samples, number: int = 1) -> Clip:
    return Clip(alarm, number, "garden", "bracelet-1", "r-1", IMPACT_MS, kept)


async def test_the_clip_of_a_fall_is_told_from_its_impact(rig: FallRig) -> None:
    name = await fall(rig)
    whole = samples(moving(Activity.WALKING, 30), IMPACT_MS - 10_000)
    kept = Samples.joined(
        [whole.between(IMPACT_MS - 10_000, IMPACT_MS + 4_000), whole.between(IMPACT_MS + 9_000, 1e15)]
    )
    rig.clips.keep(clip_of(name, kept))
    told = await rig.get(f"/api/v1/alarms/{name}/clip")
    assert (told["alarm"], told["device"], told["impact_ms"], told["number"], told["numbers"]) == (
        name,
        "bracelet-1",
        IMPACT_MS,
        1,
        1,
    )
    assert (told["from_s"], told["to_s"], told["rate_hz"], told["complete"]) == (-10, 20, 50, True)
    assert told["gaps_s"] == [[3.98, 9]]
    assert len(told["time_s"]) == len(told["acc_g"]) == 25 * 50
    assert (told["time_s"][0], told["time_s"][-1]) == (-10, 19.98)
    assert told["acc_g"][0] == pytest.approx(kept.acc_g[0].tolist(), abs=0.001)


async def test_each_fall_of_an_alarm_has_its_own_clip(rig: FallRig) -> None:
    name = await fall(rig)
    for number in (1, 2):
        rig.clips.keep(clip_of(name, samples(moving(Activity.LYING, number), IMPACT_MS), number))
    second = await rig.get(f"/api/v1/alarms/{name}/clip?number=2")
    assert (second["number"], second["numbers"], len(second["time_s"]), second["complete"]) == (2, 2, 100, False)
    assert (await rig.get(f"/api/v1/alarms/{name}/clip?number=3", 404))["error"]["code"] == "no_clip"
    assert (await rig.get(f"/api/v1/alarms/{name}/clip?number=0", 400))["error"]["field"] == "number"


async def test_where_nothing_is_kept_it_is_said(rig: FallRig) -> None:
    name = await fall(rig)
    assert (await rig.get(f"/api/v1/alarms/{name}/clip", 404))["error"]["code"] == "no_clip"
    assert (await rig.get("/api/v1/alarms/NO-SUCH/clip", 404))["error"]["code"] == "unknown_alarm"
    rig.clips.keep(clip_of(name, Samples.none()))
    empty = await rig.get(f"/api/v1/alarms/{name}/clip")
    assert (empty["rate_hz"], empty["time_s"], empty["gaps_s"]) == (None, [], [[-10, 20]])


@pytest.mark.parametrize(
    ("evidence", "english", "chinese"),
    [
        (
            {"peak_g": 3.12, "lay_still_s": 30, "bed": "not_in_bed"},
            "impact of 3.1 g, then still for 30 s; bed mat: not in bed",
            "撞击 3.1 g，之后静止 30 秒；床垫：不在床上",
        ),
        ({"peak_g": 2.0}, "impact of 2.0 g", "撞击 2.0 g"),
        (
            {"lay_still_s": 60, "decided_by": "lay_still_s"},
            "lay still for a minute or more afterwards; made more urgent by lying still",
            "之后静止一分钟以上；因持续静止而升级",
        ),
        (
            {"peak_g": 2.0, "decided_by": "motion_said"},
            "impact of 2.0 g; made more urgent by the motion of the wrist",
            "撞击 2.0 g；因手腕运动而升级",
        ),
        (
            {"device_said": "confirmed", "pulse_before_bpm": 70, "pulse_after_bpm": 96},
            "the device itself confirms a fall; pulse 70 /min before, 96 after",
            "设备自身确认跌倒；心率由 70 变为 96 次/分",
        ),
        (
            {"cancelled_by": "walking", "walked_after_s": 31, "steps_per_min": 104},
            "walking again 31 s later (104 steps/min)",
            "31 秒后恢复行走（每分钟 104 步）",
        ),
        ({"cancelled_by": "wearer"}, "called off by the wearer", "佩戴者已取消"),
        ({}, "no more is known yet", "暂无更多信息"),
    ],
)
async def test_what_is_known_of_a_fall_is_said_in_both_languages(
    rig: FallRig, evidence: dict[str, float | int | str], english: str, chinese: str
) -> None:
    name = await fall(rig, evidence=tuple(evidence.items()))
    alarm = (await rig.get(f"/api/v1/alarms/{name}"))["alarm"]
    assert alarm["evidence"] == evidence
    assert alarm["evidence_words"] == {"en": english, "zh": chinese}


async def test_a_wearer_in_bed_is_less_urgent_and_other_alarms_have_no_sentence(rig: FallRig) -> None:
    await fall(rig, priority=Priority.LOW, evidence=(("bed", "in_bed"), ("decided_by", "bed")))
    await rig.happens()
    words = {one["condition"]: one["evidence_words"] for one in (await rig.get("/api/v1/alarms"))["alarms"]}
    assert words["fall"]["en"] == "bed mat: in bed throughout; made less urgent by what the bed mat says"
    assert words["vitals"] is None


# ------------------------------------------------------------------ missed


def report(**wishes: object) -> dict[str, object]:
    return {"by": "lin", "resident": "r-1", "at_ms": AT_MS, "note": "床边发现"} | wishes


async def test_a_missed_fall_is_kept_with_the_motion_that_was_stored(rig: FallRig) -> None:
    assert rig.store is not None
    await rig.store.write(blocks_of([packets(moving(Activity.WALKING, 120), AT_MS - 30_000)], Directory(DEVICES)))
    told = await rig.post("/api/v1/missed-falls", report())
    assert (told["motion_s"], told["reason"]) == (120, None)
    (kept,) = rig.clips.missed_falls()
    assert kept == replace(kept, resident="r-1", site="garden", by="lin", note="床边发现", at_ms=AT_MS)
    (labelled,) = rig.clips.labelled()
    assert (labelled.is_fall, labelled.missed, labelled.clip.device) == (True, True, "bracelet-1")
    assert len(labelled.clip.samples) == 6000


async def test_no_more_than_five_minutes_on_either_side(rig: FallRig) -> None:
    assert rig.store is not None
    await rig.store.write(
        blocks_of([packets(moving(Activity.LYING, 1200, 20), AT_MS - 600_000, 20)], Directory(DEVICES))
    )
    assert (await rig.post("/api/v1/missed-falls", report()))["motion_s"] == 600


async def test_where_no_motion_is_stored_it_is_said_plainly(rig: FallRig) -> None:
    told = await rig.post("/api/v1/missed-falls", report())
    assert (told["motion_s"], told["reason"]) == (0, "none")
    assert len(rig.clips.missed_falls()) == 1


@pytest.mark.parametrize("rig", ["elsewhere"], indirect=True)
async def test_where_readings_are_kept_elsewhere_it_is_said_plainly(rig: FallRig) -> None:
    told = await rig.post("/api/v1/missed-falls", report())
    assert (told["motion_s"], told["reason"]) == (0, "elsewhere")
    assert len(rig.clips.missed_falls()) == 1


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"resident": "nobody"}, "resident"),
        ({"by": "stranger"}, "by"),
        ({"at_ms": NOW_MS + 3_600_000}, "at_ms"),
        ({"at_ms": NOW_MS - 40 * 86_400_000}, "at_ms"),
        ({"note": "x" * 1001}, "note"),
        ({"extra": 1}, "extra"),
    ],
)
async def test_a_report_that_makes_no_sense_is_told_what_is_wrong_with_it(
    rig: FallRig, wishes: dict[str, object], field: str
) -> None:
    assert (await rig.post("/api/v1/missed-falls", report(**wishes), 400))["error"]["field"] == field
    assert rig.clips.missed_falls() == []
