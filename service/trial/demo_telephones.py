"""The telephones of the simulated home: a gateway on loopback that is told whom to call, and what became of it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

log = logging.getLogger(__name__)

CHANNEL: Final = "phone"
_HOST: Final = "127.0.0.1"
#: How long a message takes to a telephone, and its owner to look at it.
_DELIVERED_AFTER_S: Final = 0.8
_READ_AFTER_S: Final = 6.0


@contextlib.asynccontextmanager
async def telephones(service_url: str) -> AsyncIterator[str]:
    """The address at which the telephones are called; what becomes of a call is told to the service as a receipt."""
    ringing: set[asyncio.Task[None]] = set()
    async with ClientSession(timeout=ClientTimeout(total=5)) as session:

        async def answer(key: str) -> None:
            for result, after_s in (("delivered", _DELIVERED_AFTER_S), ("read", _READ_AFTER_S)):
                await asyncio.sleep(after_s)
                said = {"channel": CHANNEL, "key": key, "result": result}
                try:
                    await (await session.post(f"{service_url}/api/v1/receipts", json=said)).read()
                except (ClientError, TimeoutError) as error:
                    log.warning("a telephone's receipt was lost: %s", type(error).__name__)

        async def take(request: web.Request) -> web.Response:
            ring = asyncio.create_task(answer((await request.json())["key"]), name="telephone")
            ringing.add(ring)
            ring.add_done_callback(ringing.discard)
            return web.Response()

        app = web.Application()
        app.router.add_post("/call", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, _HOST, 0).start()
            yield f"http://{_HOST}:{runner.addresses[0][1]}/call"
        finally:
            for ring in ringing:
                ring.cancel()
            await runner.cleanup()
