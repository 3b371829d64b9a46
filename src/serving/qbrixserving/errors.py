"""The one table from errors to what the wires show of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from typing import NamedTuple

from grpc import StatusCode

from qbrixcore import errors as core


class Code(StrEnum):
    """Every error code of the REST contract."""

    INTERNAL_ERROR = "INTERNAL_ERROR"
    BAD_REQUEST = "BAD_REQUEST"
    FEEDBACK_FAILED = "FEEDBACK_FAILED"
    INVALID_POLICY_PARAMS = "INVALID_POLICY_PARAMS"
    UNAUTHORIZED = "UNAUTHORIZED"
    INVALID_TOKEN = "INVALID_TOKEN"
    INVALID_API_KEY = "INVALID_API_KEY"
    FORBIDDEN = "FORBIDDEN"
    INSUFFICIENT_SCOPES = "INSUFFICIENT_SCOPES"
    PLAN_TIER_REQUIRED = "PLAN_TIER_REQUIRED"
    LEARNER_EXPERIMENT_DELETE_FORBIDDEN = "LEARNER_EXPERIMENT_DELETE_FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    POOL_NOT_FOUND = "POOL_NOT_FOUND"
    EXPERIMENT_NOT_FOUND = "EXPERIMENT_NOT_FOUND"
    USER_NOT_FOUND = "USER_NOT_FOUND"
    GATE_NOT_FOUND = "GATE_NOT_FOUND"
    CONFLICT = "CONFLICT"
    USER_ALREADY_EXISTS = "USER_ALREADY_EXISTS"
    API_KEY_LIMIT_REACHED = "API_KEY_LIMIT_REACHED"
    EXPERIMENT_LIMIT_REACHED = "EXPERIMENT_LIMIT_REACHED"
    POOL_HAS_EXPERIMENTS = "POOL_HAS_EXPERIMENTS"
    RATE_LIMITED = "RATE_LIMITED"
    POOL_CREATION_FAILED = "POOL_CREATION_FAILED"
    EXPERIMENT_CREATION_FAILED = "EXPERIMENT_CREATION_FAILED"
    SELECTION_FAILED = "SELECTION_FAILED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class Row(NamedTuple):
    """How one class of errors looks on each wire."""

    http: int
    code: Code
    grpc: StatusCode


TABLE: Final[Mapping[type[core.QbrixError], Row]] = {
    core.QbrixError: Row(500, Code.INTERNAL_ERROR, StatusCode.INTERNAL),
    core.Invalid: Row(400, Code.BAD_REQUEST, StatusCode.INVALID_ARGUMENT),
    core.InvalidParams: Row(
        400, Code.INVALID_POLICY_PARAMS, StatusCode.INVALID_ARGUMENT
    ),
    core.InvalidFeedback: Row(400, Code.FEEDBACK_FAILED, StatusCode.INVALID_ARGUMENT),
    core.Unauthenticated: Row(401, Code.UNAUTHORIZED, StatusCode.UNAUTHENTICATED),
    core.InvalidApiKey: Row(401, Code.INVALID_API_KEY, StatusCode.UNAUTHENTICATED),
    core.InvalidBearer: Row(401, Code.INVALID_TOKEN, StatusCode.UNAUTHENTICATED),
    core.Denied: Row(403, Code.FORBIDDEN, StatusCode.PERMISSION_DENIED),
    core.InsufficientScopes: Row(
        403, Code.INSUFFICIENT_SCOPES, StatusCode.PERMISSION_DENIED
    ),
    core.LearnerUndeletable: Row(
        403, Code.LEARNER_EXPERIMENT_DELETE_FORBIDDEN, StatusCode.PERMISSION_DENIED
    ),
    core.NotFound: Row(404, Code.NOT_FOUND, StatusCode.NOT_FOUND),
    core.PoolNotFound: Row(404, Code.POOL_NOT_FOUND, StatusCode.NOT_FOUND),
    core.ExperimentNotFound: Row(404, Code.EXPERIMENT_NOT_FOUND, StatusCode.NOT_FOUND),
    core.UserNotFound: Row(404, Code.USER_NOT_FOUND, StatusCode.NOT_FOUND),
    core.GateNotFound: Row(404, Code.GATE_NOT_FOUND, StatusCode.NOT_FOUND),
    core.Conflict: Row(409, Code.CONFLICT, StatusCode.FAILED_PRECONDITION),
    core.NameTaken: Row(409, Code.CONFLICT, StatusCode.ALREADY_EXISTS),
    core.GateExists: Row(409, Code.CONFLICT, StatusCode.ALREADY_EXISTS),
    core.UserExists: Row(409, Code.USER_ALREADY_EXISTS, StatusCode.ALREADY_EXISTS),
    core.ApiKeyLimitReached: Row(
        409, Code.API_KEY_LIMIT_REACHED, StatusCode.FAILED_PRECONDITION
    ),
    core.ExperimentLimitReached: Row(
        409, Code.EXPERIMENT_LIMIT_REACHED, StatusCode.FAILED_PRECONDITION
    ),
    core.PoolInUse: Row(409, Code.POOL_HAS_EXPERIMENTS, StatusCode.FAILED_PRECONDITION),
    core.Overloaded: Row(429, Code.RATE_LIMITED, StatusCode.RESOURCE_EXHAUSTED),
    core.Unavailable: Row(503, Code.SERVICE_UNAVAILABLE, StatusCode.UNAVAILABLE),
}
INTERNAL: Final = "internal error"
_RAISED: Final[Mapping[int, type[core.QbrixError]]] = {
    status.value[0]: raised
    for status, raised in (
        (StatusCode.INVALID_ARGUMENT, core.InvalidContext),
        (StatusCode.UNAUTHENTICATED, core.Unauthenticated),
        (StatusCode.PERMISSION_DENIED, core.Denied),
        (StatusCode.NOT_FOUND, core.ExperimentNotFound),
        (StatusCode.FAILED_PRECONDITION, core.Conflict),
        (StatusCode.RESOURCE_EXHAUSTED, core.Overloaded),
        (StatusCode.DEADLINE_EXCEEDED, core.Unavailable),
        (StatusCode.UNAVAILABLE, core.Unavailable),
    )
}


class HttpAnswer(NamedTuple):
    """What the REST envelope says of an error."""

    status: int
    code: Code
    detail: str
    context: Mapping[str, object] | None


def row(error: core.QbrixError) -> Row:
    """The row of the nearest class that has one."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def http_answer(error: BaseException) -> HttpAnswer:
    """Status and envelope; an error not raised on purpose shows nothing of itself."""
    if not isinstance(error, core.QbrixError):
        return HttpAnswer(500, Code.INTERNAL_ERROR, INTERNAL, None)
    http, code, _ = row(error)
    return HttpAnswer(http, code, str(error), error.detail or None)


def grpc_status(error: BaseException) -> tuple[StatusCode, str]:
    """Status and details; an error not raised on purpose shows nothing of itself."""
    if not isinstance(error, core.QbrixError):
        return StatusCode.INTERNAL, INTERNAL
    return row(error).grpc, str(error)


def retry_after(error: BaseException) -> int | None:
    """Whole seconds, at least 1, after which an overloaded caller may try again."""
    if not isinstance(error, core.Overloaded):
        return None
    seconds = error.detail.get("retry_after", 1)
    return max(1, math.ceil(seconds)) if isinstance(seconds, (int, float)) else 1


def error_of_status(status: int, detail: str) -> core.QbrixError:
    """The error that another service answered, by gRPC status number."""
    return _RAISED.get(status, core.QbrixError)(detail or None)
