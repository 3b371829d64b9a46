"""The system benchmark: select through the real processes, beside the echo.

    python -m bench.system_select [--rounds 5] [--seconds 4]

Starts everything that ``qbrix up`` starts, with one proxy worker and one motor, makes a
10-arm BetaTS experiment, and loads it with wrk on the same cores as the echo, in rounds
that alternate. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Any

import httpx
import msgspec
from bench.load import Round
from bench.load import Target
from bench.load import load
from bench.load import say
from bench.processes import cpu
from bench.processes import find_services
from bench.processes import find_worker
from bench.processes import loads
from bench.processes import usage
from redis.asyncio import Redis

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.system import System

CONNECTIONS = (32, 1, 128)
ARMS = 10
WARM_SELECTS = 1_000
COMMAND_ROUNDS = 7
MEMORY_SELECTS = 50_000
ECHO = "bench.echo:app"


async def measure(rounds: int, seconds: int) -> None:
    """Start, measure, print, stop."""
    with scratch_directory() as directory:
        data = DataDirectory(directory / "data")
        variables = {**fresh_variables(), "PROXY_HTTP_WORKERS": "1"}
        with (directory / "services.log").open("w") as log:
            async with System(data, variables, Console(log)) as system:
                made = system.welcome.credentials
                assert made is not None
                stores = dict(
                    line.split("=", 1) for line in data.stores.read_text().splitlines()
                )
                async with echo() as address:
                    await report(
                        await select_target(made.http_url, made.api_key),
                        address,
                        stores,
                        rounds,
                        seconds,
                    )


async def report(
    select: Target, echo_url: str, stores: dict[str, str], rounds: int, seconds: int
) -> None:
    """All figures of one run."""
    same_body = Target(echo_url, select.body, {"Content-Type": "application/json"})
    await load(select, 32, 1)
    await load(same_body, 32, 1)
    for connections in CONNECTIONS:
        await compare(select, same_body, connections, rounds, seconds)
    await store_commands(select, stores)
    await memory(select)
    worker = find_services()["proxysvc"]
    compiled = [name for name in ("numba", "llvmlite") if loads(worker, name)]
    say(f"compilers in the proxy: {', '.join(compiled) or 'none'}")


async def compare(
    select: Target, same_body: Target, connections: int, rounds: int, seconds: int
) -> None:
    """Alternating rounds of echo and select at so many connections."""
    services = {**find_services(), "echo": find_worker(ECHO)}
    echoes: list[Round] = []
    selects: list[Round] = []
    spent = dict.fromkeys(services, 0.0)
    for _ in range(rounds):
        start = cpu(services)
        echoes.append(await load(same_body, connections, seconds))
        before = cpu(services)
        selects.append(await load(select, connections, seconds))
        after = cpu(services)
        for name in services:
            spent[name] += after[name] - before[name]
        spent["echo"] += before["echo"] - start["echo"]
    totals = {"echo": sum(one.total for one in echoes)}
    selected = sum(one.total for one in selects)
    ratio = statistics.median(
        s.rate / e.rate for s, e in zip(selects, echoes, strict=True)
    )
    say(f"{connections} connections, median of {rounds} rounds of {seconds} s")
    say(f"  select / echo {ratio:.3f}")
    for name, seen in (("echo", echoes), ("select", selects)):
        rate = statistics.median(one.rate for one in seen)
        p50 = statistics.median(one.p50 for one in seen)
        p99 = statistics.median(one.p99 for one in seen)
        say(f"  {name:6} {rate:8.0f}/s   p50 {p50:.3f} ms   p99 {p99:.3f} ms")
    p50 = statistics.median(s.p50 / e.p50 for s, e in zip(selects, echoes, strict=True))
    say(f"  p50 of select / echo {p50:.2f}")
    costs = ", ".join(
        f"{name} {cost / totals.get(name, selected) * 1e6:.1f}"
        for name, cost in spent.items()
    )
    say(f"  microseconds of CPU per request: {costs}")


async def store_commands(select: Target, stores: dict[str, str]) -> None:
    """Commands that Redis was sent during warm selects, beyond those of idle time."""
    redis = Redis(
        host=stores["PROXY_REDIS_HOST"],
        port=int(stores["PROXY_REDIS_PORT"]),
        password=stores["PROXY_REDIS_PASSWORD"],
    )
    loop = asyncio.get_running_loop()
    async with redis, httpx.AsyncClient(headers=select.headers) as client:

        async def selects() -> None:
            for _ in range(WARM_SELECTS):
                answer = await client.post(select.url, content=select.body)
                answer.raise_for_status()

        await selects()
        seen: list[tuple[int, int]] = []
        for _ in range(COMMAND_ROUNDS):
            start = loop.time()
            busy = await _commands(redis, selects())
            idle = await _commands(redis, asyncio.sleep(loop.time() - start))
            seen.append((busy, idle))
    busy, idle, more = (
        statistics.median(column)
        for column in zip(*((b, i, b - i) for b, i in seen), strict=True)
    )
    say(f"redis commands during {WARM_SELECTS} warm selects: {busy}")
    say(f"  in an equal idle time: {idle}, hence for the selects: {more}")


async def memory(select: Target) -> None:
    """Resident memory once the selects are many."""
    done = 0
    while done < MEMORY_SELECTS:
        done += (await load(select, 32, 2)).total
    sizes = {n: usage(process).rss / 1e6 for n, process in find_services().items()}
    say(f"resident MB after {MEMORY_SELECTS} selects and more:")
    say("  " + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()))


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


async def select_target(url: str, key: str) -> Target:
    """A new 10-arm experiment, and the request that selects from it."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers) as client:
        arms = [{"name": f"arm-{n}"} for n in range(ARMS)]
        pool = await _post(client, "/pools", {"name": "bench", "arms": arms})
        wanted = {"name": "bench", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
        experiment = await _post(client, "/experiments", wanted)
    body = {"experiment_id": experiment["id"], "context": {"id": "user-17"}}
    text = msgspec.json.encode(body).decode()
    return Target(f"{url}/api/v1/agent/select", text, headers)


async def _post(client: httpx.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


@asynccontextmanager
async def echo(app: str = ECHO) -> AsyncIterator[str]:
    """Address of a running echo."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop"),
        *("--workers", "1", "--http", "1", "--no-ws", "--host", "127.0.0.1"),
        *("--port", str(port), "--no-log", app),
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    try:
        async with asyncio.timeout(10):
            await _until_open(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _until_open(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    given = parser.parse_args()
    try:
        asyncio.run(measure(given.rounds, given.seconds))
    except RuntimeError as error:
        raise SystemExit(f"bench: {error}") from error


if __name__ == "__main__":
    main()
