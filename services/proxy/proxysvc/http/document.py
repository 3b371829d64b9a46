"""The OpenAPI document: what the framework knows, and the hot path beside it."""

from __future__ import annotations

import functools
from typing import Any
from typing import Final

import msgspec
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components
from litestar.openapi.spec import SecurityScheme

from proxysvc.fast.answers import Envelope
from proxysvc.fast.app import FEEDBACK
from proxysvc.fast.app import FEEDBACK_BATCH
from proxysvc.fast.app import SELECT
from proxysvc.fast.app import SELECT_BATCH
from proxysvc.fast.invalid import Unprocessable
from proxysvc.fast.wire import FeedbackBatchReply
from proxysvc.fast.wire import FeedbackBatchRequest
from proxysvc.fast.wire import FeedbackReply
from proxysvc.fast.wire import FeedbackRequest
from proxysvc.fast.wire import SelectBatchReply
from proxysvc.fast.wire import SelectBatchRequest
from proxysvc.fast.wire import SelectReply
from proxysvc.fast.wire import SelectRequest
from proxysvc.http.health import SUMMARY
from proxysvc.http.health import VERSION

Document = dict[str, Any]

OPENAPI: Final = OpenAPIConfig(
    title="qbrix",
    version=VERSION,
    description=SUMMARY,
    use_handler_docstrings=True,
    render_plugins=[],
    components=Components(
        security_schemes={
            "ApiKeyHeader": SecurityScheme(
                type="apiKey", name="X-API-Key", security_scheme_in="header"
            ),
            "Bearer": SecurityScheme(type="http", scheme="bearer"),
        }
    ),
    security=[{"ApiKeyHeader": []}, {"Bearer": []}],
)

_STRUCTS: Final = (
    SelectRequest,
    SelectReply,
    FeedbackRequest,
    FeedbackReply,
    SelectBatchRequest,
    SelectBatchReply,
    FeedbackBatchRequest,
    FeedbackBatchReply,
    Envelope,
    Unprocessable,
)
_ERRORS: Final = {
    "400": "the request cannot succeed as it stands",
    "401": "no key, or not a valid one",
    "403": "the key lacks a scope",
    "404": "no such thing",
    "409": "already there, or in use",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "the body is not JSON",
    "422": "the request does not decode",
    "429": "too many requests",
    "500": "unexpected failure",
    "503": "a service this depends on did not answer",
}
_OF_BODIES: Final = frozenset({"408", "413", "415"})
_HEADERS: Final = {
    "x-request-id": "id of this request, the caller's own if one was sent",
    "x-param-version": "version of the parameters, absent where they did not decide",
}


@get("/openapi.json", include_in_schema=False)
async def get_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The document of this application."""
    return Response(document(request.app), media_type=MediaType.JSON)


@functools.lru_cache(maxsize=1)
def document(app: Any) -> bytes:
    """The OpenAPI document of the ordinary routes and of the hot path, as JSON."""
    made: Document = app.openapi_schema.to_schema()
    made["paths"] |= {
        SELECT: {"post": _operation("select", SelectRequest, "200", SelectReply)},
        FEEDBACK: {
            "post": _operation("feedback", FeedbackRequest, "201", FeedbackReply)
        },
        SELECT_BATCH: {
            "post": _operation(
                "select_batch", SelectBatchRequest, "200", SelectBatchReply
            )
        },
        FEEDBACK_BATCH: {
            "post": _operation(
                "feedback_batch", FeedbackBatchRequest, "200", FeedbackBatchReply
            )
        },
    }
    _, schemas = msgspec.json.schema_components(
        _STRUCTS, schema_hook=_any, ref_template="#/components/schemas/{name}"
    )
    made["components"]["schemas"] |= schemas
    for operations in made["paths"].values():
        for operation in operations.values():
            _document_errors(operation)
    _loosen(made)
    return msgspec.json.encode(made)


def _operation(name: str, takes: type, status: str, gives: type) -> Document:
    shown = _HEADERS if name == "select" else {"x-request-id": _HEADERS["x-request-id"]}
    return {
        "operationId": name,
        "summary": (takes.__doc__ or name).splitlines()[0],
        "tags": ["agent"],
        "requestBody": {"required": True, "content": _json(takes)},
        "responses": {
            status: {
                "description": (gives.__doc__ or name).splitlines()[0],
                "content": _json(gives),
                "headers": {
                    header: {"description": text, "schema": {"type": "string"}}
                    for header, text in shown.items()
                },
            }
        },
    }


def _document_errors(operation: Document) -> None:
    responses = operation["responses"]
    responses.pop("400", None)
    # what is public and takes nothing can only fail by itself
    simple = operation.get("security") == [] and "requestBody" not in operation
    takes_body = "requestBody" in operation
    for status, text in _ERRORS.items():
        if status in _OF_BODIES and not takes_body:
            continue
        if not simple or status == "500":
            shape = Unprocessable if status == "422" else Envelope
            answer = {"description": text, "content": _json(shape)}
            responses.setdefault(status, answer)


def _loosen(node: Any) -> None:
    """Unions are any of their parts: 1 is a number as well as an integer."""
    if isinstance(node, dict):
        if "oneOf" in node:
            node["anyOf"] = node.pop("oneOf")
        for value in node.values():
            _loosen(value)
    elif isinstance(node, list):
        for value in node:
            _loosen(value)


def _any(kind: type) -> Document:
    """Schema of ``object``: whatever JSON can say."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any value"}


def _json(struct: type) -> Document:
    reference = {"$ref": f"#/components/schemas/{struct.__name__}"}
    return {"application/json": {"schema": reference}}
