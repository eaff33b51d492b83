"""How a resident stands: the early-warning score as it is now, and what is usual for them as far as it is learned."""

import asyncio
from typing import Final, Literal, Self

from aiohttp import web
from pydantic import Field

from alerts.detectors.baseline import Baseline
from alerts.detectors.contract import Records
from alerts.detectors.early_warning import EarlyWarning, standing
from alerts.detectors.fused import FusedSign, fused
from alerts.detectors.fusion import Fusion
from alerts.detectors.learned import Learned, Part, learned, unusual
from alerts.detectors.scored import Input, Measured, Score
from alerts.detectors.sources import Source
from alerts.detectors.usual import PART_H, PARTS
from alerts.findings import Priority
from service.api.errors import ApiError
from service.api.house import HOUSE
from service.api.route import Route, answer_with
from service.api.views import View

_HOUR_MS: Final = 3_600_000
_HOURS_A_DAY: Final = 24


class InputView(View):
    """One of the seven inputs; an unknown one may give no point or as many as it can."""

    name: str = Field(description="heart_rate_bpm, …, oxygen, consciousness")
    known: bool
    points_lowest: int
    points_highest: int
    value: float | None = Field(description="As last measured, expired or not; None: never, or no device measures it")
    age_s: float | None = Field(description="How long ago that was")
    expires_s: float | None = Field(description="How long it counts; None: it does not expire")
    source: Source | None = Field(description="Whose measurement that is: of bracelet and bed mat the better one's")
    quality: float | None = Field(description="0 to 1, as the device says; None where it says nothing")
    other_value: float | None = Field(description="What the other source says, if it measured that lately")

    @classmethod
    def of(cls, one: Input) -> Self:
        """The view of an input."""
        counts = one.counts
        return cls(
            name=one.name,
            known=one.known,
            points_lowest=one.fewest,
            points_highest=one.most,
            value=None if counts is None else counts.value,
            age_s=None if counts is None else counts.age_ms / 1000,
            expires_s=None if one.expires_ms is None else one.expires_ms / 1000,
            source=None if counts is None else counts.source,
            quality=None if counts is None else counts.quality,
            other_value=None if one.other is None else one.other.value,
        )


class EarlyWarningView(View):
    """Between which totals the score lies, by what is known now."""

    resident: str
    score: Literal["early_warning_score", "news2"] = Field(description="What it may be called: NEWS2 with all seven")
    lowest: int
    highest: int
    inputs_known: int = Field(description="Of seven")
    alarm: Priority | None = Field(description="Of the early-warning alarm that has begun and not ended")
    inputs: tuple[InputView, ...]

    @classmethod
    def of(cls, resident: str, score: Score, alarm: Priority | None) -> Self:
        """The view of a score."""
        return cls(
            resident=resident,
            score="news2" if score.interval.name == "news2" else "early_warning_score",
            lowest=score.interval.lowest,
            highest=score.interval.highest,
            inputs_known=score.interval.known,
            alarm=alarm,
            inputs=tuple(InputView.of(one) for one in score.inputs),
        )


class PartView(View):
    """A part of the day, [from_h, to_h) by the local clock."""

    from_h: int
    to_h: int
    usual: float | None = Field(description="In the sign's unit; None where nothing is learned")
    spread: float | None = Field(description="How far hours usually lie from it (standard deviation)")
    learned_h: int = Field(description="How many hours were learned, 255 at most")
    needed_h: int = Field(description="How many more are needed before this part of the day is judged")
    speaks: bool

    @classmethod
    def of(cls, part: Part) -> Self:
        """The view of a part."""
        return cls(
            from_h=part.from_h,
            to_h=part.to_h,
            usual=part.usual,
            spread=part.spread,
            learned_h=part.hours,
            needed_h=part.hours_left,
            speaks=part.speaks,
        )


class UsualView(View):
    """What is usual of one sign by one sort of device, part by part of the day."""

    sign: str
    measured_by: Literal["bracelet", "bed_mat"]
    learned_h: int
    needed_days: int = Field(description="Until the whole day is judged, at the earliest; 0 once it is")
    speaks: bool = Field(description="Whether the part of the day that it is now is judged")
    parts: tuple[PartView, ...]

    @classmethod
    def of(cls, one: Learned, now_part: int) -> Self:
        """The view of a sign, where it is `now_part` of the day."""
        return cls(
            sign=one.sign,
            measured_by="bracelet" if one.measured_by == "bracelet" else "bed_mat",
            learned_h=sum(part.hours for part in one.parts),
            needed_days=one.days_left,
            speaks=one.parts[now_part].speaks,
            parts=tuple(PartView.of(part) for part in one.parts),
        )


class UnusualView(View):
    """Something that is not as usual, and an alarm."""

    cause: str
    onset_ms: int


class BaselineView(View):
    """What is usual for a resident at rest; hours count that were measured at rest by a device that was worn."""

    resident: str
    now_part: int = Field(description="Which part of the day it is, from 0")
    needed_h: int = Field(description="Hours of a part of the day before anything is said of it")
    signs: tuple[UsualView, ...]
    unusual: tuple[UnusualView, ...]


