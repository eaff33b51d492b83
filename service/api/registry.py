"""The registers over HTTP: who lives where and who looks after them, as far as a caregiver's screen needs it."""

import asyncio
from collections import Counter
from typing import Final

from aiohttp import web

from alerts.calling.people import Role
from service.api.house import HOUSE
from service.api.route import Route, answer_with
from service.api.views import View


class SiteView(View):
    """A site and how much is watched there."""

    site: str
    name: str
    residents: int
    devices: int


class SiteList(View):
    """All sites."""

    sites: tuple[SiteView, ...]


class ResidentView(View):
    """A resident: the name and where help goes to; nothing else leaves the register."""

    resident: str
    name: str
    site: str
    room: str | None


class ResidentList(View):
    """All residents."""

    residents: tuple[ResidentView, ...]


class CaregiverView(View):
    """Somebody who answers alarms; no site: those of every site."""

    caregiver: str
    name: str
    role: Role
    site: str | None


class CaregiverList(View):
    """All caregivers."""

    caregivers: tuple[CaregiverView, ...]


async def list_sites(request: web.Request) -> web.Response:
    """GET /api/v1/sites."""
    register = request.app[HOUSE].register
    sites, residents, devices = await asyncio.to_thread(
        lambda: (register.sites(), register.residents(), register.devices())
    )
    people, things = Counter(one.site for one in residents), Counter(one.site for one in devices)
    views = [SiteView(site=s.site, name=s.name, residents=people[s.site], devices=things[s.site]) for s in sites]
    return answer_with(SiteList(sites=tuple(views)))


async def list_residents(request: web.Request) -> web.Response:
    """GET /api/v1/residents."""
    residents = await asyncio.to_thread(request.app[HOUSE].register.residents)
    views = [ResidentView(resident=r.resident, name=r.name, site=r.site, room=r.room) for r in residents]
    return answer_with(ResidentList(residents=tuple(views)))


async def list_caregivers(request: web.Request) -> web.Response:
    """GET /api/v1/caregivers."""
    caregivers = await asyncio.to_thread(request.app[HOUSE].register.caregivers)
    views = [CaregiverView(caregiver=c.caregiver, name=c.name, role=c.role, site=c.site) for c in caregivers]
    return answer_with(CaregiverList(caregivers=tuple(views)))


ROUTES: Final = (
    Route("GET", "/api/v1/sites", list_sites, "All sites, with the number of residents and devices", answer=SiteList),
    Route("GET", "/api/v1/residents", list_residents, "All residents: name, site, room", answer=ResidentList),
    Route("GET", "/api/v1/caregivers", list_caregivers, "All caregivers: name, role, site", answer=CaregiverList),
)
