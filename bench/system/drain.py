"""How fast cortex drains a log that is already there, commits included.

On an embedded Valkey and the real cortex process for each policy: events per second
from the first commit to the last, CPU time an event, and memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from bench.processes import usage
from bench.sheet import Length
from bench.sheet import Sheet

from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.policy.registry import find_spec
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.redis import Definitions
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.config import Limits
from qbrixstore.redis.gauges import ShardGauges

ARMS = 10
TENANT = "bench"
CHUNK = 8_192
EVENTS = 400_000


class Case(NamedTuple):
    """A policy, its features, over how many experiments the events spread; a target."""

    policy: str
    dim: int = 0
    experiments: int = 1
    asked: str = ""


CASES = (
    Case("BetaTSPolicy", asked="drain beta"),
    Case("BetaTSPolicy", experiments=20),
    Case("EXP3Policy"),
    Case("LinUCBPolicy", dim=16, asked="drain linucb"),
    Case("LinUCBPolicy", dim=16, experiments=20),
)


def experiments(case: Case) -> list[Experiment]:
    arms = tuple(Arm(f"a{i}", f"arm {i}", i) for i in range(ARMS))
    params: dict[str, object] = {"dim": case.dim} if case.dim else {}
    return [
        Experiment(
            id=f"e{number:031x}",
            name=f"e{number}",
            pool=Pool("p", "pool", arms),
            policy=case.policy,
            policy_params=params,
        )
        for number in range(case.experiments)
    ]


def chunk(case: Case, names: list[str], start: int, count: int) -> list[FeedbackEvent]:
    """Events as the proxy would publish them."""
    rng = np.random.default_rng(start)
    arms = rng.integers(0, ARMS, count).tolist()
    rewards = rng.integers(0, 2, count).astype(float).tolist()
    vectors = rng.normal(size=(count, case.dim)).astype("<f4")
    now = int(time.time() * 1_000)
    return [
        FeedbackEvent(
            issuer=2**63 + 1,
            sequence=start + row,
            tenant=TENANT,
            experiment=names[row % len(names)],
            generation=0,
            arm=arms[row],
            reward=rewards[row],
            propensity=0.1,
            vector=vectors[row].tobytes() if case.dim else None,
            issued_ms=now,
            received_ms=now,
        )
        for row in range(count)
    ]


async def preload(client: RedisClient, case: Case, events: int) -> ShardGauges:
    """Definitions, first params and the whole log."""
    await client.execute("FLUSHALL")
    layout = await Layout.ensure(client)
    definitions, publisher = (
        Definitions(client, layout),
        RedisStreamPublisher(client, layout),
    )
    spec = find_spec(case.policy)
    ours = experiments(case)
    for one in ours:
        prior = codec.fresh(spec, spec.validate(one.policy_params), ARMS)
        await definitions.publish(make_definition(TENANT, one, 1), prior)
    for start in range(0, events, CHUNK):
        size = min(CHUNK, events - start)
        await publisher.append(chunk(case, [one.id for one in ours], start, size))
    return ShardGauges(client, layout)


@asynccontextmanager
async def cortex(redis: RedisSettings, log: Path) -> AsyncIterator[psutil.Process]:
    """The real process with default settings."""
    variables = {
        **os.environ,
        "CORTEX_GRPC_PORT": str(free_port()),
        "CORTEX_REDIS_HOST": redis.host,
        "CORTEX_REDIS_PORT": str(redis.port),
        "CORTEX_REDIS_PASSWORD": redis.password,
    }
    with log.open("a") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cortexsvc", env=variables, stderr=file, stdout=file
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def drain(
    gauges: ShardGauges, process: psutil.Process, events: int
) -> tuple[float, list[str]]:
    """Wait for the first commit, then time the rest; the rate, and cells of a table."""

    async def handled(at_least: int) -> int:
        while True:
            now = (await gauges.counters())["handled"]
            if now >= at_least:
                return now
            await asyncio.sleep(0.002)

    first = await handled(1)
    begun, before = time.perf_counter(), usage(process)
    await handled(events)
    seconds, after = time.perf_counter() - begun, usage(process)
    rest = events - first
    spent = (after.cpu - before.cpu) / rest * 1e6
    rate = rest / seconds
    return rate, [f"{rate:,.0f}", f"{spent:.2f}", f"{after.rss / 1e6:.0f}"]


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each case."""
    table = sheet.table(
        "Cortex on a log that is already there, 10 arms",
        *("policy, features", "experiments", "events/s", "CPU µs an event"),
        "resident MB",
    )
    events = EVENTS // 10 if length.quick else EVENTS
    with scratch_directory() as directory:
        async with Valkey(directory / "redis", free_port(), "benchmark") as server:
            async with RedisClient(server.settings, Limits(reply=10)) as client:
                for case in CASES:
                    gauges = await preload(client, case, events)
                    log = directory / "cortex.log"
                    async with cortex(server.settings, log) as process:
                        rate, cells = await drain(gauges, process, events)
                    name = f"{case.policy.removesuffix('Policy')}, {case.dim}"
                    table.rows.append([name, str(case.experiments), *cells])
                    if case.asked:
                        sheet.values[case.asked] = rate
