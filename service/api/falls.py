"""Falls over HTTP: the clip a nurse judges by, and the report of one that was missed."""

import asyncio
from typing import Final, Self

import numpy as np
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from alerts.falls.clip_store import MissedFall
from alerts.falls.clips import AFTER_S, BEFORE_S, Clip
from service.api.acting import acting_on
from service.api.caregivers import check_caregiver
from service.api.errors import ApiError, Problem, bad_request
from service.api.house import HOUSE, Clips, House
from service.api.route import Identifier, Route, answer_with, read_body, read_query
from service.api.views import View
from service.feedback import NothingKept, keep_report, new_report

_NOTE_MOST: Final = 1000
#: A report may be about so long ago; and a browser's clock may be so far ahead.
_AGO_MOST_MS: Final = 30 * 86_400_000
_AHEAD_MOST_MS: Final = 300_000


class ClipQuery(BaseModel):
    """Which fall of the alarm, where somebody fell again before it was closed: counted from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(1, ge=1, le=100)


class ClipView(View):
    """The motion around a fall; entry i of `time_s` and of `acc_g` belong together."""

    alarm: str
    number: int = Field(description="Which fall of this alarm, from 1")
    numbers: int = Field(description="How many falls of this alarm have a clip")
    site: str
    device: str
    resident: str | None
    impact_ms: int = Field(description="When the impact was, by the device's clock")
    from_s: float = Field(description="The span that is kept, in seconds from the impact")
    to_s: float
    complete: bool = Field(description="Whether the span's last second has come")
    rate_hz: float | None = Field(description="Samples a second as the device says; None where there are no samples")
    time_s: tuple[float, ...] = Field(description="Seconds from the impact, below 0 before it")
    acc_g: tuple[tuple[float, float, float], ...] = Field(description="x, y, z in g, gravity included")
    gaps_s: tuple[tuple[float, float], ...] = Field(description="Where samples are missing: [begin, end] in seconds")

    @classmethod
    def of(cls, clip: Clip, numbers: int) -> Self:
        """The view of a clip."""
        samples = clip.samples
        time_s = np.round((samples.sample_ms - clip.impact_ms) / 1000, 3)
        rows = np.round(samples.acc_g.astype(np.float64), 3).tolist()
        return cls(
            alarm=clip.alarm,
            number=clip.number,
            numbers=numbers,
            site=clip.site,
            device=clip.device,
            resident=clip.resident,
            impact_ms=clip.impact_ms,
            from_s=-BEFORE_S,
            to_s=AFTER_S,
            complete=clip.is_whole,
            rate_hz=float(np.median(samples.rate_hz)) if len(samples) else None,
            time_s=tuple(time_s.tolist()),
            acc_g=tuple((x, y, z) for x, y, z in rows),
            gaps_s=tuple((round(begin, 3), round(end, 3)) for begin, end in clip.gaps_s),
        )


class MissedFallReport(BaseModel):
    """Who reports that a resident fell and no alarm came, about when, and what was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Identifier
    resident: str = Field(min_length=1, max_length=64)
    at_ms: int = Field(ge=0, le=2**53, description="About when, Unix milliseconds")
    note: str = Field("", max_length=_NOTE_MOST)


class MissedFallView(View):
    """What was kept of a report; `reason` says why there is no motion: none, elsewhere or unavailable."""

    report: str
    motion_s: float = Field(description="Seconds of motion kept with it")
    reason: NothingKept | None


async def show_clip(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}/clip."""
    house, name = request.app[HOUSE], request.match_info["alarm"]
    number = read_query(request, ClipQuery).number
    with acting_on(name):
        await house.desk.alarm(name)
    clips = await asyncio.to_thread(_clips(house).of_alarm, name)
    for clip in clips:
        if clip.number == number:
            return answer_with(ClipView.of(clip, len(clips)))
    raise ApiError(404, "no_clip", f"no motion is kept with alarm {name[:64]} (fall {number})")


async def report_missed_fall(request: web.Request) -> web.Response:
    """POST /api/v1/missed-falls."""
    house = request.app[HOUSE]
    body = await read_body(request, MissedFallReport)
    await check_caregiver(house, body.by)
    now_ms = house.now_ms()
    residents = await asyncio.to_thread(house.register.residents)
    site = next((one.site for one in residents if one.resident == body.resident), None)
    problems = []
    if site is None:
        problems.append(Problem(field="resident", message=f"no resident {body.resident!r} is registered"))
    if not now_ms - _AGO_MOST_MS <= body.at_ms <= now_ms + _AHEAD_MOST_MS:
        problems.append(Problem(field="at_ms", message="must be within the last 30 days, in Unix milliseconds"))
    if site is None or problems:
        raise bad_request("body", problems)
    missed = MissedFall(new_report(now_ms), site, body.resident, body.at_ms, body.by, now_ms, body.note)
    kept = await keep_report(missed, _clips(house), house.readings)
    return answer_with(MissedFallView(report=missed.report, motion_s=kept.motion_s, reason=kept.reason))


def _clips(house: House) -> Clips:
    if house.clips is None:
        raise ApiError(501, "no_clips", "this house keeps no clips")
    return house.clips


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/alarms/{alarm}/clip",
        show_clip,
        "The motion around a fall: ten seconds before the impact to twenty after",
        "Kept as it comes: `complete` once its last second is there. 404 where nothing is kept with this alarm.",
        parts={"alarm": "The alarm's name"},
        query=ClipQuery,
        answer=ClipView,
        errors=(400, 404, 501),
    ),
    Route(
        "POST",
        "/api/v1/missed-falls",
        report_missed_fall,
        "A caregiver reports a fall that raised no alarm",
        "Kept, with the raw motion five minutes around it where the store has that, to learn from; changes no setting.",
        body=MissedFallReport,
        answer=MissedFallView,
        errors=(400, 413, 415, 501),
    ),
)
