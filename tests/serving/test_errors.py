"""The one table from errors to what the wires show."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from grpc import StatusCode

from qbrixcore import errors as core
from qbrixserving.errors import TABLE
from qbrixserving.errors import Code
from qbrixserving.errors import error_of_status
from qbrixserving.errors import grpc_status
from qbrixserving.errors import http_answer
from qbrixserving.errors import retry_after

ERRORS = [
    error
    for _, error in inspect.getmembers(core, inspect.isclass)
    if issubclass(error, core.QbrixError)
]

SHOWN = {
    core.PoolNotFound: (404, "POOL_NOT_FOUND", StatusCode.NOT_FOUND),
    core.ExperimentNotFound: (404, "EXPERIMENT_NOT_FOUND", StatusCode.NOT_FOUND),
    core.UserNotFound: (404, "USER_NOT_FOUND", StatusCode.NOT_FOUND),
    core.GateNotFound: (404, "GATE_NOT_FOUND", StatusCode.NOT_FOUND),
    core.NameTaken: (409, "CONFLICT", StatusCode.ALREADY_EXISTS),
    core.Conflict: (409, "CONFLICT", StatusCode.FAILED_PRECONDITION),
    core.GateExists: (409, "CONFLICT", StatusCode.ALREADY_EXISTS),
    core.UserExists: (409, "USER_ALREADY_EXISTS", StatusCode.ALREADY_EXISTS),
    core.ApiKeyLimitReached: (
        409,
        "API_KEY_LIMIT_REACHED",
        StatusCode.FAILED_PRECONDITION,
    ),
    core.ExperimentLimitReached: (
        409,
        "EXPERIMENT_LIMIT_REACHED",
        StatusCode.FAILED_PRECONDITION,
    ),
    core.PoolInUse: (409, "POOL_HAS_EXPERIMENTS", StatusCode.FAILED_PRECONDITION),
    core.UnknownPolicy: (400, "INVALID_POLICY_PARAMS", StatusCode.INVALID_ARGUMENT),
    core.InvalidParams: (400, "INVALID_POLICY_PARAMS", StatusCode.INVALID_ARGUMENT),
    core.InvalidContext: (400, "BAD_REQUEST", StatusCode.INVALID_ARGUMENT),
    core.InvalidFeedback: (400, "FEEDBACK_FAILED", StatusCode.INVALID_ARGUMENT),
    core.InvalidToken: (400, "FEEDBACK_FAILED", StatusCode.INVALID_ARGUMENT),
    core.TokenExpired: (400, "FEEDBACK_FAILED", StatusCode.INVALID_ARGUMENT),
    core.WindowPassed: (400, "FEEDBACK_FAILED", StatusCode.INVALID_ARGUMENT),
    core.Unauthenticated: (401, "UNAUTHORIZED", StatusCode.UNAUTHENTICATED),
    core.InvalidApiKey: (401, "INVALID_API_KEY", StatusCode.UNAUTHENTICATED),
    core.InvalidBearer: (401, "INVALID_TOKEN", StatusCode.UNAUTHENTICATED),
    core.Denied: (403, "FORBIDDEN", StatusCode.PERMISSION_DENIED),
    core.InsufficientScopes: (
        403,
        "INSUFFICIENT_SCOPES",
        StatusCode.PERMISSION_DENIED,
    ),
    core.LearnerReadOnly: (403, "FORBIDDEN", StatusCode.PERMISSION_DENIED),
    core.LearnerUndeletable: (
        403,
        "LEARNER_EXPERIMENT_DELETE_FORBIDDEN",
        StatusCode.PERMISSION_DENIED,
    ),
    core.Overloaded: (429, "RATE_LIMITED", StatusCode.RESOURCE_EXHAUSTED),
    core.Unavailable: (503, "SERVICE_UNAVAILABLE", StatusCode.UNAVAILABLE),
    core.MissingState: (503, "SERVICE_UNAVAILABLE", StatusCode.UNAVAILABLE),
    core.CorruptState: (500, "INTERNAL_ERROR", StatusCode.INTERNAL),
    core.QbrixError: (500, "INTERNAL_ERROR", StatusCode.INTERNAL),
}


@pytest.mark.parametrize("error", SHOWN, ids=lambda e: e.__name__)
def test_an_error_on_both_wires(error: type[core.QbrixError]) -> None:
    raised = error("what was wrong", limit=3)
    status, code, grpc_code = SHOWN[error]
    assert http_answer(raised) == (status, code, "what was wrong", {"limit": 3})
    assert grpc_status(raised) == (grpc_code, "what was wrong")


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e.__name__)
def test_every_error_has_a_text_of_its_own(error: type[core.QbrixError]) -> None:
    answer = http_answer(error())
    assert answer.detail == error.__doc__
    assert answer.context is None
    assert answer.status >= 400


@pytest.mark.parametrize("error", [KeyError("secret"), ValueError("secret")])
def test_what_was_not_raised_on_purpose_shows_nothing(error: Exception) -> None:
    assert http_answer(error) == (500, "INTERNAL_ERROR", "internal error", None)
    assert grpc_status(error) == (StatusCode.INTERNAL, "internal error")


def test_the_codes_are_those_of_the_contract() -> None:
    assert len(Code) == 26
    assert all(code == code.name for code in Code)
    assert {row.code for row in TABLE.values()} <= set(Code)


def test_only_the_overloaded_are_asked_to_come_again() -> None:
    assert retry_after(core.Overloaded()) == 1
    assert retry_after(core.Overloaded(retry_after=7.2)) == 8
    assert retry_after(core.Overloaded(retry_after=0)) == 1
    assert retry_after(core.Unavailable()) is None
    assert retry_after(KeyError()) is None


@pytest.mark.parametrize(
    "error",
    [
        core.ExperimentNotFound,
        core.InvalidContext,
        core.Overloaded,
        core.Unavailable,
        core.Unauthenticated,
        core.Denied,
    ],
)
def test_an_error_survives_the_hop(error: type[core.QbrixError]) -> None:
    status, detail = grpc_status(error("why"))
    back = error_of_status(status.value[0], detail)
    assert type(back) is error
    assert str(back) == "why"


def test_an_unknown_status_is_an_internal_error() -> None:
    back = error_of_status(StatusCode.DATA_LOSS.value[0], "")
    assert grpc_status(back) == (StatusCode.INTERNAL, core.QbrixError.__doc__)


def test_the_page_about_the_api_lists_every_code_that_is_raised() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "api.md"
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.+) \|$", page.read_text(), re.M)
    listed = {
        (code, int(http), status)
        for code, http, statuses in rows
        for status in re.findall(r"`(\w+)`", statuses)
    }
    assert listed == {(row.code, row.http, row.grpc.name) for row in TABLE.values()}
