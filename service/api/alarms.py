"""Alarms over HTTP: open ones, past ones, and what people do about them."""

from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.alarm import Outcome
from service.api.acting import acting_on
from service.api.caregivers import check_caregiver
from service.api.errors import Problem, bad_request
from service.api.house import HOUSE
from service.api.open_alarms import open_alarms_json
from service.api.route import Identifier, Route, answer_with, read_body, read_query
from service.api.views import AlarmView, StepView, TransitionView, View

_PAGE_MOST: Final = 500
_NOTE_MOST: Final = 1000
_LAST_TIME_MS: Final = 2**53


class AlarmList(View):
    """Alarms, in the order the route promises."""

    alarms: tuple[AlarmView, ...]


class AlarmWithCourse(View):
    """An alarm and all that happened to it, in order."""

    alarm: AlarmView
    transitions: tuple[StepView, ...]


class HistoryQuery(BaseModel):
    """Which past to show: for the next page give `raised_ms` and `alarm` of the last one of this page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(100, ge=1, le=_PAGE_MOST)
    before_ms: int | None = Field(None, ge=0, le=_LAST_TIME_MS)
    before_alarm: Identifier | None = None
    site: Identifier | None = None
    resident: Identifier | None = None
    drill: bool | None = Field(None, description="true: tests alone; false: none of them")


class Acknowledgement(BaseModel):
    """Who takes the alarm: a registered caregiver (any identifier while none is registered)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier


class Resolution(BaseModel):
    """Who closes the alarm, what it turned out to be, and what was found and done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier
    outcome: Outcome
    note: str = Field("", max_length=_NOTE_MOST)


async def list_open_alarms(request: web.Request) -> web.Response:
    """GET /api/v1/alarms."""
    alarms = await open_alarms_json(request.app[HOUSE].desk)
    return web.Response(body=b'{"alarms":%s}' % alarms, content_type="application/json", charset="utf-8")


async def list_history(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/history."""
    query = read_query(request, HistoryQuery)
    if query.before_alarm is not None and query.before_ms is None:
        raise bad_request("query", [Problem(field="before_alarm", message="means nothing without before_ms")])
    alarms = await request.app[HOUSE].desk.history(
        query.limit,
        query.before_ms,
        query.before_alarm,
        site=query.site,
        resident=query.resident,
        drill=query.drill,
    )
    return answer_with(AlarmList(alarms=tuple(map(AlarmView.of, alarms))))


async def show_alarm(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}."""
    name = request.match_info["alarm"]
    desk = request.app[HOUSE].desk
    with acting_on(name):
        alarm = await desk.alarm(name)
    course = await desk.transitions(name)
    return answer_with(AlarmWithCourse(alarm=AlarmView.of(alarm), transitions=tuple(map(StepView.of, course))))


async def acknowledge(request: web.Request) -> web.Response:
    """POST /api/v1/alarms/{alarm}/acknowledge."""
    name, house = request.match_info["alarm"], request.app[HOUSE]
    body = await read_body(request, Acknowledgement)
    await check_caregiver(house, body.by)
    with acting_on(name):
        transition = await house.desk.acknowledge(name, body.by, house.now_ms())
    return answer_with(TransitionView.of(transition))


async def resolve(request: web.Request) -> web.Response:
    """POST /api/v1/alarms/{alarm}/resolve."""
    name, house = request.match_info["alarm"], request.app[HOUSE]
    body = await read_body(request, Resolution)
    await check_caregiver(house, body.by)
    with acting_on(name):
        transition = await house.desk.resolve(name, body.by, body.outcome, body.note, house.now_ms())
    return answer_with(TransitionView.of(transition))


_ALARM: Final = {"alarm": "The alarm's name"}

ROUTES: Final = (
    Route("GET", "/api/v1/alarms", list_open_alarms, "Every open alarm, oldest first", answer=AlarmList),
    Route(
        "GET",
        "/api/v1/alarms/history",
        list_history,
        "Alarms open and closed, latest raised first",
        "For the next page give `before_ms` and `before_alarm`: `raised_ms` and `alarm` of the last one of this page.",
        query=HistoryQuery,
        answer=AlarmList,
        errors=(400,),
    ),
    Route(
        "GET",
        "/api/v1/alarms/{alarm}",
        show_alarm,
        "One alarm and all that happened to it",
        parts=_ALARM,
        answer=AlarmWithCourse,
        errors=(404,),
    ),
    Route(
        "POST",
        "/api/v1/alarms/{alarm}/acknowledge",
        acknowledge,
        "A caregiver takes the alarm",
        "From now on it rings no more, anywhere. 409 where somebody was faster.",
        parts=_ALARM,
        body=Acknowledgement,
        answer=TransitionView,
        errors=(400, 404, 409, 413, 415),
    ),
    Route(
        "POST",
        "/api/v1/alarms/{alarm}/resolve",
        resolve,
        "A caregiver closes the alarm",
        "Also possible without taking it first. 409 where it is closed already.",
        parts=_ALARM,
        body=Resolution,
        answer=TransitionView,
        errors=(400, 404, 409, 413, 415),
    ),
)
