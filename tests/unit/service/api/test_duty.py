"""Who is on duty, swaps, and whom an alarm calls, over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.calling.escalation import Plan, Recipient, steps_of
from alerts.calling.roster import Roster
from alerts.calling.rota import Shift, Swap
from alerts.journal.desk import Desk
from alerts.notify.contract import Message
from ingest.quarantine import Quarantine
from service.api.app import make_app
from service.api.house import House
from service.database import make_engine
from service.fleet import Caregiver
from service.registry import Registry
from tests.unit.service.api.rig import FLEET, NOW_MS, Rig, Watch

# NOW_MS is 2026-01-01 08:00 in Shanghai.
TODAY = date(2026, 1, 1)
WARD = replace(
    FLEET,
    caregivers=(
        Caregiver("day", "白班", "nurse", "garden", contacts=(("push", "1"),)),
        Caregiver("night", "夜班", "nurse", "garden", contacts=(("push", "2"),)),
        Caregiver("lin", "林护士", "head_nurse", contacts=(("push", "3"),)),
        Caregiver("son", "儿子", "family", residents=("r-1",), contacts=(("push", "4"),)),
        Caregiver("daughter", "女儿", "family", residents=("r-1",)),
    ),
    shifts=(
        Shift("day", ("day",), 8 * 60, 20 * 60, site="garden"),
        Shift("night", ("night",), 20 * 60, 8 * 60, site="garden"),
    ),
    swaps=(Swap("night", TODAY, "night", "lin"),),
    plans=(Plan("hers", steps_of("nurse | head_nurse + doctor | family in order wait 30 60 90"), resident="r-1"),),
)
HOUR_MS = 3_600_000


class Push:
    """A channel to people, of which nothing is sent here."""

    name = "push"

    def wants(self, transition: Any) -> tuple[Message, ...]:
        return ()

    def calls(self, transition: Any, recipient: Recipient) -> Message:
        return Message(recipient.caregiver, b"", moot_once_taken=True)


class Clock:
    """The time of the house."""

    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class DutyRig(Rig):
    """The API over a house that calls people."""

    clock: Clock


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[DutyRig]:
    engine = make_engine(f"sqlite:///{tmp_path / 'house.db'}")
    registry = Registry(engine)
    registry.replace_fleet(WARD)
    quarantine = Quarantine(tmp_path / "quarantine.db")
    clock = Clock()

    def roster() -> Roster:
        return Roster(registry.book({"push"}))

    async with Desk(engine, (Push(),), caller=roster) as desk:
        house = House(desk, registry, quarantine, Watch(), lambda: b"", clock, roster=roster)
        async with TestClient(TestServer(make_app(house))) as client:
            rig = DutyRig(client, desk, registry, Watch())
            rig.clock = clock
            yield rig
    quarantine.close()
    engine.dispose()


async def test_who_is_on_duty_until_when_and_who_is_next(ward: DutyRig) -> None:
    answer = await ward.get("/api/v1/duty?site=garden")
    assert answer["heard"] is True
    first, *always = answer["on_duty"]
    assert first == {
        "caregiver": "day", "name": "白班", "role": "nurse", "in_place_of": None, "shift": "day",
        "date": "2026-01-01", "from_ms": NOW_MS, "until_ms": NOW_MS + 12 * HOUR_MS, "reached": True,
    }  # fmt: skip
    assert [(one["caregiver"], one["until_ms"], one["reached"]) for one in always] == [
        ("lin", None, True), ("son", None, True), ("daughter", None, False),
    ]  # fmt: skip
    (following,) = answer["next"]
    assert (following["caregiver"], following["in_place_of"], following["role"]) == ("lin", "night", "nurse")
    assert following["from_ms"] == NOW_MS + 12 * HOUR_MS
    assert [one["caregiver"] for one in (await ward.get("/api/v1/duty?site=hill"))["on_duty"]] == ["lin"]
    assert (await ward.get("/api/v1/duty?site=moon", 404))["error"]["code"] == "unknown_site"
    assert {"contacts", "address", "phone"}.isdisjoint(first), "no telephone number leaves the register"


SWAP = {"shift": "night", "date": "2026-01-01", "absent": "lin", "stand_in": "day", "by": "lin"}


async def test_swaps_of_the_day_stand_behind_those_of_the_file(ward: DutyRig) -> None:
    noted = await ward.post("/api/v1/swaps", SWAP)
    assert noted == {**SWAP, "noted_ms": NOW_MS}
    planned = {"shift": "night", "date": "2026-01-01", "absent": "night", "stand_in": "lin", "by": None}
    assert (await ward.get("/api/v1/swaps"))["swaps"] == [{**planned, "noted_ms": None}, noted]
    (following,) = (await ward.get("/api/v1/duty?site=garden"))["next"]
    assert (following["caregiver"], following["in_place_of"]) == ("day", "night")
    ended = {key: SWAP[key] for key in ("shift", "date", "absent")}
    assert await ward.delete("/api/v1/swaps", {**ended, "by": "day"}) == ended
    assert (await ward.delete("/api/v1/swaps", {**ended, "by": "day"}, 404))["error"]["code"] == "no_swap"
    assert len((await ward.get("/api/v1/swaps"))["swaps"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shift": "noon"}, "shift"), ({"date": "today"}, "date"),
        ({"date": "2025-12-01", "absent": "night"}, "date"), ({"date": "2027-12-01", "absent": "night"}, "date"),
        ({"absent": "day", "stand_in": "lin"}, "absent"), ({"stand_in": "nobody"}, "stand_in"),
        ({"stand_in": "lin"}, "stand_in"), ({"by": "nobody"}, "by"),
    ],
)  # fmt: skip
async def test_a_swap_that_cannot_be_is_refused(ward: DutyRig, change: dict[str, str], field: str) -> None:
    error = (await ward.post("/api/v1/swaps", SWAP | change, 400))["error"]
    assert error["field"] == field
    assert ward.registry.noted_swaps() == []


async def test_a_shift_that_does_not_begin_on_that_date_has_no_swap(ward: DutyRig) -> None:
    weekend = replace(WARD.shifts[1], days=(5, 6))
    ward.registry.replace_fleet(replace(WARD, shifts=(WARD.shifts[0], weekend), swaps=()))
    error = (await ward.post("/api/v1/swaps", SWAP | {"absent": "night"}, 400))["error"]
    assert error["problems"] == [{"field": "date", "message": "shift night does not begin on 2026-01-01"}]


async def test_whom_an_alarm_calls_and_when(ward: DutyRig) -> None:
    alarm = await ward.happens()
    plan = await ward.get(f"/api/v1/alarms/{alarm}/plan")
    assert (plan["plan"], plan["heard"], plan["round"]) == ("hers", True, 1)
    nurse, head_nurse, son, daughter = plan["turns"]
    assert nurse == {
        "step": 1, "words": "nurse", "state": "begun", "at_ms": NOW_MS,
        "calls": [{"caregiver": "day", "name": "白班", "role": "nurse"}],
    }  # fmt: skip
    assert (head_nurse["words"], head_nurse["state"], head_nurse["at_ms"]) == (
        "head_nurse + doctor", "due", NOW_MS + 60_000,
    )  # fmt: skip
    assert (son["words"], son["step"], son["state"], son["at_ms"]) == ("caregiver:son", 3, "later", NOW_MS + 120_000)
    assert (daughter["state"], daughter["at_ms"], daughter["calls"]) == ("later", None, []), "she has no contact"
    assert plan["again_ms"] == NOW_MS + 150_000

    for after_ms in (60_000, 120_000):
        await ward.desk.pass_time(NOW_MS + after_ms)
    plan = await ward.get(f"/api/v1/alarms/{alarm}/plan")
    assert [(one["state"], one["at_ms"]) for one in plan["turns"]] == [
        ("begun", NOW_MS), ("begun", NOW_MS + 60_000), ("begun", NOW_MS + 120_000), ("later", None),
    ]  # fmt: skip
    assert plan["again_ms"] == NOW_MS + 150_000
    await ward.desk.pass_time(NOW_MS + 150_000)
    plan = await ward.get(f"/api/v1/alarms/{alarm}/plan")
    assert (plan["round"], plan["turns"][0]["state"], plan["turns"][1]["state"]) == (2, "begun", "due")

    await ward.post(f"/api/v1/alarms/{alarm}/acknowledge", {"by": "day"})
    plan = await ward.get(f"/api/v1/alarms/{alarm}/plan")
    assert [one["at_ms"] for one in plan["turns"]] == [NOW_MS + 150_000, None, None, None], "nobody more is called"
    assert (await ward.get("/api/v1/alarms/none/plan", 404))["error"]["code"] == "unknown_alarm"


async def test_whom_an_alarm_has_called(ward: DutyRig) -> None:
    alarm = await ward.happens()
    await ward.desk.pass_time(NOW_MS + 60_000)
    answer = await ward.get(f"/api/v1/alarms/{alarm}/calls")
    assert [(one["caregiver"], one["channel"], one["step"]) for one in answer["calls"]] == [
        ("lin", "push", 1), ("day", "push", 0),
    ]  # fmt: skip
    assert answer["calls"][1] == {
        "caregiver": "day", "channel": "push", "step": 0, "status": "pending", "attempts": 0, "called_ms": NOW_MS,
        "sent_ms": None, "delivered_ms": None, "read_ms": None, "failed_ms": None, "reason": "",
    }  # fmt: skip
    assert (await ward.get("/api/v1/alarms/none/calls", 404))["error"]["code"] == "unknown_alarm"


async def test_a_step_that_was_skipped_says_so(ward: DutyRig) -> None:
    nobody = tuple(one for one in WARD.caregivers if one.role != "head_nurse")
    ward.registry.replace_fleet(replace(WARD, caregivers=nobody, swaps=()))
    alarm = await ward.happens()
    await ward.desk.pass_time(NOW_MS + 60_000)
    turns = (await ward.get(f"/api/v1/alarms/{alarm}/plan"))["turns"]
    assert [one["state"] for one in turns] == ["begun", "skipped", "begun", "later"]


async def test_an_alarm_of_which_nobody_is_told_is_on_the_console_only(ward: DutyRig) -> None:
    ward.registry.replace_fleet(FLEET)
    alarm = await ward.happens()
    plan = await ward.get(f"/api/v1/alarms/{alarm}/plan")
    assert (plan["heard"], plan["again_ms"]) == (False, None)
    assert {one["state"] for one in plan["turns"]} == {"later"}


async def test_a_house_that_calls_nobody_says_so(rig: Rig) -> None:
    assert (await rig.get("/api/v1/duty?site=garden", 501))["error"]["code"] == "no_roster"
