"""Rows 42 to 49 and 52: select."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_http
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import SCHEMA
from tests.contract.test_experiments import running
from tests.system.running import eventually

FALLBACK = {"id": "none", "name": "fallback", "index": 7}
SELECT = "/api/v1/agent/select"


@pytest.mark.row(42, 43, 44)
def test_an_id_is_enough_to_select(client: Client) -> None:
    made = running(client)
    arms_of = {(arm.id, arm.name, arm.index) for arm in made.pool.arms}
    contexts: list[dict[str, Any]] = [
        {"id": "someone"},
        {"id": ""},
        {"id": "someone", "metadata": {"plan": "pro", "age": 20, "none": None}},
        {"id": "someone", "vector": [0.5, 1.0]},
        {"id": "someone", "properties": {"device": "mobile", "nested": [None, {}]}},
    ]
    for context in contexts:
        chosen = client.agent.select(made.id, context)
        assert (chosen.arm.id, chosen.arm.name, chosen.arm.index) in arms_of
        assert chosen.request_id
        assert chosen.is_default is False
        assert chosen.is_fallback is False


@pytest.mark.row(43, 52)
def test_the_reply_is_never_empty(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = plain.post("/api/v1/experiments", json=body).json()
    asked = {"experiment_id": made["id"], "context": {"id": "someone"}}
    for enabled in (True, False):
        plain.patch(f"/api/v1/experiments/{made['id']}", json={"enabled": enabled})

        def settled(enabled: bool = enabled) -> bool:
            answer = plain.post(SELECT, json=asked)
            assert answer.status_code == 200
            found = answer.json()
            assert set(found) == {"arm", "request_id", "is_default"}
            assert set(found["arm"]) == {"id", "name", "index"}
            return (found["request_id"] is not None) is enabled

        eventually(settled)


@pytest.mark.row(44)
def test_a_paused_experiment_answers_without_a_token(client: Client) -> None:
    made = running(client, enabled=False)
    chosen = client.agent.select(made.id, {"id": "someone"})
    assert chosen.request_id is None
    assert chosen.is_default is True
    assert chosen.arm.index == 0
    # and the client sends nothing for it
    client.agent.feedback(chosen.request_id, 1)


@pytest.mark.row(44)
def test_a_gated_selection_has_a_token(client: Client) -> None:
    made = running(client)
    default = made.pool.arms[1]
    client.gate.create(made.id, enabled=False, default_arm_id=default.id)

    def is_gated() -> bool:
        return bool(client.agent.select(made.id, {"id": "someone"}).is_default)

    eventually(is_gated)
    chosen = client.agent.select(made.id, {"id": "someone"})
    assert (chosen.arm.id, chosen.arm.index) == (default.id, default.index)
    assert chosen.request_id
    client.agent.feedback(chosen.request_id, 1)


@pytest.mark.row(45, 62)
def test_an_unknown_experiment_is_no_outage(client: Client) -> None:
    with refused("NotFoundError", 404):
        client.agent.select("never-made", {"id": "someone"}, fallback=FALLBACK)


@pytest.fixture(scope="module")
def without_motor(beside: Callable[..., Beside], place: Place) -> Place:
    """A proxy whose motor is away."""
    # something answers there, and it is no motor
    return beside(PROXY_MOTOR_PORT=place.up.environ["CORTEX_GRPC_PORT"]).place


@pytest.mark.row(46, 67)
def test_without_a_motor_the_fallback_is_taken(
    connect: Connect, caller: Caller, without_motor: Place
) -> None:
    made = running(connect(caller))
    client = connect(caller, at=without_motor)
    with refused("ServiceUnavailableError", 503):
        client.agent.select(made.id, {"id": "someone"})
    chosen = client.agent.select(made.id, {"id": "someone"}, fallback=FALLBACK)
    assert chosen.is_fallback is True
    assert chosen.arm.name == "fallback"


@pytest.fixture(scope="module")
def narrow(beside: Callable[..., Beside]) -> Place:
    """A proxy that has one select in flight at most."""
    return beside(PROXY_MAX_IN_FLIGHT="1").place


@pytest.mark.row(46)
def test_an_overloaded_proxy_says_so_at_once(
    connect: Connect, caller: Caller, narrow: Place
) -> None:
    """Many at once at a narrow proxy: answers and refusals, nothing else."""
    made = running(connect(caller))
    client = connect(caller, at=narrow)
    client.agent.select(made.id, {"id": "first"})
    refusals = {"RateLimitedError": 429, "ServiceUnavailableError": 503}
    seen = set()
    for _ in range(20):
        calls = [([made.id, {"id": str(each)}], {}) for each in range(32)]
        for answer in client.many("agent.select", calls):
            if "error" in answer:
                kind = answer.error.kinds[0]
                assert answer.error.status_code == refusals[kind], answer.error
                seen.add(kind)
            else:
                assert answer.value.arm.name in {"blue", "green"}
        if seen:
            break
    assert seen, "it was never overloaded"


@pytest.mark.row(47)
def test_answers_come_within_the_budget(client: Client) -> None:
    made = running(client)
    client.agent.select(made.id, {"id": "first"})
    late = 0
    for each in range(20):
        try:
            client.agent.select(made.id, {"id": str(each)}, timeout=0.3)
        except Exception as error:
            assert "QbrixTimeoutError" in str(error)
            late += 1
    # a machine that is busy otherwise may lose one or two
    assert late <= 5


@pytest.mark.row(48, 59)
def test_properties_are_encoded_by_the_schema(client: Client) -> None:
    params = {"context_schema": SCHEMA}
    made = running(client, policy="LinUCBPolicy", policy_params=params)
    good = {"device": "mobile", "price": 20, "member": True}

    def select(**context: Any) -> Any:
        return client.agent.select(made.id, {"id": "someone", **context})

    assert select(properties=good).request_id
    assert select(properties={**good, "device": "a new one", "more": 1}).request_id
    assert select(vector=[1, 1, 0, 0, 0.2, 1]).request_id
    for bad in ({**good, "price": "20"}, {"device": "mobile"}, {**good, "member": 3}):
        with refused("BadRequestError", 400):
            select(properties=bad)
    for wrong in ([1.0], [0.0] * 7):
        with refused("BadRequestError", 400):
            select(vector=wrong)


@pytest.mark.row(49)
def test_one_kind_of_features_is_given(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "LinUCBPolicy"}
    body["policy_params"] = {"context_schema": SCHEMA}
    made = plain.post("/api/v1/experiments", json=body).json()
    properties = {"device": "mobile", "price": 20, "member": True}
    context = {"id": "x", "vector": [0.0] * 6, "properties": properties}
    asked = {"experiment_id": made["id"], "context": context}
    answer = plain.post(SELECT, json=asked)
    assert answer.status_code == 400
    assert answer.json()["code"] == "BAD_REQUEST"


@pytest.mark.row(52)
@only_http
def test_nothing_is_called_a_fallback(client: Client) -> None:
    made = running(client)
    body = {"experiment_id": made.id, "context": {"id": "someone"}}
    sent = client.call("post", SELECT, body=body)
    assert "is_fallback" not in sent
