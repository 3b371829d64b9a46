"""Select over REST beside the echo, at several numbers of connections."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial

import httpx
from bench.load import Target
from bench.load import load
from bench.processes import find_worker
from bench.processes import largest
from bench.processes import loads
from bench.sheet import Length
from bench.sheet import Sheet
from bench.sheet import Table
from bench.system.experiments import new_target
from bench.system.place import ECHO
from bench.system.place import Place
from bench.system.place import echo
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import Seen
from bench.system.turns import ratio
from bench.system.turns import slower
from bench.system.turns import take_turns
from redis.asyncio import Redis

CONNECTIONS = (32, 1, 8, 128)
WARM_SELECTS = 1_000
COMMAND_ROUNDS = 5
LATENCIES = "p50, p99, p99.9 ms"


async def measure(length: Length, sheet: Sheet) -> None:
    """Rates, latencies, CPU time, memory, and what Redis is asked."""
    async with started() as place, echo() as address:
        target = await new_target(place)
        await beside_echo(place, target, address, length, sheet)
        sizes = {name: largest(group) for name, group in place.groups().items()}
        worker = place.groups()["proxy"][-1]
        compiled = [name for name in ("numba", "llvmlite") if loads(worker, name)]
        sheet.note(
            "Resident after that, MB: "
            + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
            + f". Compilers in the proxy: {', '.join(compiled) or 'none'}."
        )
        more = await store_commands(
            place, target, 1 if length.quick else COMMAND_ROUNDS
        )
        sheet.note(
            f"Redis is sent {more:.0f} commands more during {WARM_SELECTS:,} warm "
            "selects than in an equal idle time, the median."
        )


async def beside_echo(
    place: Place, target: Target, address: str, length: Length, sheet: Sheet
) -> None:
    """A row for each number of connections."""
    same = Target(address, target.body, {"Content-Type": "application/json"})
    table = sheet.table(
        "Select over REST beside the echo",
        *("connections", "select / echo", "select/s", LATENCIES, "CPU µs a select"),
        *("echo/s", LATENCIES, "CPU µs an echo"),
    )
    groups, echoing = place.groups(), {"echo": [find_worker(ECHO)]}
    await load(target, 32, 2)
    await load(same, 32, 1)
    for connections in CONNECTIONS:
        seen = await take_turns(
            {
                "echo": Runner(
                    partial(load, same, connections, length.seconds), echoing
                ),
                "select": Runner(
                    partial(load, target, connections, length.seconds), groups
                ),
            },
            length.rounds,
        )
        note_row(connections, seen["select"], seen["echo"], table, sheet)


def note_row(
    connections: int, ours: Seen, bare: Seen, table: Table, sheet: Sheet
) -> None:
    """The figures of one number of connections."""
    table.rows.append(
        [
            *(f"{connections}", f"{ratio(ours, bare):.3f}", f"{ours.rate:,.0f}"),
            *(ours.latencies(), ours.costs()),
            *(f"{bare.rate:,.0f}", bare.latencies(), f"{bare.micros('echo'):.1f}"),
        ]
    )
    if connections == 1:
        sheet.values["lone p50"] = slower(ours, bare)
        sheet.values["lone p99"] = ours.p99
    if connections == 32:
        sheet.values["select 32"] = ratio(ours, bare)
    if connections in (32, 128):
        for name in ("proxy", "motor"):
            sheet.values[f"{name} {connections}"] = ours.micros(name)


async def store_commands(place: Place, target: Target, rounds: int) -> float:
    """Commands that Redis was sent for warm selects, beyond those of idle time."""
    at, loop = place.redis, asyncio.get_running_loop()
    redis = Redis(host=at.host, port=at.port, password=at.password)
    async with (
        redis,
        httpx.AsyncClient(headers=target.headers, trust_env=False) as client,
    ):

        async def selects() -> None:
            for _ in range(WARM_SELECTS):
                answer = await client.post(target.url, content=target.body)
                answer.raise_for_status()

        await selects()
        seen: list[int] = []
        for _ in range(rounds):
            start = loop.time()
            busy = await _commands(redis, selects())
            idle = await _commands(redis, asyncio.sleep(loop.time() - start))
            seen.append(busy - idle)
    return statistics.median(seen)


async def _commands(redis: Redis, work: Awaitable[None]) -> int:
    """Commands that clients send during ``work``; what a script does is its own."""
    seen = 0

    async def watch() -> None:
        nonlocal seen
        async with redis.monitor() as monitor:
            watching.set()
            async for command in monitor.listen():
                seen += command["client_type"] != "lua"

    watching = asyncio.Event()
    watcher = asyncio.create_task(watch())
    await watching.wait()
    try:
        await work
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
    return seen
