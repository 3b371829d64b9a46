"""The motor as a process sees it: starting, stopping, outages, direct calls."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tests.motor.calls import PATIENCE
from tests.motor.calls import Stream
from tests.motor.calls import arms
from tests.motor.calls import group
from tests.motor.own_redis import OwnRedis
from tests.motor.store import TENANT
from tests.motor.store import Store
from tests.motor.store import deactivated
from tests.motor.store import definition
from tests.motor.store import taught

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from qbrixcli.embedded.ports import free_port
from qbrixcore.param import codec
from qbrixproto.common_pb2 import Context
from qbrixproto.common_pb2 import HealthCheckRequest
from qbrixproto.motor_pb2 import SelectRequest
from qbrixserving.server import Served
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import keys

SERVING = health_pb2.HealthCheckResponse.SERVING
LATE = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(server_directory / "redis")
    yield server
    await server.stop()


async def wait_ready(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        async with asyncio.timeout(PATIENCE):
            async for answer in stub.Watch(health_pb2.HealthCheckRequest()):
                if answer.status == SERVING:
                    return


async def health(port: int) -> int:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        return int(answer.status)


async def seeded(settings: RedisSettings) -> None:
    async with RedisClient(settings) as client:
        store = Store(client, await Layout.ensure(client))
        for policy in ("BetaTSPolicy", "EXP3Policy"):
            await store.publish(definition(policy, name=policy))


async def test_not_ready_before_redis_was_reached_once(own_redis: OwnRedis) -> None:
    await own_redis.start()
    await seeded(own_redis.settings)
    await own_redis.stop()
    settings = MotorSettings(grpc_port=0, redis=own_redis.settings)
    async with motor(settings) as served:
        assert await health(served.port) != SERVING
        async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await Stream.stub_of(channel).Select(
                    SelectRequest(tenant_id="t1", experiment_id="e1")
                )
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        await own_redis.start_again()
        await wait_ready(served.port)
        async with Stream(served.port) as stream:
            assert arms((await stream.ask(group("BetaTSPolicy", [1])))[1])


async def test_warm_selects_go_on_without_redis(own_redis: OwnRedis) -> None:
    await own_redis.start()
    await seeded(own_redis.settings)
    settings = MotorSettings(
        grpc_port=0,
        redis=own_redis.settings,
        param_cache_ttl=0.01,
        agent_cache_ttl=0.01,
    )
    async with motor(settings) as served, Stream(served.port) as stream:
        await stream.ask(group("BetaTSPolicy", [1]))
        await own_redis.stop()
        for _ in range(20):
            answers = await stream.ask(
                group("BetaTSPolicy", [1, 2]), group("EXP3Policy", [3])
            )
            assert len(arms(answers[1])) == 2
            assert answers[3].status == UNAVAILABLE
        assert await health(served.port) == SERVING
        await own_redis.start_again()
        answers = await stream.ask(group("EXP3Policy", [3]))
        while answers[3].status == UNAVAILABLE:
            answers = await stream.ask(group("EXP3Policy", [3]))
        assert arms(answers[3])


async def test_a_frozen_redis_holds_up_nobody_who_is_warm(own_redis: OwnRedis) -> None:
    await own_redis.start()
    await seeded(own_redis.settings)
    settings = MotorSettings(grpc_port=0, redis=own_redis.settings)
    async with motor(settings) as served, Stream(served.port) as stream:
        await stream.ask(group("BetaTSPolicy", [1]))
        own_redis.signal(signal.SIGSTOP)
        try:
            await stream.send(group("EXP3Policy", [2], remaining_ms=300))
            answers = {}
            for seq in range(10, 20):
                answers |= await stream.ask(group("BetaTSPolicy", [seq]))
            while 2 not in answers:
                answers |= await stream.answers()
            assert all(arms(answers[seq]) for seq in range(10, 20))
            assert answers[2].status in (LATE, UNAVAILABLE)
        finally:
            own_redis.signal(signal.SIGCONT)


async def test_a_lost_message_is_healed(
    store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    async with motor(MotorSettings(grpc_port=0, redis=redis_server)) as served:
        async with Stream(served.port) as stream:
            await stream.ask(group(known, [1]))
            await store.client.execute("CLIENT", "KILL", "TYPE", "pubsub")
            await store.publish(deactivated(known, 0, 1))
            answers = await stream.ask(group(known, [1]))
            while answers[1].definition_version == 1:
                answers = await stream.ask(group(known, [1]))
            assert arms(answers[1]) == [2]


async def test_params_that_nobody_told_of_are_found(
    store: Store, stream: Stream
) -> None:
    """The announcement of a commit never arrives, on a connection that stands."""
    known = await store.publish(definition())
    await stream.ask(group(known, [1]))
    stored = await store.params.get(TENANT, known.experiment)
    assert stored is not None
    better = taught(known, stored, arm=2, times=2_000)
    key = store.layout.params(TENANT, known.experiment)
    fields = ("v", better.header.version, "s", codec.encode(better))
    await store.client.execute("HSET", key, *fields)
    counter = keys.counter(keys.PARAMS)
    await store.client.execute("HINCRBY", store.layout.meta(0), counter, 1)
    async with asyncio.timeout(PATIENCE):
        while (answer := (await stream.ask(group(known, [1])))[1]).param_version == 0:
            pass
    assert answer.param_version == better.header.version
    assert arms(answer) == [2]


async def test_a_deleted_experiment_is_not_found_before_the_news_of_it(
    store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    await store.forget_params(known)
    settings = MotorSettings(grpc_port=0, redis=redis_server)
    async with motor(settings) as served, Stream(served.port) as stream:
        # the definition is in memory now, and no params
        answers = await stream.ask(group(known, [1]))
        assert answers[1].status == UNAVAILABLE
        await store.forget_definition(known)
        answers = await stream.ask(group(known, [2]))
        assert answers[2].status == NOT_FOUND


async def test_a_failure_behind_the_server_ends_the_process(
    store: Store, redis_server: RedisSettings
) -> None:
    await store.client.execute("SADD", store.layout.policies(0), b"\xff")
    environ = {
        "PATH": os.environ["PATH"],
        "MOTOR_GRPC_PORT": str(free_port()),
        "MOTOR_REDIS_HOST": redis_server.host,
        "MOTOR_REDIS_PORT": str(redis_server.port),
        "MOTOR_REDIS_PASSWORD": redis_server.password,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "motorsvc", env=environ, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"keeping the caches level failed, this process ends" in said
    assert b"Traceback" in said and b"UnicodeDecodeError" in said


async def test_draining_answers_what_was_read_and_ends_the_streams(
    store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    async with AsyncExitStack() as stack:
        running = motor(MotorSettings(grpc_port=0, redis=redis_server))
        served = await stack.enter_async_context(running)
        stream = await AsyncExitStack().enter_async_context(Stream(served.port))
        await stream.ask(group(known, [1]))
        cold = await store.publish(definition(name="cold"))
        await stream.send(group(cold, [2]))
        first = await stream.receive()
        assert first is not None and first.received == 2
    second = await stream.receive()
    assert second is not None
    assert [list(one.seqs) for one in second.groups] == [[2]]
    assert await stream.receive() is None
    await stream.__aexit__(None, None, None)


async def test_one_select_without_a_stream(store: Store, served: Served) -> None:
    await store.publish(definition("LinUCBPolicy", {"dim": 2}))
    await wait_ready(served.port)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        stub = Stream.stub_of(channel)
        request = SelectRequest(
            tenant_id="t1", experiment_id="e1", context=Context(vector=[1.0, 0.0])
        )
        answer = await stub.Select(request)
        index = answer.arm.index
        assert (answer.arm.id, answer.arm.name) == (f"a{index}", f"a{index}")
        assert answer.arm.is_active
        health = await stub.Health(HealthCheckRequest())
        assert health.status == health.SERVING


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (SelectRequest(tenant_id="t1", experiment_id="nope"), "NOT_FOUND"),
        (SelectRequest(tenant_id="t2", experiment_id="e1"), "NOT_FOUND"),
        (SelectRequest(), "NOT_FOUND"),
        (SelectRequest(tenant_id="t1", experiment_id="e1"), "INVALID_ARGUMENT"),
        (
            SelectRequest(
                tenant_id="t1",
                experiment_id="e1",
                context=Context(vector=[1.0, float("nan")]),
            ),
            "INVALID_ARGUMENT",
        ),
        (
            SelectRequest(
                tenant_id="t1", experiment_id="e1", context=Context(properties=Struct())
            ),
            "INVALID_ARGUMENT",
        ),
    ],
)
async def test_a_direct_select_that_cannot_succeed(
    store: Store, served: Served, request_: SelectRequest, code: str
) -> None:
    await store.publish(definition("LinUCBPolicy", {"dim": 2}))
    await wait_ready(served.port)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stream.stub_of(channel).Select(request_)
    assert refused.value.code().name == code
