"""Outings over HTTP: who is out in company and until when, so that leaving a safe zone is then no alarm."""

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Final, Self

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.api.caregivers import check_caregiver
from service.api.errors import ApiError, Problem, bad_request
from service.api.house import HOUSE, House
from service.api.route import Identifier, Route, answer_with, read_body, read_query
from service.api.views import View
from service.fleet import Outing

_LOG: Final = logging.getLogger(__name__)
#: Whoever is out for longer is not out, but moved.
_LONGEST_MS: Final = 24 * 3_600_000


def _milliseconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError("must be Unix milliseconds, or a time with its offset such as 2026-03-01T16:00:00+08:00")
    return round(when.timestamp() * 1000)


class OutingBegins(BaseModel):
    """Until when somebody is out in company, at most 24 hours, and which caregiver says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: Annotated[int, BeforeValidator(_milliseconds, json_schema_input_type=int | str)] = Field(
        description="Unix milliseconds, or ISO 8601 with an offset"
    )
    by: Identifier


class OutingEnds(BaseModel):
    """Which caregiver says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier


class OutingView(View):
    """A resident who is out in company; it ends by itself at `until_ms`."""

    resident: str
    until_ms: int
    by: str
    begun_ms: int

    @classmethod
    def of(cls, outing: Outing) -> Self:
        """The view of an outing."""
        return cls(resident=outing.resident, until_ms=outing.until_ms, by=outing.by, begun_ms=outing.begun_ms)


class OutingList(View):
    """Everybody who is out in company now, who is back first first."""

    outings: tuple[OutingView, ...]


class OutingEnded(View):
    """Whose outing has ended."""

    resident: str


async def list_outings(request: web.Request) -> web.Response:
    """GET /api/v1/outings."""
    house = request.app[HOUSE]
    now_ms = house.now_ms()
    outings = [one for one in await asyncio.to_thread(house.register.outings) if one.until_ms > now_ms]
    views = [OutingView.of(one) for one in sorted(outings, key=lambda one: (one.until_ms, one.resident))]
    return answer_with(OutingList(outings=tuple(views)))


async def begin_outing(request: web.Request) -> web.Response:
    """POST /api/v1/residents/{resident}/outing."""
    house, resident = request.app[HOUSE], request.match_info["resident"]
    body = await read_body(request, OutingBegins)
    await check_resident(house, resident)
    await check_caregiver(house, body.by)
    now_ms = house.now_ms()
    if not now_ms < body.until <= now_ms + _LONGEST_MS:
        raise bad_request("body", [Problem(field="until", message="must be within the next 24 hours")])
    outing = Outing(resident, body.until, body.by, now_ms)
    await asyncio.to_thread(house.register.begin_outing, outing)
    _LOG.info("resident %s is out in company until %d, says %s", resident, body.until, body.by)
    return answer_with(OutingView.of(outing))


async def end_outing(request: web.Request) -> web.Response:
    """DELETE /api/v1/residents/{resident}/outing."""
    house, resident = request.app[HOUSE], request.match_info["resident"]
    by = read_query(request, OutingEnds).by
    await check_resident(house, resident)
    await check_caregiver(house, by)
    if not await asyncio.to_thread(house.register.end_outing, resident):
        raise ApiError(404, "no_outing", f"resident {resident[:64]!r} is not out in company")
    _LOG.info("resident %s is back from an outing, says %s", resident, by)
    return answer_with(OutingEnded(resident=resident))


async def check_resident(house: House, resident: str) -> None:
    """ApiError 404 where there is no such resident."""
    if all(one.resident != resident for one in await asyncio.to_thread(house.register.residents)):
        raise ApiError(404, "unknown_resident", f"there is no resident {resident[:64]!r}")


_RESIDENT: Final = {"resident": "The resident's identifier"}

ROUTES: Final = (
    Route("GET", "/api/v1/outings", list_outings, "Everybody who is out in company now", answer=OutingList),
    Route(
        "POST",
        "/api/v1/residents/{resident}/outing",
        begin_outing,
        "A caregiver says that a resident is out in company until a time",
        "In force within seconds: leaving a safe zone is then no alarm, and one that is open is over. Forbidden zones "
        "go on counting. It ends by itself; a further one takes its place.",
        parts=_RESIDENT,
        body=OutingBegins,
        answer=OutingView,
        errors=(400, 404, 413, 415),
    ),
    Route(
        "DELETE",
        "/api/v1/residents/{resident}/outing",
        end_outing,
        "A caregiver says that a resident is back",
        "The content type must be application/json, as with every change. 404 where they were not out.",
        parts=_RESIDENT,
        query=OutingEnds,
        answer=OutingEnded,
        errors=(400, 404, 415),
    ),
)
