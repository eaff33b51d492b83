"""The files of the console and of the API's reference page: read once, sent from memory."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from service.api.route import Handler

_CONSOLE: Final = Path(__file__).parent.parent / "console"
_REFERENCE: Final = Path(__file__).parent / "reference"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent."""

    body: bytes
    content_type: str
    etag: str


def _pages(folder: Path, entry: str, prefix: str) -> dict[str, Page]:
    """Every file of a folder by its address; ``index.html`` at `entry`, the others under `prefix`."""
    found: dict[str, Page] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix in _TYPES:
            body = file.read_bytes()
            address = entry if file.name == "index.html" else prefix + file.name
            found[address] = Page(body, _TYPES[file.suffix], hashlib.sha256(body).hexdigest()[:20])
    return found


def _handler(page: Page) -> Handler:
    async def send(request: web.Request) -> web.Response:
        # no-cache: ask each time whether it changed, so that an update of the service reaches every screen at once.
        headers = {"Cache-Control": "no-cache", "ETag": f'"{page.etag}"'}
        if any(tag.value == page.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, headers=headers | {"Content-Type": page.content_type})

    return send


def install(app: web.Application) -> None:
    """Serve the console at ``/`` and the reference at ``/api/``."""
    for address, page in (
        *_pages(_CONSOLE, "/", "/console/").items(),
        *_pages(_REFERENCE, "/api/", "/api/reference/").items(),
    ):
        app.router.add_get(address, _handler(page))
