"""The load of alarms on people over HTTP: by site and by caregiver, over the last hours."""

import asyncio
from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.journal.figures import HOURS_MOST, Load
from alerts.journal.site_load import SiteLoad
from service.api.errors import ApiError
from service.api.house import HOUSE
from service.api.route import Identifier, Route, answer_with, read_query
from service.api.sites import check_site
from service.api.views import View
from service.load_watch import load_of


class SiteLoadView(View):
    """One site; drills are left out, shares are 0 to 1."""

    site: str
    alarms: int = Field(description="Times an alarm began to ring")
    alarms_per_hour: float
    in_ten_minutes: int = Field(description="In the last ten minutes")
    most_in_ten_minutes: int
    flood_share: float = Field(description="The part of the time with more than 10 alarms in 10 minutes (ISA-18.2)")
    chattering: int = Field(description="Alarms that came and went 3 times within a minute")
    open: int
    stale: int = Field(description="Open for more than 24 h")
    judged_true: int
    judged_false: int
    false_share: float | None = Field(description="Of those judged true or false")
    causes: dict[str, int] = Field(description="How often the most frequent causes rang")

    @classmethod
    def of(cls, load: SiteLoad) -> Self:
        """The view of a site's load."""
        return cls.model_validate(load, from_attributes=True)


class CaregiverLoadView(View):
    """One caregiver, by identifier."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    caregiver: str
    taken: int = Field(description="Alarms taken that nobody had taken before")
    take_median_s: float | None = Field(description="From the beginning of their ringing")
    calls: int = Field(description="Times a channel called this person")
    calls_per_hour: float
    night_calls: int = Field(description="Those from 22 to 6 o'clock at the alarm's site")
    in_ten_minutes: int = Field(description="Calls in the last ten minutes")
    most_in_ten_minutes: int
    flood_share: float = Field(description="The part of the time with more than 10 calls in 10 minutes")
    chattering: int = Field(description="Alarms that called this person and came and went 3 times within a minute")
    judged_true: int = Field(description="Of the alarms that called this person")
    judged_false: int
    false_share: float | None = Field(description="Of those judged true or false")
    holds: int = Field(description="Open alarms in their hands now")
    stale: int = Field(description="Those of them that are open for more than 24 h")


class LoadView(View):
    """The load over [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    sites: tuple[SiteLoadView, ...]
    caregivers: tuple[CaregiverLoadView, ...]

    @classmethod
    def of(cls, load: Load) -> Self:
        """The view of a load."""
        return cls(
            start_ms=load.start_ms,
            end_ms=load.end_ms,
            sites=tuple(map(SiteLoadView.of, load.sites)),
            caregivers=tuple(map(CaregiverLoadView.model_validate, load.caregivers)),
        )


class LoadQuery(BaseModel):
    """Which site, all where none is given, and how many hours back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Identifier | None = None
    hours: int = Field(24, ge=1, le=HOURS_MOST)


async def show_figures(request: web.Request) -> web.Response:
    """GET /api/v1/figures."""
    query, house = read_query(request, LoadQuery), request.app[HOUSE]
    if house.load is None:
        raise ApiError(501, "no_figures", "no journal can be asked here")
    load = await asyncio.to_thread(load_of, house.load, house.register, house.now_ms(), query.hours, query.site)
    if query.site is not None and not load.sites:
        await check_site(house, query.site)
    return answer_with(LoadView.of(load))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/figures",
        show_figures,
        "The load of alarms on people, by site and by caregiver, over the last hours",
        "Measures after ANSI/ISA-18.2. Drills are left out. `open`, `stale` and `holds` are of now.",
        query=LoadQuery,
        answer=LoadView,
        errors=(400, 404, 501),
    ),
)
