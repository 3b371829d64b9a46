"""Rows 58 to 65: every typed error can be reached, and is the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.system.running import eventually

from qbrixserving.errors import Code

# as published; the clients' types list them
CODES = {
    *("INTERNAL_ERROR", "BAD_REQUEST", "FEEDBACK_FAILED", "INVALID_POLICY_PARAMS"),
    *("UNAUTHORIZED", "INVALID_TOKEN", "INVALID_API_KEY"),
    *("FORBIDDEN", "INSUFFICIENT_SCOPES", "PLAN_TIER_REQUIRED"),
    *("LEARNER_EXPERIMENT_DELETE_FORBIDDEN", "NOT_FOUND", "POOL_NOT_FOUND"),
    *("EXPERIMENT_NOT_FOUND", "USER_NOT_FOUND", "GATE_NOT_FOUND"),
    *("CONFLICT", "USER_ALREADY_EXISTS", "API_KEY_LIMIT_REACHED"),
    *("EXPERIMENT_LIMIT_REACHED", "POOL_HAS_EXPERIMENTS", "RATE_LIMITED"),
    *("POOL_CREATION_FAILED", "EXPERIMENT_CREATION_FAILED", "SELECTION_FAILED"),
    "SERVICE_UNAVAILABLE",
}
POOLS = "/api/v1/pools"
SELECT = "/api/v1/agent/select"


@pytest.mark.row(58)
def test_errors_come_in_one_envelope(plain: httpx.Client) -> None:
    answers = [
        plain.get(f"{POOLS}/never-made"),
        plain.get("/api/v1/experiments/never-made"),
        plain.get("/api/v1/gates/never-made"),
        plain.get("/no/such/route"),
        plain.put(POOLS, json={}),
        plain.get(POOLS, headers={"X-API-Key": "optiq_wrong"}),
        plain.get(POOLS, headers={"X-API-Key": ""}),
        plain.post(
            SELECT, json={"experiment_id": "never-made", "context": {"id": "x"}}
        ),
        plain.post("/api/v1/agent/feedback", json={"request_id": "x", "reward": 1}),
    ]
    for answer in answers:
        said = answer.json()
        assert answer.headers["content-type"].startswith("application/json")
        assert set(said) <= {"code", "detail", "context"}
        assert said["code"] in CODES
        assert isinstance(said["detail"], str)
        assert said.get("context") is None or isinstance(said["context"], dict)
    assert set(Code) == CODES
    assert len(CODES) == 26


@pytest.mark.row(60, 4)
def test_who_is_unknown_is_401(connect: Connect, place: Place) -> None:
    for caller in (None, Caller("optiq_" + "x" * 43), Caller("nonsense")):
        with refused("AuthenticationError", 401):
            connect(caller).pool.list()
        with refused("AuthenticationError", 401):
            connect(caller).agent.select("any", {"id": "x"}, fallback={"id": "f"})


@pytest.mark.row(60, 58)
def test_who_is_unknown_has_a_code(place: Place) -> None:
    for header, code in (
        ({}, "UNAUTHORIZED"),
        ({"X-API-Key": "optiq_wrong"}, "INVALID_API_KEY"),
    ):
        with place.plain() as plain:
            answer = plain.get(POOLS, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.row(61)
def test_a_viewer_makes_no_pools(
    connect: Connect, place: Place, caller: Caller
) -> None:
    viewer = place.caller("viewer", caller.tenant)
    client = connect(viewer)
    assert client.pool.list().model == "PaginatedResponse"
    with refused("ForbiddenError", 403):
        client.pool.create(named("p"), arms())
    with place.plain(viewer) as plain:
        answer = plain.post(POOLS, json={"name": named("p"), "arms": arms()})
    assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPES")


@pytest.mark.row(62)
def test_what_is_unknown_is_404(client: Client) -> None:
    for call in (
        client.pool.get,
        client.experiment.get,
        client.gate.get,
        client.pool.delete,
        client.experiment.delete,
        client.gate.delete,
    ):
        with refused("NotFoundError", 404) as caught:
            call("never-made")
        assert caught[0].detail


@pytest.mark.row(64)
@only_http
def test_a_body_of_the_wrong_form_is_422(client: Client) -> None:
    for body in (
        {"arms": arms()},
        {"name": 7, "arms": arms()},
        {"name": named("p"), "arms": [{"name": None}]},
        {"name": named("p"), "arms": []},
    ):
        with refused("UnprocessableEntityError", 422) as caught:
            client.call("post", POOLS, body=body)
        (problem, *_) = caught[0].context["errors"]
        assert set(problem) >= {"loc", "msg", "type"}
        assert isinstance(problem["loc"], list)
        # flattened by the client, which it can do with this form only
        assert str(caught[0].detail).endswith(problem["msg"])


@pytest.mark.row(64)
def test_422_is_not_enveloped(plain: httpx.Client) -> None:
    for url, body in (
        (POOLS, {"arms": []}),
        (SELECT, {"context": {"id": "x"}}),
        ("/api/v1/agent/feedback", {"request_id": "x", "reward": "much"}),
    ):
        answer = plain.post(url, json=body)
        assert answer.status_code == 422
        assert set(answer.json()) == {"detail"}
        for problem in answer.json()["detail"]:
            assert set(problem) == {"loc", "msg", "type"}
            assert problem["loc"][0] == "body"


@pytest.mark.row(64)
@only_grpc
def test_a_request_of_the_wrong_form_is_400_on_grpc(client: Client) -> None:
    with refused("BadRequestError", 400):
        client.pool.create("", arms())
    with refused("BadRequestError", 400):
        client.policy.list(reward_type="categorical")


@pytest.fixture(scope="module")
def small_plan(beside: Callable[..., Beside]) -> Place:
    """Where a new tenant may call 20 times a minute."""
    return beside(PROXY_PLAN_LIMITS="free:20/0/0").place


@pytest.mark.row(65)
def test_too_many_calls_are_429(connect: Connect, small_plan: Place) -> None:
    client = connect(small_plan.register(), at=small_plan)

    def limited() -> Any:
        try:
            with refused("RateLimitedError", 429) as caught:
                client.policy.list()
        except AssertionError as error:
            assert "no RateLimitedError" in str(error)
        return caught

    found: list[Any] = []
    eventually(lambda: found or found.extend(limited()))
    retry_after = found[0].retry_after
    assert retry_after is not None
    assert 1 <= retry_after <= 60
    assert retry_after == int(retry_after)
    with refused("RateLimitedError", 429):
        client.agent.select("any", {"id": "x"})


@pytest.mark.row(65, 58)
def test_retry_after_is_whole_seconds(small_plan: Place) -> None:
    with small_plan.plain(small_plan.register()) as plain:
        eventually(lambda: plain.get("/api/v1/policies").status_code == 429)
        answer = plain.get("/api/v1/policies")
    assert answer.json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
