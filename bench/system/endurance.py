"""Whether cortex's memory stays where it is over millions of events.

On an embedded Valkey and the real cortex process. The log is filled while it is
learned, so that what waits is bounded, and memory is read after a tenth of the events
and after all.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bench.processes import usage
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.drain import CHUNK
from bench.system.drain import Case
from bench.system.drain import chunk
from bench.system.drain import cortex
from bench.system.drain import experiments
from bench.system.drain import preload

from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.config import Limits
from qbrixstore.redis.gauges import ShardGauges

EVENTS: Final = 5_000_000
WAITING: Final = 100_000
CASE: Final = Case("BetaTSPolicy", experiments=20)


async def feed(client: RedisClient, gauges: ShardGauges, events: int) -> None:
    """Append so many, never far ahead of what is learned."""
    publisher = RedisStreamPublisher(client, await Layout.read(client))
    names = [one.id for one in experiments(CASE)]
    for start in range(0, events, CHUNK):
        await until(gauges, start - WAITING)
        some = chunk(CASE, names, start, min(CHUNK, events - start))
        await publisher.append(some)


async def until(gauges: ShardGauges, events: int) -> None:
    """Return once so many are learned."""
    while True:
        if (await gauges.counters())["handled"] >= events:
            return
        await asyncio.sleep(0.01)


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for the whole way."""
    events = EVENTS // 10 if length.quick else EVENTS
    with scratch_directory() as directory:
        async with (
            Valkey(directory / "redis", free_port(), "benchmark") as server,
            RedisClient(server.settings, Limits(reply=10)) as client,
        ):
            gauges = await preload(client, CASE, 0)
            log = directory / "cortex.log"
            async with cortex(server.settings, log) as process:
                feeding = asyncio.create_task(feed(client, gauges, events))
                await until(gauges, events // 10)
                early = usage(process).rss
                await feeding
                await until(gauges, events)
                late = usage(process).rss
    table = sheet.table(
        "Memory of cortex, BetaTS in 20 experiments",
        *("events", "MB after a tenth", "MB at the end", "grown by"),
    )
    grown = 100 * (late - early) / early
    sizes = [f"{size / 1e6:.0f}" for size in (early, late)]
    table.rows.append([f"{events:,}", *sizes, f"{grown:.1f} %"])
    sheet.values["cortex memory"] = grown
