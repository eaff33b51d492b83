"""Silent devices over HTTP: all of a site, also those for which one alarm of the site stands."""

from typing import Final, Self

from aiohttp import web
from pydantic import Field

from ingest.directory import DeviceType
from service.api.house import HOUSE
from service.api.route import Route, answer_with
from service.api.sites import check_site
from service.api.views import View
from service.silent_devices import SilentDevice, ToldAs


class SilentDeviceView(View):
    """A device that is not heard."""

    device: str
    type: DeviceType
    resident: str | None
    heard_ms: int | None = Field(description="When it was last heard, by the clock that receives; None: never")
    told_as: ToldAs = Field(
        description="single: by an alarm of its own; site: by one of its site; waiting: for others, at most a minute"
    )

    @classmethod
    def of(cls, one: SilentDevice) -> Self:
        """The view of a silent device."""
        device = one.device
        return cls(
            device=device.device,
            type=device.type,
            resident=device.resident,
            heard_ms=one.heard_ms,
            told_as=one.told_as,
        )


class SilentDevicesView(View):
    """The silent devices of a site, longest silent first."""

    site: str
    devices: tuple[SilentDeviceView, ...]


async def show_silent(request: web.Request) -> web.Response:
    """GET /api/v1/sites/{site}/silent-devices."""
    house, site = request.app[HOUSE], request.match_info["site"]
    await check_site(house, site)
    silent = () if house.silent_devices is None else house.silent_devices(site)
    return answer_with(SilentDevicesView(site=site, devices=tuple(map(SilentDeviceView.of, silent))))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/sites/{site}/silent-devices",
        show_silent,
        "Which devices of a site are not heard",
        "Where many fall silent together one alarm of the site stands for all of them; here they are one by one.",
        parts={"site": "Identifier of the site"},
        answer=SilentDevicesView,
        errors=(404,),
    ),
)
