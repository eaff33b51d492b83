"""Whom an alarm has called, over HTTP: each person and channel, and what became of it."""

from typing import Final, Self

from aiohttp import web
from pydantic import ConfigDict, Field

from alerts.journal.letters import CallMade
from alerts.journal.schema import Status
from service.api.acting import acting_on
from service.api.house import HOUSE
from service.api.route import Route, answer_with
from service.api.views import View


class CallView(View):
    """One caregiver called by one channel in one step; times null: not yet, never, or the channel does not tell."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    caregiver: str
    channel: str
    step: int = Field(description="From 0, counted since the alarm last began to ring")
    status: Status = Field(description="failed: for good; cancelled: somebody took the alarm before it was sent")
    attempts: int
    called_ms: int
    sent_ms: int | None
    delivered_ms: int | None
    read_ms: int | None
    failed_ms: int | None
    reason: str = Field(description="Why it failed, also of one that is tried again; empty where it did not")

    @classmethod
    def of(cls, call: CallMade) -> Self:
        """The view of a call."""
        return cls.model_validate(call)


class CallList(View):
    """The latest calls of an alarm, latest first; letters are kept for a week."""

    alarm: str
    calls: tuple[CallView, ...]


async def show_calls(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}/calls."""
    name, desk = request.match_info["alarm"], request.app[HOUSE].desk
    with acting_on(name):
        await desk.alarm(name)
    return answer_with(CallList(alarm=name, calls=tuple(map(CallView.of, await desk.calls(name)))))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/alarms/{alarm}/calls",
        show_calls,
        "Whom an alarm has called by which channel, and whether it was sent, delivered, read or failed",
        "The latest hundred, latest first. Whom it calls next: `/api/v1/alarms/{alarm}/plan`.",
        parts={"alarm": "The alarm's name"},
        answer=CallList,
        errors=(404,),
    ),
)
