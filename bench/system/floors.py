"""What the parts of a select cost at the least, each beside the others in one run.

    python -m bench.system.floors [--rounds 5] [--seconds 3]

Echoes on Granian that add one thing at a time, and a message of the size of a small
frame going there and back over a gRPC stream. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import psutil
from bench.load import Target
from bench.load import load
from bench.load import say
from bench.processes import find_worker
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.exchange import HAND_OVER
from bench.system.exchange import IN_PLACE
from bench.system.experiments import select_body
from bench.system.place import ECHO
from bench.system.place import echo
from bench.system.turns import Runner
from bench.system.turns import take_turns

CONNECTIONS: Final = (32, 1, 128)
MODULE: Final = ECHO.partition(":")[0]
# an application, and the interface it is written for
APPS: Final = {ECHO: "asgi", f"{MODULE}:direct": "rsgi", f"{MODULE}:waiting": "rsgi"}
BODY: Final = select_body("0123456789abcdef0123456789abcdef")
HEADERS: Final = {"Content-Type": "application/json", "X-API-Key": "optiq_" + "x" * 43}


async def measure(length: Length, sheet: Sheet) -> None:
    """Every echo in turn, round by round."""
    table = sheet.table(
        "Echoes, each with one thing more of a select",
        *("echo", "connections", "requests/s", "p50, p99, p99.9 ms", "CPU µs"),
    )
    async with AsyncExitStack() as stack:
        targets = {
            app: Target(await stack.enter_async_context(echo(app, kind)), BODY, HEADERS)
            for app, kind in APPS.items()
        }
        for connections in CONNECTIONS:
            runners = {
                app: Runner(
                    partial(load, target, connections, length.seconds),
                    {"echo": [find_worker(app)]},
                )
                for app, target in targets.items()
            }
            for app, seen in (await take_turns(runners, length.rounds)).items():
                name = app.partition(":")[2]
                figures = [
                    f"{seen.rate:,.0f}",
                    seen.latencies(),
                    f"{seen.micros('echo'):.1f}",
                ]
                table.rows.append([name, str(connections), *figures])


async def exchange(how: str) -> None:
    """One conversation of two processes; the client prints its figures."""
    async with stream_server(how) as (process, port):
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.system.exchange", "ask", str(port)),
            *(str(process.pid),),
            env={**os.environ, "GRPC_EXPERIMENTS": how},
        )
        await client.wait()


@asynccontextmanager
async def stream_server(how: str) -> AsyncIterator[tuple[psutil.Process, int]]:
    """A process that sends back what a stream brings, and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.system.exchange", "answer"),
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


async def run(length: Length) -> None:
    """All of it, printed."""
    sheet = Sheet()
    await measure(length, sheet)
    say(sheet.render())
    for _ in range(length.rounds):
        for how, name in ((HAND_OVER, "default"), (IN_PLACE, "in place")):
            say(f"a message there and back over a gRPC stream, {name}")
            await exchange(how)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    given = parser.parse_args()
    try:
        asyncio.run(run(Length(given.rounds, given.seconds)))
    except RuntimeError as error:
        raise SystemExit(f"bench: {error}") from error


if __name__ == "__main__":
    main()
