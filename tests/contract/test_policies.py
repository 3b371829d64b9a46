"""Rows 54 to 57: policies, runtime and insight; 72 and 73: many at once, and much."""

from __future__ import annotations

import grpc
import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.system.running import eventually

from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

NAMES = {
    *("BetaTSPolicy", "DiscountedTSPolicy", "GaussianTSPolicy", "DirichletTSPolicy"),
    *("LinTSPolicy", "LogisticTSPolicy", "UCB1TunedPolicy", "KLUCBPolicy"),
    *("KLUCBPlusPolicy", "LinUCBPolicy", "GLMUCBPolicy", "EpsilonPolicy"),
    *("MOSSPolicy", "MOSSAnyTimePolicy", "EXP3Policy", "EXP3IXPolicy", "FPLPolicy"),
    *("RandomPolicy", "MetaBanditPolicy"),
}
RUNTIME = ("redis_health", "motor_health", "cortex_health")


@pytest.mark.row(54)
def test_policies_tell_what_they_take(client: Client) -> None:
    every = client.policy.list()
    assert every
    for policy in every:
        assert policy.model == "Policy"
        assert policy.name and policy.category and policy.description
        assert set(policy.reward_types) <= {"binary", "bounded", "continuous"}
        for param in policy.user_params:
            assert param.name and param.type
            assert isinstance(param.required, bool)
            assert all(value is not None for value in param.constraints.values())
    for reward_type in ("binary", "bounded", "continuous"):
        found = {policy.name for policy in client.policy.list(reward_type=reward_type)}
        assert found == {
            policy.name for policy in every if reward_type in policy.reward_types
        }
    kind = ("BadRequestError", 400) if client.is_grpc else INVALID
    with refused(*kind):
        client.policy.list(reward_type="categorical")


INVALID = ("UnprocessableEntityError", 422)


@pytest.mark.row(55)
def test_the_published_names_are_there(client: Client) -> None:
    every = {policy.name: policy for policy in client.policy.list()}
    assert set(every) >= NAMES
    assert len(NAMES) == 19
    for policy in every.values():
        for param in policy.user_params:
            assert set(param.constraints) <= {"gt", "gte", "lt", "lte"}
    params = {
        (policy.name, param.name): param
        for policy in every.values()
        for param in policy.user_params
    }
    alpha = params["BetaTSPolicy", "alpha_prior"]
    assert (alpha.type, alpha.required, alpha.default) == ("number", False, 1.0)
    assert alpha.constraints == {"gt": 0}
    horizon = params["MOSSPolicy", "horizon"]
    assert (horizon.type, horizon.required) == ("integer", True)
    assert ("LinUCBPolicy", "dim") in params
    assert params["LinUCBPolicy", "dim"].type == "integer"
    assert params["EXP3Policy", "gamma"].default == pytest.approx(0.1)


@pytest.mark.row(56)
@only_http
def test_the_parts_are_well(client: Client) -> None:
    for name in RUNTIME:
        health = getattr(client.runtime, name)()
        assert health.model == "ServiceHealth"
        assert health.service == name.partition("_")[0]
        assert health.status == "ok"
    size = client.runtime.stream_size()
    assert (size.model, type(size["len"])) == ("StreamSize", int)


@pytest.mark.row(56)
def test_the_keys_are_exact(plain: httpx.Client) -> None:
    for name in ("redis", "motor", "cortex"):
        answer = plain.get(f"/api/v1/runtime/{name}/health")
        assert answer.status_code == 200
        assert answer.json() == {"service": name, "status": "ok"}
    answer = plain.get("/api/v1/runtime/redis/stream/size")
    assert (answer.status_code, set(answer.json())) == (200, {"len"})


@pytest.mark.row(56)
@only_grpc
def test_the_parts_are_asked_over_http(client: Client) -> None:
    with refused("GRPCRouteNotImplementedError", None):
        client.runtime.redis_health()


@pytest.mark.row(57)
def test_insight_counts(connect: Connect, caller: Caller, place: Place) -> None:
    client = connect(caller)
    made = running(client)
    url = f"/api/v1/insight/experiment/{made.id}"
    integers = ("total_selections", "default_selections", "total_feedback")
    with place.plain(caller) as plain:
        empty = plain.get(url).json()
        assert all(empty[name] == 0 for name in (*integers, "unique_contexts"))
        for number in range(6):
            chosen = client.agent.select(made.id, {"id": f"user-{number % 3}"})
            client.agent.feedback(chosen.request_id, number % 2)

        def counted() -> bool:
            found = plain.get(url).json()
            assert all(type(found[name]) is int for name in integers)
            return (found["total_selections"], found["total_feedback"]) == (6, 6)

        eventually(counted)
        found = plain.get(url).json()
        shown = plain.get(f"{url}/arms").json()["arms"]
        assert plain.get("/api/v1/insight/experiment/never").status_code == 404
    assert found["unique_contexts"] == 3
    assert found["avg_reward"] == pytest.approx(0.5)
    assert found["first_selection_ms"] <= found["last_selection_ms"]
    assert [(one["arm_index"], one["arm_name"]) for one in shown] == [
        (arm.index, arm.name) for arm in made.pool.arms
    ]
    assert sum(one["selections"] for one in shown) == 6
    assert sum(one["feedback_count"] for one in shown) == 6


@pytest.mark.row(72)
def test_many_calls_at_once_are_all_answered(client: Client) -> None:
    made = running(client)
    client.agent.select(made.id, {"id": "first"})
    calls = [([made.id, {"id": f"user-{each}"}], {}) for each in range(100)]
    chosen = client.many("agent.select", calls)
    assert [one for one in chosen if "error" in one] == []
    tokens = {one.value.request_id for one in chosen}
    assert len(tokens) == 100
    rewards = [([token, 1], {}) for token in tokens]
    assert [
        one for one in client.many("agent.feedback", rewards) if "error" in one
    ] == []


@pytest.mark.row(73)
def test_large_lists_page(connect: Connect, place: Place) -> None:
    """More than fits into four MiB together, and every page does."""
    client = connect(place.caller())
    for _ in range(6):
        metadata = {"text": "x" * 1_000_000}
        client.pool.create(named("p"), [{"name": "a", "metadata": metadata}])
    assert len(client.pool.list(limit=2)["items"]) == 2
    assert len(client.pool.iter_all(limit=2)) == 6


@pytest.mark.row(73)
@pytest.mark.wires("raw grpc")
def test_a_request_may_not_be_larger(place: Place, caller: Caller) -> None:
    with grpc.insecure_channel(place.grpc) as channel:
        stub = ProxyServiceStub(channel)
        request = proxy_pb2.CreatePoolRequest(name="x" * (5 << 20))
        with pytest.raises(grpc.RpcError) as caught:
            stub.CreatePool(request, metadata=(("x-api-key", caller.key),), timeout=10)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        # and the connection is still good
        stub.ListPolicies(
            proxy_pb2.ListPoliciesRequest(), metadata=(("x-api-key", caller.key),)
        )
