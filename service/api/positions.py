"""Positions over HTTP: where a resident is as far as is known, and the way somebody went while an alarm was open."""

import asyncio
from typing import Final, Self

from aiohttp import web
from pydantic import Field

from alerts.alarm import Transition
from alerts.detectors.whereabouts import Standing, Whereabouts
from alerts.lifecycle import Event
from ingest.contract import Crs, PositionSource
from ingest.coordinates import from_wgs84
from service.api.acting import acting_on
from service.api.errors import ApiError
from service.api.house import HOUSE
from service.api.outings import check_resident
from service.api.route import Route, answer_with
from service.api.views import View
from service.zone_outlines import Outline, outlines_near

_DIRECTION: Final = "From the zone's middle: N NE E SE S SW W NW"
_DISTANCE: Final = "Outside the zone's edge; below 0: inside"


class PositionView(View):
    """Where a resident is as far as is known; WGS-84. All but the first three are None where no fix is known."""

    resident: str
    state: Standing = Field(
        description="inside, probably_outside, outside; unfenced: no safe zone counts now, or out in company; "
        "unknown: no usable fix, none for long, or one that says neither"
    )
    outing_until_ms: int | None = Field(description="Until when they are out in company")
    lat_deg: float | None = None
    lon_deg: float | None = None
    accuracy_m: float | None = Field(default=None, description="Radius of 68 % confidence")
    source: PositionSource | None = None
    fix_ms: int | None = Field(default=None, description="When the fix was taken")
    age_s: float | None = Field(default=None, description="How long ago that was; the last that is known, however old")
    speed_m_s: float | None = None
    battery_pct: float | None = None
    zone: str | None = Field(default=None, description="The nearest safe zone that counts now")
    distance_m: float | None = Field(default=None, description=_DISTANCE)
    direction: str | None = Field(default=None, description=_DIRECTION)
    forbidden_zone: str | None = Field(default=None, description="The forbidden zone in which they are")


class PointView(View):
    """A place on the map, in degrees."""

    lat_deg: float
    lon_deg: float


class FixView(View):
    """Where somebody was when the alarm was told so; WGS-84."""

    time_ms: int = Field(description="When the fix was taken")
    event: Event
    lat_deg: float
    lon_deg: float
    accuracy_m: float | None
    speed_m_s: float | None
    battery_pct: float | None
    zone: str | None
    distance_m: float | None = Field(description=_DISTANCE)
    direction: str | None = Field(description=_DIRECTION)

    @classmethod
    def of(cls, transition: Transition) -> Self | None:
        """The view of what a transition says of a position; None where it says none."""
        known = dict(transition.alarm.evidence)
        if not {"lat_deg", "lon_deg"} <= known.keys():
            return None
        return cls.model_validate(
            {name: known.get(name) for name in cls.model_fields}
            | {"time_ms": known.get("fix_ms", transition.at_ms), "event": transition.event}
        )


class OutlineView(View):
    """A zone as it is drawn; WGS-84. A circle, or areas of rings of [lat, lon], each the outer ring and its holes."""

    zone: str
    rule: str
    middle: PointView | None
    radius_m: float | None
    areas: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]

    @classmethod
    def of(cls, outline: Outline) -> Self:
        """The view of an outline."""
        middle = None
        if outline.middle is not None:
            middle = PointView(lat_deg=outline.middle[0], lon_deg=outline.middle[1])
        return cls(zone=outline.zone, rule=outline.rule, middle=middle, radius_m=outline.radius_m, areas=outline.areas)


class TrackView(View):
    """The way somebody went, oldest first, the zones around it, and the last place in GCJ-02, as maps in China."""

    alarm: str
    resident: str | None
    fixes: tuple[FixView, ...]
    zones: tuple[OutlineView, ...]
    last_gcj02: PointView | None


async def show_position(request: web.Request) -> web.Response:
    """GET /api/v1/residents/{resident}/position."""
    house, resident = request.app[HOUSE], request.match_info["resident"]
    if house.whereabouts is None:
        raise ApiError(501, "no_positions", "this house follows no positions")
    await check_resident(house, resident)
    outings = await asyncio.to_thread(house.register.outings)
    now_ms = house.now_ms()
    until_ms = next((one.until_ms for one in outings if one.resident == resident and one.until_ms > now_ms), None)
    found = house.whereabouts(resident, now_ms)
    if found is None:
        return answer_with(PositionView(resident=resident, state=Standing.UNKNOWN, outing_until_ms=until_ms))
    return answer_with(_position(resident, found, until_ms, now_ms))


def _position(resident: str, found: Whereabouts, until_ms: int | None, now_ms: int) -> PositionView:
    return PositionView(
        resident=resident,
        state=found.standing,
        outing_until_ms=until_ms,
        lat_deg=found.lat_deg,
        lon_deg=found.lon_deg,
        accuracy_m=round(found.accuracy_m, 1),
        source=found.source,
        fix_ms=found.fix_ms,
        age_s=max(0.0, round((now_ms - found.fix_ms) / 1000, 1)),
        speed_m_s=None if found.speed_m_s is None else round(found.speed_m_s, 1),
        battery_pct=found.battery_pct,
        zone=found.zone,
        distance_m=None if found.distance_m is None else round(found.distance_m, 1),
        direction=found.direction,
        forbidden_zone=found.forbidden,
    )


async def show_track(request: web.Request) -> web.Response:
    """GET /api/v1/alarms/{alarm}/track."""
    house, name = request.app[HOUSE], request.match_info["alarm"]
    with acting_on(name):
        alarm = await house.desk.alarm(name)
    # What tells nothing new of the place bears the fix of the one before.
    told = {one.time_ms: one for one in map(FixView.of, reversed(await house.desk.transitions(name))) if one}
    fixes = tuple(told[time_ms] for time_ms in sorted(told))
    if not fixes:
        return answer_with(TrackView(alarm=name, resident=alarm.resident, fixes=(), zones=(), last_gcj02=None))
    last = fixes[-1]

    def outlines() -> list[Outline]:
        placement = house.register.placement()
        zones = [placement.outlines[index] for index in placement.of(alarm.resident, alarm.site)]
        return outlines_near(zones, last.lat_deg, last.lon_deg, {one.zone for one in fixes if one.zone is not None})

    near = await asyncio.to_thread(outlines)
    lat, lon = from_wgs84([last.lat_deg], [last.lon_deg], Crs.GCJ02)
    return answer_with(
        TrackView(
            alarm=name,
            resident=alarm.resident,
            fixes=fixes,
            zones=tuple(map(OutlineView.of, near)),
            last_gcj02=PointView(lat_deg=round(float(lat[0]), 6), lon_deg=round(float(lon[0]), 6)),
        )
    )


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/residents/{resident}/position",
        show_position,
        "Where a resident is, as far as is known",
        "The last usable fix of any of their devices that have zones, and what all fixes so far say together. "
        "Never `inside` where it is not known.",
        parts={"resident": "The resident's identifier"},
        answer=PositionView,
        errors=(404, 501),
    ),
    Route(
        "GET",
        "/api/v1/alarms/{alarm}/track",
        show_track,
        "The way somebody went while an alarm was open, and the zones around it",
        "One fix for each time the alarm told where they were: as it began, every 30 s while it is open, as it ended. "
        "Of large zones the outline is simplified. Empty for alarms that know no position.",
        parts={"alarm": "The alarm's name"},
        answer=TrackView,
        errors=(404,),
    ),
)
