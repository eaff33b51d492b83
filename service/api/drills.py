"""Drills over HTTP: while one goes on at a site, all that is found there goes the whole way, marked as a test."""

import asyncio
import logging
from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.journal.drills import MOST_MS, Drill
from service.api.caregivers import check_caregiver
from service.api.errors import ApiError, Problem, bad_request
from service.api.house import HOUSE
from service.api.route import Identifier, Route, answer_with, read_body
from service.api.views import View

_LOG: Final = logging.getLogger(__name__)
_MINUTES_MOST: Final = MOST_MS // 60_000


class DrillBegins(BaseModel):
    """Where a drill is held, for how long from now, and which caregiver says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Identifier
    by: Identifier
    minutes: int = Field(ge=1, le=_MINUTES_MOST)


class DrillEnds(BaseModel):
    """Which caregiver says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier


class DrillView(View):
    """A drill that goes on; it ends by itself at `until_ms`."""

    site: str
    until_ms: int
    begun_ms: int
    by: str

    @classmethod
    def of(cls, drill: Drill) -> Self:
        """The view of a drill."""
        return cls(site=drill.site, until_ms=drill.until_ms, begun_ms=drill.begun_ms, by=drill.by)


class DrillList(View):
    """The drills that go on now."""

    drills: tuple[DrillView, ...]


class DrillEnded(View):
    """Where a drill has ended."""

    site: str


async def list_drills(request: web.Request) -> web.Response:
    """GET /api/v1/drills."""
    house = request.app[HOUSE]
    drills = await house.desk.drills(house.now_ms())
    return answer_with(DrillList(drills=tuple(map(DrillView.of, sorted(drills, key=lambda one: one.site)))))


async def begin_drill(request: web.Request) -> web.Response:
    """POST /api/v1/drills."""
    house = request.app[HOUSE]
    body = await read_body(request, DrillBegins)
    if body.site not in {one.site for one in await asyncio.to_thread(house.register.sites)}:
        raise bad_request("body", [Problem(field="site", message=f"no site {body.site!r} is registered")])
    await check_caregiver(house, body.by)
    now_ms = house.now_ms()
    drill = await house.desk.begin_drill(body.site, body.by, now_ms + body.minutes * 60_000, now_ms)
    _LOG.warning("drill at %s until %d, says %s: what is found there is marked as a test", *_told(drill))
    return answer_with(DrillView.of(drill))


async def end_drill(request: web.Request) -> web.Response:
    """DELETE /api/v1/drills/{site}."""
    house, site = request.app[HOUSE], request.match_info["site"]
    body = await read_body(request, DrillEnds)
    await check_caregiver(house, body.by)
    if not await house.desk.end_drill(site, house.now_ms()):
        raise ApiError(404, "no_drill", f"no drill goes on at {site[:64]!r}")
    _LOG.warning("the drill at %s has ended, says %s", site, body.by)
    return answer_with(DrillEnded(site=site))


def _told(drill: Drill) -> tuple[str, int, str]:
    return drill.site, drill.until_ms, drill.by


ROUTES: Final = (
    Route("GET", "/api/v1/drills", list_drills, "The drills that go on", answer=DrillList),
    Route(
        "POST",
        "/api/v1/drills",
        begin_drill,
        "A drill begins at a site",
        "Until it ends, after 4 hours at most, everything found there goes the whole way and people are called, all "
        "marked as a test: alarms of their own, which hide no real ones. Where a drill goes on, its end is set anew.",
        body=DrillBegins,
        answer=DrillView,
        errors=(400, 413, 415),
    ),
    Route(
        "DELETE",
        "/api/v1/drills/{site}",
        end_drill,
        "A drill ends before its time",
        parts={"site": "The site's identifier"},
        body=DrillEnds,
        answer=DrillEnded,
        errors=(400, 404, 413, 415),
    ),
)
