"""Alarms laid aside over HTTP: for a time, by a caregiver, with a reason."""

from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from alerts.journal.journal import ShelfTooLong
from service.api.acting import acting_on
from service.api.caregivers import check_caregiver
from service.api.errors import Problem, bad_request
from service.api.house import HOUSE
from service.api.route import Identifier, Route, answer_with, read_body
from service.api.views import TransitionView, View

_LAST_TIME_MS: Final = 2**53
_MINUTES_MOST: Final = 60 * 24 * 30
_REASON_MOST: Final = 200


class Shelving(BaseModel):
    """Who lays the alarm aside, until when (`until_ms`, or `minutes` from now), and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier
    until_ms: int | None = Field(None, ge=0, le=_LAST_TIME_MS)
    minutes: int | None = Field(None, ge=1, le=_MINUTES_MOST)
    reason: str = Field("", max_length=_REASON_MOST)

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.until_ms is None) == (self.minutes is None):
            raise ValueError("needs either until_ms or minutes")
        return self

    def ends_ms(self, now_ms: int) -> int:
        """Until when, in Unix milliseconds."""
        return self.until_ms if self.until_ms is not None else now_ms + (self.minutes or 0) * 60_000


class ShelfMost(View):
    """For how long an alarm of each priority may be laid aside at a time."""

    high_s: float
    medium_s: float
    low_s: float


class Unshelving(BaseModel):
    """Who ends the shelf before its time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier


async def shelve(request: web.Request) -> web.Response:
    """POST /api/v1/alarms/{alarm}/shelve."""
    name, house = request.match_info["alarm"], request.app[HOUSE]
    body = await read_body(request, Shelving)
    await check_caregiver(house, body.by)
    now_ms = house.now_ms()
    try:
        with acting_on(name):
            transition = await house.desk.shelve(name, body.by, body.ends_ms(now_ms), body.reason, now_ms)
    except ShelfTooLong as error:
        field = "minutes" if body.until_ms is None else "until_ms"
        raise bad_request("body", [Problem(field=field, message=str(error))]) from None
    return answer_with(TransitionView.of(transition))


async def show_most(request: web.Request) -> web.Response:
    """GET /api/v1/shelf."""
    most_s = request.app[HOUSE].times.shelve_most_s
    return answer_with(ShelfMost(high_s=most_s.high, medium_s=most_s.medium, low_s=most_s.low))


async def unshelve(request: web.Request) -> web.Response:
    """POST /api/v1/alarms/{alarm}/unshelve."""
    name, house = request.match_info["alarm"], request.app[HOUSE]
    body = await read_body(request, Unshelving)
    await check_caregiver(house, body.by)
    with acting_on(name):
        transition = await house.desk.unshelve(name, body.by, house.now_ms())
    return answer_with(TransitionView.of(transition))


_ALARM: Final = {"alarm": "The alarm's name"}

ROUTES: Final = (
    Route("GET", "/api/v1/shelf", show_most, "For how long an alarm may be laid aside at a time", answer=ShelfMost),
    Route(
        "POST",
        "/api/v1/alarms/{alarm}/shelve",
        shelve,
        "A caregiver lays the alarm aside for a time",
        "It does not ring until then, unless it gets worse; what still holds then rings again. 409 for a press or a "
        "fall, which cannot be laid aside, and for one that is closed. 400 where its priority does not allow so long.",
        parts=_ALARM,
        body=Shelving,
        answer=TransitionView,
        errors=(400, 404, 409, 413, 415),
    ),
    Route(
        "POST",
        "/api/v1/alarms/{alarm}/unshelve",
        unshelve,
        "A caregiver ends that before its time",
        "What still holds rings. 409 where it is not laid aside.",
        parts=_ALARM,
        body=Unshelving,
        answer=TransitionView,
        errors=(400, 404, 409, 413, 415),
    ),
)
