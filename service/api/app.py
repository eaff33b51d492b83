"""The HTTP application: the routes of all nouns behind one guard."""

from typing import Final

from aiohttp import web

from service.api import (
    alarms,
    calls,
    contacts,
    delays,
    drills,
    duty,
    events,
    falls,
    figures,
    openapi,
    operations,
    outings,
    pages,
    plan,
    positions,
    readings,
    registry,
    shelf,
    silent,
    standing,
    swaps,
)
from service.api.errors import errors_as_json
from service.api.guard import add_headers, only_this_computer
from service.api.house import HOUSE, House
from service.api.route import Route

#: The largest body anybody needs: a note of 1000 characters.
_BODY_MOST_BYTES: Final = 16 * 1024

ROUTES: Final[tuple[Route, ...]] = (
    *alarms.ROUTES,
    *shelf.ROUTES,
    *drills.ROUTES,
    *delays.ROUTES,
    *figures.ROUTES,
    *falls.ROUTES,
    *events.ROUTES,
    *registry.ROUTES,
    *readings.ROUTES,
    *standing.ROUTES,
    *silent.ROUTES,
    *positions.ROUTES,
    *outings.ROUTES,
    *duty.ROUTES,
    *swaps.ROUTES,
    *plan.ROUTES,
    *calls.ROUTES,
    *contacts.ROUTES,
    *operations.ROUTES,
    *openapi.ROUTES,
)


def make_app(house: House) -> web.Application:
    """The application over `house`: API, its description, health and figures, and the console."""
    app = web.Application(middlewares=[errors_as_json, only_this_computer], client_max_size=_BODY_MOST_BYTES)
    app[HOUSE] = house
    app.on_response_prepare.append(add_headers)
    openapi.install(app, ROUTES)
    pages.install(app)
    app.on_shutdown.append(_end_streams)
    return app


async def _end_streams(app: web.Application) -> None:
    # The live feeds would otherwise hold up the end of the service for as long as a screen looks at them.
    app[HOUSE].desk.hub.close()
