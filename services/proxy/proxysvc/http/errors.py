"""Errors as REST answers: one envelope for all but 422."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import Final

from litestar import Request
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.exceptions import ValidationException
from litestar.types import ExceptionHandlersMap

from proxysvc.fast.answers import Envelope
from proxysvc.fast.arrival import SLOW
from proxysvc.fast.arrival import TooSlow
from proxysvc.fast.invalid import Problem
from proxysvc.fast.invalid import Unprocessable
from proxysvc.http.body import BadBody
from proxysvc.http.body import missing_body
from qbrixcore.errors import QbrixError
from qbrixlog import get_logger
from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixserving.errors import retry_after

logger = get_logger(__name__)

Incoming = Request[Any, Any, Any]
Answer = Response[Envelope] | Response[Unprocessable]

_CODES: Final[Mapping[int, Code]] = {
    401: Code.UNAUTHORIZED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    409: Code.CONFLICT,
    429: Code.RATE_LIMITED,
    503: Code.SERVICE_UNAVAILABLE,
}


def _raised_on_purpose(request: Incoming, error: QbrixError) -> Answer:
    seconds = retry_after(error)
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return _envelope(*http_answer(error), headers=headers)


def _unexpected(request: Incoming, error: Exception) -> Answer:
    logger.error(
        "unexpected error in %s %s", request.method, request.url.path, exc_info=error
    )
    return _envelope(*http_answer(error))


def _of_framework(request: Incoming, error: HTTPException) -> Answer:
    status = error.status_code
    if status >= 500 and status != 503:
        return _unexpected(request, error)
    code = _CODES.get(status, Code.BAD_REQUEST)
    detail = error.detail.lower() or code.lower()
    return _envelope(status, code, detail, None, headers=error.headers)


def _too_slow(request: Incoming, error: TooSlow) -> Answer:
    # the rest of the body may still come, and would be taken for a request
    return _envelope(408, Code.BAD_REQUEST, SLOW, None, headers={"Connection": "close"})


def _bad_body(request: Incoming, error: BadBody) -> Answer:
    return Response(error.answer, status_code=422)


def _bad_query(request: Incoming, error: ValidationException) -> Answer:
    """The framework checks queries only; all it says of a body is that none came."""
    problems = [
        Problem(_place(extra), str(extra["message"]), "value_error")
        for extra in error.extra or []
        if isinstance(extra, dict) and extra.get("source") != "body"
    ]
    answer = Unprocessable(problems) if problems else missing_body()
    return Response(answer, status_code=422)


def _place(extra: Mapping[str, Any]) -> list[str | int]:
    source = extra.get("source", "query")
    return [str(getattr(source, "value", source)), str(extra.get("key", ""))]


def _envelope(
    status: int,
    code: Code,
    detail: str,
    context: Mapping[str, object] | None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    envelope = Envelope(code, detail, context)
    return Response(envelope, status_code=status, headers=dict(headers or {}))


HANDLERS: Final[ExceptionHandlersMap] = {
    QbrixError: _raised_on_purpose,
    BadBody: _bad_body,
    TooSlow: _too_slow,
    ValidationException: _bad_query,
    HTTPException: _of_framework,
    Exception: _unexpected,
}
