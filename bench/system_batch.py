"""Batches through the real processes: decisions a second over one connection.

    python -m bench.system_batch [--seconds 3]

Starts what ``qbrix up`` starts, with one worker, and sends batches of several sizes one
after the other, beside single selects. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

import httpx
from bench.load import say
from bench.processes import cpu
from bench.processes import find_services

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demo.wire import Connection
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.system import System

ARMS = 10
SIZES = (1, 8, 64, 100)
SELECT = b"/api/v1/agent/select"
BATCH = b"/api/v1/agent/select:batch"
FEEDBACKS = b"/api/v1/agent/feedback:batch"


async def measure(seconds: float) -> None:
    """Start, measure, print, stop."""
    with scratch_directory() as directory:
        data = DataDirectory(directory / "data")
        variables = {**fresh_variables(), "PROXY_HTTP_WORKERS": "1"}
        with (directory / "services.log").open("w") as log:
            async with System(data, variables, Console(log)) as system:
                made = system.welcome.credentials
                assert made is not None
                await _compare(made.http_url, made.api_key, seconds)


async def _compare(url: str, key: str, seconds: float) -> None:
    experiment = await _experiment(url, key)
    say("| request | decisions/s | p50 | proxy CPU | motor CPU |")
    say("|---|---:|---:|---:|---:|")
    async with Connection(url, key) as pipe:
        one = {"experiment_id": experiment, "context": {"id": "user-1"}}
        await _row("select", 1, lambda: _sent(pipe, SELECT, one), seconds)
        for size in SIZES:
            contexts = [{"id": f"user-{n}"} for n in range(size)]
            many = {"experiment_id": experiment, "contexts": contexts}
            name = f"select:batch of {size}"
            await _row(name, size, lambda m=many: _sent(pipe, BATCH, m), seconds)
        contexts = [{"id": f"user-{n}"} for n in range(64)]
        many = {"experiment_id": experiment, "contexts": contexts}

        async def learn() -> None:
            results = (await _sent(pipe, BATCH, many))["results"]
            tokens = [result["request_id"] for result in results]
            feedbacks = [{"request_id": token, "reward": 1} for token in tokens]
            await _sent(pipe, FEEDBACKS, {"feedbacks": feedbacks})

        await _row("both batches of 64", 64, learn, seconds)


async def _experiment(url: str, key: str) -> str:
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers={"X-API-Key": key}, trust_env=False
    ) as client:
        arms = [{"name": f"arm {n}"} for n in range(ARMS)]
        pool = await client.post("/pools", json={"name": "batch", "arms": arms})
        body = {"name": "batch", "pool_id": pool.json()["id"], "policy": "BetaTSPolicy"}
        return str((await client.post("/experiments", json=body)).json()["id"])


async def _sent(pipe: Connection, path: bytes, body: Any) -> Any:
    reply = await pipe.post(path, json.dumps(body).encode())
    if reply.status != 200:
        raise RuntimeError(f"{path.decode()}: {reply.status} {reply.body.decode()}")
    return json.loads(reply.body)


async def _row(
    name: str, size: int, call: Callable[[], Awaitable[Any]], seconds: float
) -> None:
    for _ in range(200):
        await call()
    before, took = cpu(services := find_services()), []
    start = time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        await call()
        took.append(time.perf_counter() - now)
    after, decisions = cpu(services), size * len(took)
    proxy, motor = (
        1e6 * (after[service] - before[service]) / decisions
        for service in ("proxysvc", "motorsvc")
    )
    p50 = 1e3 * sorted(took)[len(took) // 2]
    rate = decisions / (now - start)
    say(f"| {name} | {rate:,.0f} | {p50:.2f} ms | {proxy:.1f} µs | {motor:.1f} µs |")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(measure(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
