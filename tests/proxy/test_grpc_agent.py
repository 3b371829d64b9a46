"""Select and feedback over gRPC, through a real motor, into the real log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import httpx
import msgspec
import pytest
from google.protobuf.struct_pb2 import Struct
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.app import Worker
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixproto import common_pb2 as common
from qbrixproto import proxy_pb2 as proxy
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout

SCHEMA = [{"type": "boolean", "name": "member"}]


@pytest.fixture
async def settings(
    settings: ProxySettings, redis_server: RedisSettings
) -> AsyncIterator[ProxySettings]:
    """A worker beside a motor that runs."""
    async with motor(MotorSettings(grpc_port=0, redis=redis_server), seed=1) as served:
        address = MotorAddress(port=served.port)
        yield msgspec.structs.replace(
            settings, motor=address, request_timeout_ms=10_000
        )


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


async def experiment(
    client: httpx.AsyncClient, pool: dict[str, object], **more: object
) -> str:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy", **more}
    answer = await client.post("/api/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def select(experiment_id: str, **context: object) -> proxy.SelectRequest:
    given = common.Context(id="somebody", **context)  # type: ignore[arg-type]
    return proxy.SelectRequest(experiment_id=experiment_id, context=given)


async def logged(redis: RedisSettings) -> int:
    async with RedisClient(redis) as client:
        layout = await Layout.read(client)
        return int(await client.execute("XLEN", layout.log(0)))


async def test_a_choice_can_be_rewarded_on_either_wire(
    client: httpx.AsyncClient,
    calls: Calls,
    pool: dict[str, object],
    redis_server: RedisSettings,
) -> None:
    experiment_id = await experiment(client, pool)
    call = calls.Select(select(experiment_id, metadata={"plan": "pro"}))
    chosen = await call
    assert chosen.arm.name in {"red", "green"}
    assert chosen.arm.id
    assert chosen.request_id
    assert not chosen.is_default
    trailers = dict(await call.trailing_metadata())
    assert trailers["x-param-version"] == "0"
    assert trailers["x-request-id"]

    before = await logged(redis_server)
    request = proxy.FeedbackRequest(request_id=chosen.request_id, reward=1.0)
    assert (await calls.Feedback(request)).accepted
    assert await logged(redis_server) == before + 1
    again = {"request_id": chosen.request_id, "reward": 1}
    answer = await client.post("/api/v1/agent/feedback", json=again)
    assert (answer.status_code, answer.json()) == (201, {"accepted": True})
    assert await logged(redis_server) == before + 1


async def test_a_paused_experiment_gives_no_token(
    client: httpx.AsyncClient, calls: Calls, pool: dict[str, object]
) -> None:
    experiment_id = await experiment(client, pool, enabled=False)
    chosen = await calls.Select(select(experiment_id))
    assert (chosen.request_id, chosen.is_default) == ("", True)
    assert chosen.arm.index == 0


async def test_contexts_are_encoded_or_refused(
    client: httpx.AsyncClient, calls: Calls, pool: dict[str, object]
) -> None:
    by_schema = await experiment(
        client, pool, policy="LinUCBPolicy", policy_params={"context_schema": SCHEMA}
    )
    by_vector = await experiment(
        client, pool, name="v", policy="LinUCBPolicy", policy_params={"dim": 2}
    )
    member = Struct()
    member.update({"member": True})
    assert (await calls.Select(select(by_schema, properties=member))).request_id
    assert (await calls.Select(select(by_vector, vector=[0.5, 1.0]))).request_id
    for wrong in (
        select(by_schema),
        select(by_vector, vector=[0.5]),
        select(by_vector, vector=[0.5, float("nan")]),
        select(by_vector, vector=[0.5, 1.0], properties=member),
    ):
        code, _ = await refused(calls.Select(wrong))
        assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_refusals_have_their_status(
    client: httpx.AsyncClient, calls: Calls, pool: dict[str, object]
) -> None:
    nowhere, _ = await refused(calls.Select(select("0" * 32)))
    assert nowhere is grpc.StatusCode.NOT_FOUND
    chosen = await calls.Select(select(await experiment(client, pool)))
    for request_id, reward in (
        ("", 1.0),
        ("forged", 1.0),
        (chosen.request_id, 2.0),
        (chosen.request_id, float("nan")),
    ):
        request = proxy.FeedbackRequest(request_id=request_id, reward=reward)
        code, _ = await refused(calls.Feedback(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_deleted_experiment_is_not_selected_from(
    client: httpx.AsyncClient, calls: Calls, pool: dict[str, object]
) -> None:
    experiment_id = await experiment(client, pool)
    chosen = await calls.Select(select(experiment_id))
    await client.delete(f"/api/v1/experiments/{experiment_id}")
    code, _ = await refused(calls.Select(select(experiment_id)))
    assert code is grpc.StatusCode.NOT_FOUND
    request = proxy.FeedbackRequest(request_id=chosen.request_id, reward=1.0)
    code, _ = await refused(calls.Feedback(request))
    assert code is grpc.StatusCode.NOT_FOUND
