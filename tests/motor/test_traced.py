"""Selects as spans of the traces they belong to."""

from __future__ import annotations

import pytest
from tests.collector import collecting
from tests.motor.calls import Stream
from tests.motor.calls import group
from tests.motor.store import Store
from tests.motor.store import definition

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from qbrixserving.tracing.settings import TracingSettings
from qbrixstore.redis import RedisSettings

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
UNSAMPLED = f"00-{'1' * 32}-{SPAN}-00"


@pytest.mark.parametrize("way", ["cold", "warm"])
async def test_those_with_a_traceparent_are_spans(
    way: str, store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    asked = group(known, [1, 2, 3, 4])
    asked.traceparents.extend(["", SAMPLED, UNSAMPLED, "nonsense"])
    with collecting() as collector:
        settings = MotorSettings(
            grpc_port=0,
            redis=redis_server,
            tracing=TracingSettings(to="otlp", endpoint=collector.url, ratio=0.0),
        )
        async with motor(settings) as served, Stream(served.port) as stream:
            if way == "warm":
                await stream.ask(group(known, [9]))
            assert set(await stream.ask(asked)) == {1, 2, 3, 4}
    (span,) = collector.spans
    assert (span.service, span.name) == ("motor", "select")
    assert (span.trace, span.parent) == (TRACE, SPAN)
    assert span.attributes["qbrix.way"] == way
    assert span.attributes["qbrix.experiment_id"] == known.experiment


async def test_without_tracing_a_traceparent_changes_nothing(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition())
    asked = group(known, [1, 2])
    asked.traceparents.extend(["", SAMPLED])
    assert set(await stream.ask(asked)) == {1, 2}


async def test_spans_that_cannot_be_sent_hold_up_nothing(
    store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    asked = group(known, [1])
    asked.traceparents.append(SAMPLED)
    with collecting() as gone:
        pass
    settings = MotorSettings(
        grpc_port=0,
        redis=redis_server,
        tracing=TracingSettings(to="otlp", endpoint=gone.url),
    )
    async with motor(settings) as served, Stream(served.port) as stream:
        assert set(await stream.ask(asked)) == {1}
