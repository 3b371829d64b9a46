"""A log that holds as much as it may: 429 on both wires, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import msgspec
import pytest
from tests.proxy.grpc_calls import calls_to
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2
from qbrixstore.redis.consumer import RedisStreamConsumer

LIMIT = 3
READ = 100


@pytest.fixture
async def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, max_backlog=LIMIT)


@pytest.fixture
async def consumer(rest: Rest) -> AsyncIterator[RedisStreamConsumer]:
    """Whoever learns, with nothing left to do."""
    consumer = RedisStreamConsumer(rest.redis, rest.layout, "c-0")
    assert await consumer.acquire()
    await drain(consumer)
    yield consumer
    await drain(consumer)
    await consumer.release()


async def drain(consumer: RedisStreamConsumer) -> None:
    while (batch := await consumer.read(READ)).entries:
        await consumer.commit(batch)


async def full(rest: Rest, plain: dict[str, Any]) -> str:
    """A token whose feedback the log has no room for."""
    for _ in range(LIMIT):
        token = await rest.token(plain)
        assert (await rest.feedback(token, 1)).status_code == 201
    return await rest.token(plain)


async def test_what_is_refused_over_rest_is_learned_once_when_sent_again(
    rest: Rest, plain: dict[str, Any], consumer: RedisStreamConsumer
) -> None:
    token = await full(rest, plain)
    held = await rest.logged()
    for _ in range(2):
        refused = await rest.feedback(token, 1)
        assert refused.status_code == 429
        assert refused.json()["code"] == "RATE_LIMITED"
        assert int(refused.headers["retry-after"]) >= 1
    assert await rest.logged() == held
    await drain(consumer)
    for _ in range(2):
        assert (await rest.feedback(token, 1)).status_code == 201
    assert len(await rest.logged()) == 1


async def test_what_is_refused_over_grpc_is_learned_once_when_sent_again(
    rest: Rest,
    plain: dict[str, Any],
    consumer: RedisStreamConsumer,
    worker: Worker,
    admin: Person,
) -> None:
    token = await full(rest, plain)
    request = proxy_pb2.FeedbackRequest(request_id=token, reward=1.0)
    async with calls_to(worker, admin.key) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await calls.Feedback(request)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert ("retry-after", "1") in list(refused.value.trailing_metadata())
        await drain(consumer)
        for _ in range(2):
            await calls.Feedback(request)
    assert len(await rest.logged()) == 1


async def test_of_a_batch_each_is_refused_and_none_is_lost(
    rest: Rest, plain: dict[str, Any], consumer: RedisStreamConsumer
) -> None:
    tokens = [await full(rest, plain), await rest.token(plain)]
    refused = (await rest.feedback_batch(*((token, 1) for token in tokens))).json()
    assert [one["error"]["code"] for one in refused["results"]] == ["RATE_LIMITED"] * 2
    await drain(consumer)
    again = (await rest.feedback_batch(*((token, 1) for token in tokens * 2))).json()
    assert all(one["error"] is None for one in again["results"])
    assert len(await rest.logged()) == 2
