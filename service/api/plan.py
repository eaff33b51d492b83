"""Whom an alarm calls: the steps of its plan, when each was begun or is due, and who would be told now."""

from collections.abc import Sequence
from typing import Final, Literal

from aiohttp import web
from pydantic import Field

from alerts.alarm import Alarm, Transition
from alerts.calling.escalation import kind_of
from alerts.calling.people import Role
from alerts.calling.roster import Roster
from alerts.lifecycle import UNTAKEN, Event, begins_ringing
from service.api.acting import acting_on
from service.api.duty import roster_of
from service.api.house import HOUSE
from service.api.route import Route, answer_with
from service.api.views import View

State = Literal["begun", "skipped", "due", "later"]


class CalledView(View):
    """A caregiver whom a turn calls."""

    caregiver: str
    name: str
    role: Role


class TurnView(View):
    """One turn of the plan: a step, or one caregiver of a step that calls in order."""

    step: int = Field(description="Which step of the plan, from 1")
    words: str = Field(description="Whom the step calls, as it is written in a plan")
    state: State = Field(
        description="skipped: it reached nobody; due: it is next; later: it comes after that, unless somebody is faster"
    )
    at_ms: int | None = Field(description="When it was begun, or is due if nobody takes the alarm before")
    calls: tuple[CalledView, ...] = Field(description="Who would be told if it began now")


class PlanView(View):
    """The turns of the round the alarm is in; after the last of them it begins anew."""

    alarm: str
    plan: str = Field(description="The plan's identifier in the fleet file, or the one for the site's kind of care")
    heard: bool = Field(description="False: nobody can be called, the alarm is on the console only")
    round: int = Field(description="From 1")
    turns: tuple[TurnView, ...]
    again_ms: int | None = Field(description="When the next round begins if nobody takes the alarm before")


async def show_plan(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}/plan."""
    house, name = request.app[HOUSE], request.match_info["alarm"]
    roster = roster_of(house)
    with acting_on(name):
        alarm = await house.desk.alarm(name)
    return answer_with(view_of(roster, alarm, await house.desk.transitions(name), house.now_ms()))


def view_of(roster: Roster, alarm: Alarm, transitions: Sequence[Transition], now_ms: int) -> PlanView:
    """How the calling of an alarm went, goes and would go on."""
    kind = kind_of(alarm)
    slots = roster.slots(alarm.site, alarm.resident, kind)
    begun = _begun(transitions)
    # The step a next one would be: what was begun last is in the same round, unless it was the last of it.
    current = max(alarm.step - 1, 0)
    first = current - current % len(slots)
    due_ms = alarm.due_ms if alarm.state in UNTAKEN else None
    awaited = due_ms is not None
    turns: list[TurnView] = []
    for number, slot in enumerate(slots, start=first):
        calls = roster.reached(slot, alarm.site, alarm.resident, now_ms)
        called = {one.caregiver: roster.caregiver(one.caregiver) for one in calls}
        at_ms = begun.get(number)
        state: State = "begun" if at_ms is not None else "skipped" if number < alarm.step else "later"
        if state == "later" and calls and due_ms is not None:
            state, at_ms, awaited = "due" if awaited else "later", due_ms, False
            due_ms += slot.step.waits.of_ms(alarm.priority)
        turns.append(
            TurnView(
                step=slot.number + 1,
                words=f"caregiver:{slot.place}" if slot.place is not None else slot.step.whom,
                state=state,
                at_ms=at_ms,
                calls=tuple(
                    CalledView(caregiver=name, name=carer.name, role=carer.role)
                    for name, carer in called.items()
                    if carer is not None
                ),
            )
        )
    return PlanView(
        alarm=alarm.alarm,
        plan=roster.plan(alarm.site, alarm.resident, kind).plan,
        heard=roster.is_heard(alarm.site),
        round=first // len(slots) + 1,
        turns=tuple(turns),
        again_ms=due_ms,
    )


def _begun(transitions: Sequence[Transition]) -> dict[int, int]:
    """When each step was begun since the alarm last began to ring."""
    begun: dict[int, int] = {}
    for one in transitions:
        rings = begins_ringing(one.from_state, one.event, one.to_state)
        if rings:
            begun = {}
        if (rings or one.event is Event.ESCALATE) and one.alarm.step:
            begun[one.alarm.step - 1] = one.at_ms
    return begun


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/alarms/{alarm}/plan",
        show_plan,
        "Whom an alarm called, calls and would call next",
        "By the roster as it is now: a swap or the end of a shift changes who would be told.",
        parts={"alarm": "The alarm's name"},
        answer=PlanView,
        errors=(404, 501),
    ),
)
