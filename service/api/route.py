"""A route and its description in one place, so that neither can be without the other."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from ingest.contract import NAME_PATTERN
from service.api.errors import Problem, bad_request
from service.identifier import check_identifier
from service.problems import sentence, unknown

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Model = TypeVar("_Model", bound=BaseModel)

#: In bodies and queries; the description of the API shows the pattern.
Identifier = Annotated[
    str,
    AfterValidator(check_identifier),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME_PATTERN}$"}),
]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API: where, what it does, what it takes and gives.

    `path` may hold ``{names}``, described in `parts`. `errors` are the statuses it answers with besides those
    every route may have. `answer` is the form of its JSON; None for another `content_type`.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    summary: str
    description: str = ""
    parts: Mapping[str, str] | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    content_type: str = "application/json"
    errors: tuple[int, ...] = ()


def without_query(handler: Handler) -> Handler:
    """The handler of a route that takes no query: ApiError 400 where one is given, as nothing would come of it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query:
            raise bad_request("query", [Problem(field=name, message="is not known here") for name in request.query])
        return await handler(request)

    return handle


def read_query(request: web.Request, model: type[_Model]) -> _Model:
    """The query as `model`; ApiError 400 with every problem, a parameter given twice or unknown included."""
    twice = [name for name, count in Counter(name for name, _ in request.query.items()).items() if count > 1]
    if twice:
        raise bad_request("query", [Problem(field=name, message="is given more than once") for name in twice])
    return _read("query", model, lambda: model.model_validate(dict(request.query)))


async def read_body(request: web.Request, model: type[_Model]) -> _Model:
    """The JSON body as `model`; ApiError 400 with every problem."""
    data = await request.read()
    return _read("body", model, lambda: model.model_validate_json(data))


def _read(where: str, model: type[_Model], parse: Callable[[], _Model]) -> _Model:
    try:
        return parse()
    except ValidationError as error:
        raise bad_request(where, [_problem(model, one) for one in error.errors()]) from None


def _problem(model: type[BaseModel], error: ErrorDetails) -> Problem:
    where = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "extra_forbidden":
            what = unknown(where, model.model_fields, "field")
        case "model_type":
            what = "must be a JSON object"
        case "json_invalid":
            what = f"is no JSON: {error['ctx']['error']}"
        case "string_type":
            what = "must be a string"
        case _:
            what = sentence(error)
    return Problem(field=where, message=what)


def answer_with(view: BaseModel, status: int = 200) -> web.Response:
    """A view as a JSON answer."""
    return web.json_response(text=view.model_dump_json(), status=status)
