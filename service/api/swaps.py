"""Swaps over HTTP: on this date one caregiver takes the place of another in a shift."""

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, PlainValidator

from alerts.calling.roster import Book
from alerts.calling.rota import Rota, Swap
from service.api.caregivers import check_caregiver
from service.api.errors import ApiError, Problem, bad_request
from service.api.house import HOUSE
from service.api.route import Identifier, Route, answer_with, read_body
from service.api.views import View
from service.fleet import NotedSwap

_LOG: Final = logging.getLogger(__name__)
#: A shift that began yesterday, by whichever clock, may still run; and nobody plans further ahead than a year.
_EARLIEST, _LATEST = timedelta(days=-2), timedelta(days=366)


def _date(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be a date such as 2026-03-02") from None


Day = Annotated[date, PlainValidator(_date, json_schema_input_type=str)]


class SwapPlace(BaseModel):
    """The place in a shift that begins on a date, and which caregiver says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shift: Identifier
    date: Day
    absent: Identifier
    by: Identifier


class SwapBegins(SwapPlace):
    """Who takes that place."""

    stand_in: Identifier


class SwapView(View):
    """A swap; `by` is None where the fleet file has it."""

    shift: str
    date: str
    absent: str
    stand_in: str
    by: str | None
    noted_ms: int | None

    @classmethod
    def of(cls, swap: Swap, noted: NotedSwap | None = None) -> Self:
        """The view of a swap."""
        return cls(
            shift=swap.shift,
            date=swap.day.isoformat(),
            absent=swap.absent,
            stand_in=swap.stand_in,
            by=None if noted is None else noted.by,
            noted_ms=None if noted is None else noted.noted_ms,
        )


class SwapList(View):
    """The swaps of the last days and those to come: first those of the fleet file, then those noted since."""

    swaps: tuple[SwapView, ...]


class SwapEnded(View):
    """The place that is its own again."""

    shift: str
    date: str
    absent: str


async def list_swaps(request: web.Request) -> web.Response:
    """GET /api/v1/swaps."""
    house = request.app[HOUSE]
    from_day = _today(house.now_ms()) + _EARLIEST
    planned, noted = await asyncio.to_thread(lambda: (house.register.swaps(), house.register.noted_swaps()))
    views = [SwapView.of(swap) for swap in planned if swap.day >= from_day]
    views += [SwapView.of(one.swap, one) for one in noted if one.swap.day >= from_day]
    return answer_with(SwapList(swaps=tuple(views)))


async def note_swap(request: web.Request) -> web.Response:
    """POST /api/v1/swaps."""
    house = request.app[HOUSE]
    body = await read_body(request, SwapBegins)
    await check_caregiver(house, body.by)
    now_ms = house.now_ms()
    swap = Swap(body.shift, body.date, body.absent, body.stand_in)
    problems = _problems(await asyncio.to_thread(house.register.book), swap, _today(now_ms))
    if problems:
        raise bad_request("body", problems)
    noted = NotedSwap(swap, body.by, now_ms)
    await asyncio.to_thread(house.register.note_swap, noted)
    _LOG.info("shift %s of %s: %s stands in for %s, says %s", *_told(swap), body.by)
    return answer_with(SwapView.of(swap, noted))


async def end_swap(request: web.Request) -> web.Response:
    """DELETE /api/v1/swaps."""
    house = request.app[HOUSE]
    body = await read_body(request, SwapPlace)
    await check_caregiver(house, body.by)
    if not await asyncio.to_thread(house.register.end_swap, body.shift, body.date, body.absent):
        raise ApiError(404, "no_swap", f"nobody was noted to stand in for {body.absent} in {body.shift}, {body.date}")
    _LOG.info("shift %s of %s: %s takes their own place, says %s", body.shift, body.date, body.absent, body.by)
    return answer_with(SwapEnded(shift=body.shift, date=body.date.isoformat(), absent=body.absent))


def _problems(book: Book, swap: Swap, today: date) -> list[Problem]:
    """What is wrong with a swap as the rota is now."""
    known = {carer.caregiver for carer in book.caregivers}
    problems = [
        Problem(field=field, message=f"no caregiver {name!r} is registered")
        for field, name in (("absent", swap.absent), ("stand_in", swap.stand_in))
        if name not in known
    ]
    if not today + _EARLIEST <= swap.day <= today + _LATEST:
        problems.append(Problem(field="date", message="must be from the day before yesterday on, and within a year"))
    shift = next((one for one in book.shifts if one.shift == swap.shift), None)
    if shift is None:
        return [*problems, Problem(field="shift", message=f"there is no shift {swap.shift!r}")]
    if not Rota((), book.holidays).begins(shift, swap.day):
        problems.append(Problem(field="date", message=f"shift {swap.shift} does not begin on {swap.day}"))
    places = {one.absent: one.stand_in for one in book.swaps if (one.shift, one.day) == (swap.shift, swap.day)}
    if swap.absent not in {*shift.caregivers, *places.values()}:
        problems.append(Problem(field="absent", message=f"{swap.absent} is not in shift {swap.shift}"))
    if swap.absent == swap.stand_in:
        problems.append(Problem(field="stand_in", message="is the one who is absent"))
    return problems


def _today(now_ms: int) -> date:
    # By any clock on earth within a day of this one.
    return datetime.fromtimestamp(now_ms / 1000, UTC).date()


def _told(swap: Swap) -> tuple[str, date, str, str]:
    return swap.shift, swap.day, swap.stand_in, swap.absent


ROUTES: Final = (
    Route("GET", "/api/v1/swaps", list_swaps, "Who stands in for whom now and later", answer=SwapList),
    Route(
        "POST",
        "/api/v1/swaps",
        note_swap,
        "A caregiver says that somebody stands in for somebody else",
        "In the shift that begins on the date. In force within seconds, and for an alarm that rings from its next step "
        "on. Whoever stands in has the role and the residents of the one whose place they take, and may be stood in "
        "for. An import of a fleet file leaves it alone.",
        body=SwapBegins,
        answer=SwapView,
        errors=(400, 413, 415),
    ),
    Route(
        "DELETE",
        "/api/v1/swaps",
        end_swap,
        "A caregiver says that a noted swap is off",
        "Those of the fleet file go with the file.",
        body=SwapPlace,
        answer=SwapEnded,
        errors=(400, 404, 413, 415),
    ),
)