class MeasuredView(View):
    """What one source last measured."""

    source: Source
    devices: tuple[str, ...] = Field(description="The resident's devices of this kind; with several, one of them")
    value: float
    quality: float | None = Field(description="0 to 1, as the device says; None where it says nothing")
    age_s: float

    @classmethod
    def of(cls, one: Measured, devices: dict[str, tuple[str, ...]]) -> Self:
        """The view of a measurement."""
        return cls(
            source=one.source,
            devices=devices.get(one.source, ()),
            value=one.value,
            quality=one.quality,
            age_s=one.age_ms / 1000,
        )


class SignView(View):
    """A sign by the better of its sources; nothing is averaged."""

    name: str
    best: MeasuredView | None = Field(description="None where nothing was measured lately")
    others: tuple[MeasuredView, ...] = Field(description="What the other source says, if lately")
    apart: bool = Field(description="Measured at about the same time they differ by more than two good devices do")

    @classmethod
    def of(cls, sign: FusedSign, devices: dict[str, tuple[str, ...]]) -> Self:
        """The view of a sign."""
        return cls(
            name=sign.name,
            best=None if sign.best is None else MeasuredView.of(sign.best, devices),
            others=() if sign.other is None else (MeasuredView.of(sign.other, devices),),
            apart=sign.apart,
        )


class SignsView(View):
    """The signs of a resident as they stand."""

    resident: str
    signs: tuple[SignView, ...]
    disagree_since_ms: int | None = Field(description="Of the alarm sources_disagree while it lasts")


async def show_signs(request: web.Request) -> web.Response:
    """GET /api/v1/residents/{resident}/signs."""
    house, resident = request.app[HOUSE], request.match_info["resident"]
    state, params = await _known(request, Fusion.name)
    scoring, scored_by = await _known(request, EarlyWarning.name)
    mine = [one for one in await asyncio.to_thread(house.register.devices) if one.resident == resident]
    devices = {str(kind): tuple(one.device for one in mine if one.type is kind) for kind in {one.type for one in mine}}
    score, _ = standing(scoring, scored_by, house.now_ms())
    view = fused(score, int(scored_by["better_ms"][0]), state, params)
    return answer_with(
        SignsView(
            resident=resident,
            signs=tuple(SignView.of(sign, devices) for sign in view.signs),
            disagree_since_ms=view.disagree_since_ms,
        )
    )


async def show_early_warning(request: web.Request) -> web.Response:
    """GET /api/v1/residents/{resident}/early-warning."""
    resident = request.match_info["resident"]
    state, params = await _known(request, EarlyWarning.name)
    score, alarm = standing(state, params, request.app[HOUSE].now_ms())
    return answer_with(EarlyWarningView.of(resident, score, alarm))


async def show_baseline(request: web.Request) -> web.Response:
    """GET /api/v1/residents/{resident}/baseline."""
    resident = request.match_info["resident"]
    state, params = await _known(request, Baseline.name)
    hour = (request.app[HOUSE].now_ms() + int(params["utc_offset_ms"][0])) // _HOUR_MS
    now_part = hour % _HOURS_A_DAY // PART_H
    return answer_with(
        BaselineView(
            resident=resident,
            now_part=now_part,
            needed_h=int(params["hours_min"][0]),
            signs=tuple(UsualView.of(one, now_part) for one in learned(state, params)),
            unusual=tuple(UnusualView(cause=cause, onset_ms=onset_ms) for cause, onset_ms in unusual(state)),
        )
    )


async def _known(request: web.Request, detector: str) -> tuple[Records, Records]:
    house, resident = request.app[HOUSE], request.match_info["resident"]
    if house.bank is None:
        raise ApiError(501, "no_detectors", "this house runs no detectors")
    residents = await asyncio.to_thread(house.register.residents)
    if all(one.resident != resident for one in residents):
        raise ApiError(404, "unknown_resident", f"no resident {resident[:64]!r} is registered")
    return house.bank.of_resident(detector, resident)


_PARTS_OF_PATH: Final = {"resident": "The resident's identifier"}
ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/residents/{resident}/early-warning",
        show_early_warning,
        "A resident's early-warning score as it stands: lowest, highest, and each of the seven inputs",
        "Over all devices of the resident, an input that has expired as unknown. Called NEWS2 only with all seven.",
        parts=_PARTS_OF_PATH,
        answer=EarlyWarningView,
        errors=(404, 501),
    ),
    Route(
        "GET",
        "/api/v1/residents/{resident}/signs",
        show_signs,
        "A resident's signs by the better of bracelet and bed mat, and what the other says",
        "Each with its source, quality and age; the better quality is shown first, nothing is averaged.",
        parts=_PARTS_OF_PATH,
        answer=SignsView,
        errors=(404, 501),
    ),
    Route(
        "GET",
        "/api/v1/residents/{resident}/baseline",
        show_baseline,
        "What is usual for a resident, by sign and part of the day, and how much is still needed to judge by it",
        f"{PARTS} parts of the day, {PART_H} h each. A part is judged once enough hours of it were seen; until then "
        "nothing is said of it.",
        parts=_PARTS_OF_PATH,
        answer=BaselineView,
        errors=(404, 501),
    ),
)
