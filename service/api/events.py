"""The live feed, as server-sent events: first how things stand, then every transition, and a sign of life.

A reader that was away, or too slow, is sent how things stand anew; so it needs no memory of what it had seen.
"""

import asyncio
from typing import Final

from aiohttp import web

from service.api.errors import ApiError
from service.api.house import HOUSE, House
from service.api.open_alarms import open_alarms_json
from service.api.route import Route
from service.api.views import HealthView, TransitionView, View

HEARTBEAT_S: Final = 10.0
#: A reader that takes nothing for so long is gone.
_STUCK_S: Final = 20.0
_RECONNECT_MS: Final = 1000
#: Screens and programs at once; each costs a connection and a queue.
_READERS_MOST: Final = 200


class Heartbeat(View):
    """A sign of life: the service's clock and health."""

    at_ms: int
    watch: HealthView


async def stream_events(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/events."""
    house, loop = request.app[HOUSE], asyncio.get_running_loop()
    if house.desk.hub.listeners >= _READERS_MOST:
        raise ApiError(503, "too_many_readers", f"{_READERS_MOST} readers are connected already")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    with house.desk.hub.listen() as listener:
        snapshot = await _snapshot(house)
        await response.prepare(request)
        try:
            await _send(response, b"retry: %d\n\nevent: snapshot\ndata: %s\n\n" % (_RECONNECT_MS, snapshot))
            beat_at_s = loop.time() + HEARTBEAT_S
            while True:
                if loop.time() >= beat_at_s:  # also in a flood of news: it carries the clock and the health
                    await _send(response, _event("heartbeat", _heartbeat(house)))
                    beat_at_s = loop.time() + HEARTBEAT_S
                try:
                    async with asyncio.timeout_at(beat_at_s):
                        transition = await anext(listener)
                except TimeoutError:
                    continue
                except StopAsyncIteration:
                    break  # too slow, or the service ends: the reader comes back and is told how things stand
                else:
                    await _send(response, _event("transition", TransitionView.of(transition)))
        except (ConnectionResetError, TimeoutError):
            # The reader has gone: closing a tab is nothing to report.
            if request.transport is not None:
                request.transport.abort()
    return response


async def _snapshot(house: House) -> bytes:
    """How things stand: every open alarm, the service's clock and health."""
    alarms = await open_alarms_json(house.desk)
    watch = HealthView.of(house.health()).model_dump_json().encode()
    return b'{"at_ms":%d,"alarms":%s,"watch":%s}' % (house.now_ms(), alarms, watch)


def _heartbeat(house: House) -> Heartbeat:
    return Heartbeat(at_ms=house.now_ms(), watch=HealthView.of(house.health()))


def _event(name: str, view: View) -> bytes:
    # One line of data: JSON escapes line ends, so nothing in it can begin another event.
    return f"event: {name}\ndata: {view.model_dump_json()}\n\n".encode()


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_STUCK_S):
        await response.write(data)


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/events",
        stream_events,
        "The live feed (server-sent events)",
        "First `snapshot` {at_ms, alarms, watch}: every open alarm. Then `transition`: as POST …/acknowledge answers. "
        "Every ten seconds `heartbeat` {at_ms, watch}. After a reconnection a new snapshot comes first, "
        "so nothing can be missed; a transition may be told twice (`changed_ms` tells which is later).",
        content_type="text/event-stream",
        errors=(503,),
    ),
)
