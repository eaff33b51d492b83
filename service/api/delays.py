"""How long alarms took, over HTTP: the ledger of one, and the report of many."""

import asyncio
from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.findings import Condition
from alerts.journal.delays import PRACTICE, Answered, Delays, Report
from alerts.journal.ledger import UnknownLedger
from service.api.errors import ApiError
from service.api.house import HOUSE
from service.api.route import Identifier, Route, answer_with, read_query
from service.api.sites import check_site
from service.api.views import View

_DAY_MS: Final = 86_400_000


class LedgerView(View):
    """When what happened to one alarm; null: not yet, or never."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    alarm: str
    site: str
    condition: Condition
    drill: bool
    onset_ms: int = Field(description="When it began, by the device's clock; all others are the service's")
    received_ms: int = Field(description="When the deciding message was received")
    detected_ms: int = Field(description="When the detectors were done")
    journalled_ms: int = Field(description="When it was written, with its first letters")
    sent_ms: int | None = Field(description="When a channel had taken over the first letter that calls for somebody")
    delivered_ms: int | None = Field(description="When a letter first was known to have arrived, where a channel tells")
    acknowledged_ms: int | None = Field(description="When a person first took responsibility")
    resolved_ms: int | None


class LegView(View):
    """How long one leg took, of so many alarms that have both its ends."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class AnsweredView(View):
    """How many were answered in time, beside the share telecare centres aim at."""

    within_s: int
    total: int = Field(description="Alarms raised at least `within_s` ago")
    answered: int
    share: float | None
    practice: float = Field(description="The share that telecare centres aim at (Telecare Services Association, UK)")

    @classmethod
    def of(cls, answered: Answered) -> Self:
        """The view of a share."""
        return cls(
            within_s=answered.within_s,
            total=answered.total,
            answered=answered.answered,
            share=answered.share,
            practice=PRACTICE[answered.within_s],
        )


class DelaysView(View):
    """Alarms of one kind: how many, how long each leg took, how many were answered in time."""

    alarms: int
    legs: dict[str, LegView]
    answered: tuple[AnsweredView, ...]

    @classmethod
    def of(cls, delays: Delays) -> Self:
        """The view of delays."""
        return cls(
            alarms=delays.alarms,
            legs={name: LegView.model_validate(leg) for name, leg in delays.legs.items()},
            answered=tuple(map(AnsweredView.of, delays.answered)),
        )


class ReportView(View):
    """Alarms raised in [start_ms, end_ms): by condition, all that concern people (no device's), and drills apart."""

    start_ms: int
    end_ms: int
    people: DelaysView
    by_condition: dict[Condition, DelaysView]
    drills: DelaysView

    @classmethod
    def of(cls, report: Report) -> Self:
        """The view of a report."""
        return cls(
            start_ms=report.start_ms,
            end_ms=report.end_ms,
            people=DelaysView.of(report.people),
            by_condition={condition: DelaysView.of(delays) for condition, delays in report.by_condition.items()},
            drills=DelaysView.of(report.drills),
        )


class ReportQuery(BaseModel):
    """Which site, all where none is given, and how many days back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Identifier | None = None
    days: int = Field(7, ge=1, le=366)


async def show_ledger(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}/ledger."""
    name, ledger = request.match_info["alarm"], request.app[HOUSE].ledger
    try:
        entry = None if ledger is None else await asyncio.to_thread(ledger.of_alarm, name)
    except UnknownLedger:
        entry = None
    if entry is None:
        raise ApiError(404, "unknown_alarm", f"there is no alarm {name[:64]!r} with a ledger")
    return answer_with(LedgerView.model_validate(entry))


async def show_report(request: web.Request) -> web.Response:
    """GET /api/v1/report."""
    query, house = read_query(request, ReportQuery), request.app[HOUSE]
    if house.delays is None:
        raise ApiError(501, "no_report", "no ledger is kept here")
    end_ms = house.now_ms()
    report = await asyncio.to_thread(house.delays.report, end_ms - query.days * _DAY_MS, end_ms, site=query.site)
    if query.site is not None and not (report.by_condition or report.drills.alarms):
        await check_site(house, query.site)
    return answer_with(ReportView.of(report))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/alarms/{alarm}/ledger",
        show_ledger,
        "When what happened to an alarm, from the device's own time to its end",
        parts={"alarm": "The alarm's name"},
        answer=LedgerView,
        errors=(404,),
    ),
    Route(
        "GET",
        "/api/v1/report",
        show_report,
        "How long alarms took, leg by leg, and how many were answered within 60 and 180 s",
        "By condition; drills apart. `shouhu report` shows the same.",
        query=ReportQuery,
        answer=ReportView,
        errors=(400, 404, 501),
    ),
)
