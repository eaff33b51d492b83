"""A resident's readings over HTTP, as many points as a screen has; where the store is SQLite."""

from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.stores.contract import StoreUnavailable
from ingest.stores.curve import POINTS_MOST, Curve, UnknownMetric, metrics
from service.api.errors import ApiError, Problem, bad_request
from service.api.house import HOUSE
from service.api.route import Route, answer_with, read_query
from service.api.views import View

_LAST_TIME_MS: Final = 2**53


class CurveQuery(BaseModel):
    """Which number, over which time [from, to) in Unix milliseconds, in how many points at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(max_length=64, description="Measurement and field, such as vitals.heart_rate_bpm")
    start_ms: int = Field(alias="from", ge=0, le=_LAST_TIME_MS)
    end_ms: int = Field(alias="to", ge=0, le=_LAST_TIME_MS)
    points: int = Field(300, ge=1, le=POINTS_MOST)

    @model_validator(mode="after")
    def _order(self) -> "CurveQuery":
        if self.end_ms <= self.start_ms:
            raise ValueError("to must be later than from")
        return self


class CurveView(View):
    """Stretches that hold readings, oldest first: entry i of every list is about the stretch that begins at time_ms[i].

    Stretches are `width_ms` long; one without readings is left out.
    """

    resident: str
    metric: str
    width_ms: int
    time_ms: tuple[int, ...]
    mean: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    count: tuple[int, ...]

    @classmethod
    def of(cls, resident: str, metric: str, curve: Curve) -> "CurveView":
        """The view of a curve."""
        return cls(
            resident=resident,
            metric=metric,
            width_ms=curve.width_ms,
            time_ms=tuple(curve.time_ms.tolist()),
            mean=tuple(curve.mean.tolist()),
            lowest=tuple(curve.lowest.tolist()),
            highest=tuple(curve.highest.tolist()),
            count=tuple(curve.count.tolist()),
        )


async def show_readings(request: web.Request) -> web.Response:
    """GET /api/v1/residents/{resident}/readings."""
    readings = request.app[HOUSE].readings
    if readings is None:
        raise ApiError(501, "readings_elsewhere", "readings are kept in InfluxDB here; ask it, or Grafana")
    resident, query = request.match_info["resident"], read_query(request, CurveQuery)
    try:
        curve = await readings.curve(resident, query.metric, query.start_ms, query.end_ms, query.points)
    except UnknownMetric:
        known = ", ".join(metrics())
        raise bad_request("query", [Problem(field="metric", message=f"is not one of {known}")]) from None
    except StoreUnavailable as error:
        raise ApiError(503, "store_unavailable", f"the readings cannot be read now: {error}") from None
    return answer_with(CurveView.of(resident, query.metric, curve))


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/residents/{resident}/readings",
        show_readings,
        "A resident's number over time: mean, lowest, highest and count of each stretch",
        "Over [from, to) in Unix milliseconds, in at most `points` equal stretches. Where raw readings are gone, and "
        "where a stretch is an hour or longer, of hourly roll-ups. 501 where the store is not SQLite.",
        parts={"resident": "The resident's identifier; somebody without readings has an empty answer"},
        query=CurveQuery,
        answer=CurveView,
        errors=(400, 501, 503),
    ),
)
