"""Pools, experiments and policies over gRPC, as the published client reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import httpx
import pytest
from google.protobuf.struct_pb2 import Struct
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.app import Worker
from qbrixproto import common_pb2 as common
from qbrixproto import proxy_pb2 as proxy

SCHEMA = [
    {"type": "categorical", "name": "device", "values": ["phone", "desk"]},
    {"type": "numeric", "name": "age", "min": 0, "max": 100},
    {"type": "boolean", "name": "member"},
]
NOTHING = "0" * 32


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


@pytest.fixture
async def pool(calls: Calls) -> common.Pool:
    arms = [common.Arm(name="red", metadata={"n": "20"}), common.Arm(name="green")]
    request = proxy.CreatePoolRequest(name="colours", arms=arms)
    made: common.Pool = (await calls.CreatePool(request)).pool
    return made


def params(**given: object) -> Struct:
    struct = Struct()
    struct.update(given)
    return struct


def new(pool: common.Pool, **more: object) -> proxy.CreateExperimentRequest:
    given = {"name": "e", "pool_id": pool.id, "policy": "BetaTSPolicy", "enabled": True}
    return proxy.CreateExperimentRequest(**{**given, **more})  # type: ignore[arg-type]


async def test_a_pool_shows_active_arms(calls: Calls, pool: common.Pool) -> None:
    assert [(arm.name, arm.index, arm.is_active) for arm in pool.arms] == [
        ("red", 0, True),
        ("green", 1, True),
    ]
    assert dict(pool.arms[0].metadata) == {"n": "20"}
    assert pool.created_at
    assert pool.updated_at
    got = await calls.GetPool(proxy.GetPoolRequest(pool_id=pool.id))
    assert got.pool == pool


async def test_values_of_any_type_are_text_on_this_wire(
    client: httpx.AsyncClient, calls: Calls
) -> None:
    metadata = {"text": "a", "number": 2, "on": True, "list": [1]}
    arms = [{"name": "a", "metadata": metadata}]
    made = await client.post("/api/v1/pools", json={"name": "typed", "arms": arms})
    got = await calls.GetPool(proxy.GetPoolRequest(pool_id=made.json()["id"]))
    shown = dict(got.pool.arms[0].metadata)
    assert shown == {"text": "a", "number": "2", "on": "true", "list": "[1]"}


async def test_pages_echo_the_limit_in_use(calls: Calls, pool: common.Pool) -> None:
    listed = await calls.ListPools(proxy.ListPoolsRequest())
    assert (listed.limit, listed.offset) == (100, 0)
    assert list(listed.pools) == [pool]
    some = await calls.ListPools(proxy.ListPoolsRequest(limit=7, offset=1))
    assert (some.limit, some.offset, len(some.pools)) == (7, 1, 0)
    for wrong in ({"limit": 1001}, {"limit": -1}, {"offset": -1}):
        request = proxy.ListPoolsRequest(**wrong)
        code, _ = await refused(calls.ListPools(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_renaming_depends_on_presence(calls: Calls, pool: common.Pool) -> None:
    same = await calls.UpdatePool(proxy.UpdatePoolRequest(pool_id=pool.id))
    assert same.pool == pool
    request = proxy.UpdatePoolRequest(pool_id=pool.id, name="new")
    assert (await calls.UpdatePool(request)).pool.name == "new"
    blank = proxy.UpdatePoolRequest(pool_id=pool.id, name="")
    code, _ = await refused(calls.UpdatePool(blank))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_whole_numbers_become_integers_again(
    calls: Calls, client: httpx.AsyncClient, pool: common.Pool
) -> None:
    request = new(
        pool, policy="LinUCBPolicy", policy_params_json=params(dim=6, alpha=0.5)
    )
    made = await calls.CreateExperiment(request)
    shown = await client.get(f"/api/v1/experiments/{made.experiment.id}")
    given = shown.json()["policy_params"]
    assert given == {"dim": 6, "alpha": 0.5}
    assert isinstance(given["dim"], int)
    assert dict(made.experiment.policy_params) == {"dim": "6", "alpha": "0.5"}
    assert made.experiment.policy_params_json["dim"] == 6.0


async def test_answers_carry_the_pool_and_no_gate(
    calls: Calls, pool: common.Pool
) -> None:
    schema = params(context_schema=SCHEMA)
    request = new(pool, policy="LinUCBPolicy", policy_params_json=schema)
    made = await calls.CreateExperiment(request)
    experiment = made.experiment
    assert experiment.policy_params_json["dim"] == 6.0
    assert experiment.enabled
    assert experiment.created_at
    read = proxy.GetExperimentRequest(experiment_id=experiment.id)
    change = proxy.UpdateExperimentRequest(experiment_id=experiment.id)
    of_pool = proxy.ListPoolExperimentsRequest(pool_id=pool.id)
    listed = await calls.ListExperiments(proxy.ListExperimentsRequest())
    assert (listed.limit, listed.offset) == (100, 0)
    on_pool = await calls.ListPoolExperiments(of_pool)
    assert list(listed.experiments) == list(on_pool.experiments) == [experiment]
    for answer in (
        made,
        await calls.GetExperiment(read),
        await calls.UpdateExperiment(change),
        *listed.items,
        *on_pool.items,
    ):
        assert answer.experiment == experiment
        assert [arm.name for arm in answer.pool.arms] == ["red", "green"]
        assert not answer.HasField("feature_gate")


async def test_updates_depend_on_presence(calls: Calls, pool: common.Pool) -> None:
    older = {"alpha_prior": "2", "beta_prior": "3.5"}
    made = await calls.CreateExperiment(new(pool, policy_params=older))
    experiment_id = made.experiment.id
    assert made.experiment.policy_params_json["alpha_prior"] == 2.0

    async def update(**given: object) -> common.Experiment:
        request = proxy.UpdateExperimentRequest(experiment_id=experiment_id, **given)  # type: ignore[arg-type]
        updated: common.Experiment = (await calls.UpdateExperiment(request)).experiment
        return updated

    paused = await update(enabled=False)
    assert not paused.enabled
    assert paused.policy_params == made.experiment.policy_params
    tuned = await update(policy_params_json=params(alpha_prior=5))
    assert not tuned.enabled
    assert dict(tuned.policy_params) == {"alpha_prior": "5"}

    paused_only = proxy.ListExperimentsRequest(enabled=False)
    running_only = proxy.ListExperimentsRequest(enabled=True)
    assert len((await calls.ListExperiments(paused_only)).items) == 1
    assert len((await calls.ListExperiments(running_only)).items) == 0
    found = proxy.ListExperimentsRequest(search="E")
    assert len((await calls.ListExperiments(found)).items) == 1


async def test_auto_needs_to_be_told_nothing(calls: Calls, pool: common.Pool) -> None:
    made = (await calls.CreateExperiment(new(pool, policy="auto"))).experiment
    assert (made.policy, dict(made.policy_params_json)) == ("auto", {})
    given = params(context_schema=SCHEMA, reward_type="binary")
    schemed = new(pool, name="s", policy="auto", policy_params_json=given)
    shown = (await calls.CreateExperiment(schemed)).experiment.policy_params_json
    assert shown["dim"] == 6


async def test_refusals_have_their_status(calls: Calls, pool: common.Pool) -> None:
    made = (await calls.CreateExperiment(new(pool))).experiment
    cases = [
        (calls.GetPool(proxy.GetPoolRequest(pool_id=NOTHING)), "NOT_FOUND"),
        (calls.GetPool(proxy.GetPoolRequest()), "NOT_FOUND"),
        (
            calls.GetExperiment(proxy.GetExperimentRequest(experiment_id="x")),
            "NOT_FOUND",
        ),
        (calls.CreateExperiment(new(pool)), "ALREADY_EXISTS"),
        (
            calls.DeletePool(proxy.DeletePoolRequest(pool_id=pool.id)),
            "FAILED_PRECONDITION",
        ),
        (calls.CreatePool(proxy.CreatePoolRequest(name="x")), "INVALID_ARGUMENT"),
        (
            calls.CreateExperiment(
                new(pool, policy="auto", policy_params_json=params(use_context=True))
            ),
            "INVALID_ARGUMENT",
        ),
        (
            calls.CreateExperiment(
                new(pool, name="n", policy_params_json=params(alpha_prior=float("nan")))
            ),
            "INVALID_ARGUMENT",
        ),
        (
            calls.CreateExperiment(
                new(pool, name="g", feature_gate={"rollout_percentage": 101.0})
            ),
            "INVALID_ARGUMENT",
        ),
        (
            calls.ListPolicies(proxy.ListPoliciesRequest(reward_type="fuzzy")),
            "INVALID_ARGUMENT",
        ),
        (
            calls.GetGateConfig(proxy.GetGateConfigRequest(experiment_id=made.id)),
            "NOT_FOUND",
        ),
    ]
    for call, status in cases:
        code, details = await refused(call)
        assert code.name == status, details
        assert details


async def test_what_is_deleted_is_gone(calls: Calls, pool: common.Pool) -> None:
    made = (await calls.CreateExperiment(new(pool))).experiment
    request = proxy.DeleteExperimentRequest(experiment_id=made.id)
    assert (await calls.DeleteExperiment(request)).deleted
    assert (await refused(calls.DeleteExperiment(request)))[0].name == "NOT_FOUND"
    gone = proxy.DeletePoolRequest(pool_id=pool.id)
    assert (await calls.DeletePool(gone)).deleted


async def test_policies_have_defaults_and_constraints(calls: Calls) -> None:
    listed = await calls.ListPolicies(proxy.ListPoliciesRequest())
    by_name = {policy.name: policy for policy in listed.policies}
    alpha = {p.name: p for p in by_name["BetaTSPolicy"].user_params}["alpha_prior"]
    assert alpha.default.number_value == 1.0
    assert dict(alpha.constraints) == {"gt": 0.0}
    dim = {p.name: p for p in by_name["LinUCBPolicy"].user_params}["dim"]
    assert (dim.type, dim.required) == ("integer", True)
    assert not dim.HasField("default")


async def test_keys_are_checked_on_this_wire_too(
    worker: Worker, engine: AsyncEngine, admin: Person, pool: common.Pool
) -> None:
    viewer = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    stranger = await add_person(engine)
    read = proxy.GetPoolRequest(pool_id=pool.id)
    for key, status in (
        (None, "UNAUTHENTICATED"),
        ("optiq_wrong", "UNAUTHENTICATED"),
        (stranger.key, "NOT_FOUND"),
    ):
        async with calls_to(worker, key) as calls:
            assert (await refused(calls.GetPool(read)))[0].name == status
    async with calls_to(worker, viewer.key) as calls:
        assert (await calls.GetPool(read)).pool == pool
        remove = proxy.DeletePoolRequest(pool_id=pool.id)
        assert (await refused(calls.DeletePool(remove)))[0].name == "PERMISSION_DENIED"
    async with calls_to(worker, None) as calls:
        health = await calls.Health(common.HealthCheckRequest())
        assert health.status == common.HealthCheckResponse.SERVING
