"""What a motor says about itself while it answers a stream."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.motor.calls import Stream
from tests.motor.calls import group
from tests.motor.store import Store
from tests.motor.store import definition

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from qbrixcli.embedded.ports import free_port
from qbrixstore.redis import RedisSettings


async def value(port: int, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels among theirs."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    found = [
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert found, name
    return sum(found)


async def becomes(wanted: float, port: int, name: str, **labels: str) -> None:
    """Return once a number is what it should be; gauges are told by the second."""
    for _ in range(300):
        if await value(port, name, **labels) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError((name, labels, await value(port, name, **labels)))


async def test_selects_are_counted_by_what_became_of_them(
    store: Store, redis_server: RedisSettings
) -> None:
    known = await store.publish(definition())
    port = free_port()
    settings = MotorSettings(grpc_port=0, metrics_port=port, redis=redis_server)
    async with motor(settings, seed=1) as served, Stream(served.port) as stream:
        await stream.ask(group(known, [1, 2, 3]))
        await stream.ask(group(known, [4, 5]), group("nowhere", [6]))
        assert await value(port, "qbrix_motor_frame_selects_sum") == 6
        assert await value(port, "qbrix_motor_frame_seconds_count") == 2
        policy = definition().policy
        assert await value(port, "qbrix_motor_selections_total", policy=policy) == 5
        assert await value(port, "qbrix_motor_groups_total", way="warm") == 1
        assert await value(port, "qbrix_motor_groups_total", way="cold") == 2
        assert await value(port, "qbrix_motor_cold_seconds_count") == 2
        refused = "qbrix_motor_refused_selects_total"
        assert await value(port, refused, code="NOT_FOUND") == 1
        assert await value(port, refused) == 1
        await becomes(1, port, "qbrix_motor_streams")
        await becomes(1, port, "qbrix_motor_held_experiments", cache="params")
        await becomes(0, port, "qbrix_motor_waiting_selects")
