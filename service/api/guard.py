"""Who may speak to a service without a login: this computer's own pages and programs, and nobody through a browser.

- A page of another site that had its name resolve to 127.0.0.1 (DNS rebinding) gives itself away by the Host header.
- A page of another site that sends a form or a request here (CSRF) gives itself away by the Origin header, or
  cannot set the content type ``application/json`` without asking first, which is never granted.
"""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from service.api.errors import ApiError

_OURSELVES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

#: Nothing but our own files is loaded, run, framed or spoken to, and no text can become script.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def _is_ourselves(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _OURSELVES
    except ValueError:
        return False


@web.middleware
async def only_this_computer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a foreign Host, and a change asked for by a foreign page or in another form than JSON."""
    host = request.headers.get("Host", "")
    if not _is_ourselves(host):
        raise ApiError(421, "wrong_host", f"this service answers to localhost and 127.0.0.1, not to {host[:100]!r}")
    if request.method not in _SAFE_METHODS:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise ApiError(403, "wrong_origin", f"a page of {origin[:100]!r} may not change anything here")
        if request.content_type != "application/json":
            raise ApiError(415, "not_json", f"the content type must be application/json, not {request.content_type!r}")
    return await handler(request)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer, streams included."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
