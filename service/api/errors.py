"""Errors as answers: one form of JSON for all of them, saying what is wrong and where."""

import logging
from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict

_LOG: Final = logging.getLogger(__name__)
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(BaseModel):
    """One thing that is wrong with what was sent; `field` is empty where it concerns the whole."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong: a stable `code`, words for a person, and every single problem of a bad request."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    field: str | None = None
    problems: tuple[Problem, ...] = ()


class ErrorAnswer(BaseModel):
    """The body of every answer that is not a success."""

    model_config = ConfigDict(frozen=True)

    error: ErrorBody


class ApiError(Exception):
    """A request that cannot be served as asked; `problems` are told all at once."""

    def __init__(self, status: int, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(
            code=code,
            message=message,
            field=problems[0].field if len(problems) == 1 else None,
            problems=tuple(problems),
        )


def bad_request(where: str, problems: Sequence[Problem]) -> ApiError:
    """A 400 that names every problem of the `where` (body, query)."""
    told = "; ".join(
        f"{problem.field}: {problem.message}" if problem.field else problem.message for problem in problems
    )
    return ApiError(400, f"bad_{where}", f"the {where} is not acceptable: {told}", problems)


def _answer(status: int, body: ErrorBody) -> web.Response:
    text = ErrorAnswer(error=body).model_dump_json(exclude_none=True)
    return web.json_response(text=text, status=status)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer; an error of ours is logged and told without its innards."""
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(error.status, error.body)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = _CODES.get(error.status, "refused")
        answer = _answer(error.status, ErrorBody(code=code, message=f"{request.method} {request.path}: {error.reason}"))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except ConnectionResetError:
        raise  # whoever asked has gone; there is nobody to answer
    except Exception:
        _LOG.exception("%s %s failed", request.method, request.path)
        return _answer(500, ErrorBody(code="internal", message="the service failed to answer; its log says why"))
