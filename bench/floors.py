"""What the parts of a select cost at the least, each beside the others in one run.

    python -m bench.floors [--rounds 5] [--seconds 3]

Echoes on Granian that add one thing at a time, and a message of the size of a small
frame going there and back over a gRPC stream. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

import psutil
from bench.exchange import HAND_OVER
from bench.exchange import IN_PLACE
from bench.load import Target
from bench.load import load
from bench.load import say
from bench.processes import find_worker
from bench.processes import usage
from bench.system_select import echo

CONNECTIONS = (32, 1, 128)
APPS = ("bench.echo:app", "bench.echoes:select_body", "bench.echoes:waiting")
BODY = '{"experiment_id":"0123456789abcdef0123456789abcdef","context":{"id":"user-17"}}'
HEADERS = {"Content-Type": "application/json", "X-API-Key": "optiq_" + "x" * 43}


async def measure(rounds: int, seconds: int) -> None:
    """Every floor in turn, round by round."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(echo(app)) for app in APPS]
        for connections in CONNECTIONS:
            await echoes(urls, connections, rounds, seconds)
    for _ in range(rounds):
        for how, name in ((HAND_OVER, "default"), (IN_PLACE, "in place")):
            say(f"a message there and back over a gRPC stream, {name}")
            await exchange(how)


async def echoes(urls: list[str], connections: int, rounds: int, seconds: int) -> None:
    """Rate, latency and CPU of each echo."""
    seen: dict[str, list[tuple[float, float, float]]] = {app: [] for app in APPS}
    for _ in range(rounds):
        for app, url in zip(APPS, urls, strict=True):
            worker = find_worker(app)
            before = usage(worker).cpu
            done = await load(Target(url, BODY, HEADERS), connections, seconds)
            spent = (usage(worker).cpu - before) / done.total * 1e6
            seen[app].append((done.rate, done.p50, spent))
    say(f"{connections} connections, median of {rounds} rounds of {seconds} s")
    for app, figures in seen.items():
        rate, p50, spent = map(statistics.median, zip(*figures, strict=True))
        say(f"  {app:26} {rate:8.0f}/s   p50 {p50:.3f} ms   CPU {spent:.1f} us")


async def exchange(how: str) -> None:
    """One conversation of two processes; the client prints its figures."""
    async with stream_server(how) as (process, port):
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.exchange", "ask", str(port)),
            *(str(process.pid),),
            env={**os.environ, "GRPC_EXPERIMENTS": how},
        )
        await client.wait()


@asynccontextmanager
async def stream_server(how: str) -> AsyncIterator[tuple[psutil.Process, int]]:
    """A process that sends back what a stream brings, and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.exchange", "answer"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "GRPC_EXPERIMENTS": how},
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    given = parser.parse_args()
    try:
        asyncio.run(measure(given.rounds, given.seconds))
    except RuntimeError as error:
        raise SystemExit(f"bench: {error}") from error


if __name__ == "__main__":
    main()
