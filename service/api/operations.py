"""For those who run the service: is it alive, is it watching, its figures, and what it rejected."""

import asyncio
import base64
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from service.api.house import HOUSE, Kept
from service.api.route import Route, answer_with, read_query
from service.api.views import HealthView, View


class Alive(View):
    """The service answers."""

    status: Literal["alive"] = "alive"


class RejectedView(View):
    """A reading that was not taken, and why; the payload may be cut, size and hash are of the whole."""

    topic: str
    reason: str
    detail: str
    received_ms: int
    size_bytes: int
    sha256: str
    payload_base64: str
    payload_text: str | None = Field(description="The payload as text, where it is UTF-8")

    @classmethod
    def of(cls, kept: Kept) -> "RejectedView":
        """The view of a rejected reading."""
        return cls(
            topic=kept.topic,
            reason=kept.reason,
            detail=kept.detail,
            received_ms=kept.received_ms,
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
            payload_base64=base64.b64encode(kept.payload).decode(),
            payload_text=_text(kept.payload),
        )


class QuarantineAnswer(View):
    """How many are kept by reason, and the latest of them, newest first."""

    counts: dict[str, int]
    rejected: tuple[RejectedView, ...]


class QuarantineQuery(BaseModel):
    """How many to show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(100, ge=1, le=1000)


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None


async def show_alive(_request: web.Request) -> web.Response:
    """GET /healthz."""
    return answer_with(Alive())


async def show_ready(request: web.Request) -> web.Response:
    """GET /readyz."""
    health = request.app[HOUSE].health()
    return answer_with(HealthView.of(health), status=200 if health.ready else 503)


async def show_metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    return web.Response(
        body=request.app[HOUSE].metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def show_quarantine(request: web.Request) -> web.Response:
    """GET /api/v1/quarantine."""
    query, quarantine = read_query(request, QuarantineQuery), request.app[HOUSE].quarantine
    counts, kept = await asyncio.to_thread(lambda: (quarantine.counts(), quarantine.recent(query.limit)))
    return answer_with(QuarantineAnswer(counts=dict(counts), rejected=tuple(map(RejectedView.of, kept))))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/quarantine",
        show_quarantine,
        "What was rejected, and why",
        query=QuarantineQuery,
        answer=QuarantineAnswer,
        errors=(400,),
    ),
    Route("GET", "/healthz", show_alive, "Is the service alive", answer=Alive),
    Route(
        "GET",
        "/readyz",
        show_ready,
        "Is it watching",
        "200 where alarms can be relied on, else 503; the body says what is missing either way.",
        answer=HealthView,
    ),
    Route("GET", "/metrics", show_metrics, "Figures for Prometheus", content_type="text/plain"),
)
