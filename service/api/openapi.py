"""The API's description, made from the very table its routes are registered from."""

import re
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from service.api.errors import ErrorAnswer
from service.api.route import Route, without_query

_VERSION: Final = "1.0"
_REFERENCE: Final = "#/components/schemas/{model}"
_STATUSES: Final = {
    400: "The body or the query is not acceptable; every problem is named",
    403: "The signature is not right",
    404: "There is no such thing",
    409: "It cannot happen to the alarm as it now stands",
    413: "The body is too large",
    415: "The body is not JSON",
    501: "This house is not set up for it",
    503: "Not now",
}
_DOCUMENT: Final = web.AppKey("openapi_document", dict[str, Any])


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `routes`."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ErrorAnswer, "serialization")]
    wanted += [(route.answer, "serialization") for route in routes if route.answer is not None]
    wanted += [(route.body, "validation") for route in routes if route.body is not None]
    references, schemas = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        answer = {} if route.answer is None else references[route.answer, "serialization"]
        operation: dict[str, Any] = {
            "operationId": route.handler.__name__,
            "summary": route.summary,
            "responses": {
                "200": {"description": "Done", "content": {route.content_type: {"schema": answer}}},
                **{str(status): _error(status, references[ErrorAnswer, "serialization"]) for status in route.errors},
            },
        }
        if route.description:
            operation["description"] = route.description
        if parameters := [*_path_parameters(route), *_query_parameters(route)]:
            operation["parameters"] = parameters
        if route.body is not None:
            content = {"application/json": {"schema": references[route.body, "validation"]}}
            operation["requestBody"] = {"required": True, "content": content}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shouhu 守护",
            "version": _VERSION,
            "description": "Alarms, and what people do about them. Times are Unix milliseconds. "
            "There is no login yet: the service listens on loopback only. Not a medical device.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _error(status: int, schema: Any) -> dict[str, Any]:
    return {"description": _STATUSES[status], "content": {"application/json": {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    parts = route.parts or {}
    return [
        {"name": name, "in": "path", "required": True, "description": parts[name], "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": one}
        for name, one in schema["properties"].items()
    ]


async def show_openapi(request: web.Request) -> web.Response:
    """GET /api/openapi.json."""
    return web.json_response(request.app[_DOCUMENT])


ROUTES: Final = (Route("GET", "/api/openapi.json", show_openapi, "This description (OpenAPI 3.1)"),)


def install(app: web.Application, routes: Sequence[Route]) -> None:
    """Register `routes` and keep their description."""
    app[_DOCUMENT] = document(routes)
    for route in routes:
        # A filter that filters nothing would be believed; what a person does is done whatever stands behind it.
        bare = route.query is None and route.method == "GET" and route.path.startswith("/api/v1/")
        app.router.add_route(route.method, route.path, without_query(route.handler) if bare else route.handler)
