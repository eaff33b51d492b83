"""Who is on duty at a site now, until when, and who is next."""

from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.calling.people import Role
from alerts.calling.roster import Duty, Roster
from service.api.errors import ApiError
from service.api.house import HOUSE, House
from service.api.route import Identifier, Route, answer_with, read_query
from service.api.views import View


class DutyQuery(BaseModel):
    """Of which site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Identifier


class DutyView(View):
    """A caregiver on duty; without a shift always, but for days off."""

    caregiver: str
    name: str
    role: Role = Field(description="In which they are on duty: that of the one whose place they take")
    in_place_of: str | None = Field(description="The caregiver for whom they stand in")
    shift: str | None
    date: str | None = Field(description="On which the shift begins, by the clock on the wall: as a swap names it")
    from_ms: int | None
    until_ms: int | None
    reached: bool = Field(description="Whether any channel reaches them")

    @classmethod
    def of(cls, duty: Duty, roster: Roster) -> Self:
        """The view of a spell of duty."""
        carer = roster.caregiver(duty.caregiver)
        return cls(
            caregiver=duty.caregiver,
            name=duty.caregiver if carer is None else carer.name,
            role=duty.role,
            in_place_of=None if duty.place == duty.caregiver else duty.place,
            shift=duty.shift,
            date=None if duty.day is None else duty.day.isoformat(),
            from_ms=duty.from_ms,
            until_ms=duty.until_ms,
            reached=roster.has_contact(duty.caregiver),
        )


class DutyAnswer(View):
    """Who is on duty at a site, and of each role who begins next, within a week."""

    site: str
    heard: bool = Field(description="False: nobody can be called, alarms go to the console only")
    on_duty: tuple[DutyView, ...]
    next: tuple[DutyView, ...]


def roster_of(house: House) -> Roster:
    """Who is called; ApiError 501 where this house keeps no roster."""
    if house.roster is None:
        raise ApiError(501, "no_roster", "this house calls nobody")
    return house.roster()


async def show_duty(request: web.Request) -> web.Response:
    """GET /api/v1/duty."""
    house = request.app[HOUSE]
    site, roster, now_ms = read_query(request, DutyQuery).site, roster_of(house), house.now_ms()
    if roster.site(site) is None:
        raise ApiError(404, "unknown_site", f"there is no site {site!r}")
    return answer_with(
        DutyAnswer(
            site=site,
            heard=roster.is_heard(site),
            on_duty=tuple(DutyView.of(one, roster) for one in roster.duty(site, now_ms)),
            next=tuple(DutyView.of(one, roster) for one in roster.next_duty(site, now_ms)),
        )
    )


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/duty",
        show_duty,
        "Who is on duty at a site now, until when, and who is next",
        "Those without a shift are always on duty, and have no end.",
        query=DutyQuery,
        answer=DutyAnswer,
        errors=(400, 404, 501),
    ),
)
