"""Flame graphs of proxy, motor and cortex while all three work.

    python -m bench.profile [--seconds 20] [--connections 32] [--native]

Starts everything that ``qbrix up`` starts, with one proxy worker; wrk selects, and one
connection sends batches of feedback. py-spy, which is fetched when it is needed, writes
bench/results/profile-<service>.svg. It has to be allowed to trace other processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.load import load
from bench.load import say
from bench.processes import find_services
from bench.system.asking import ask
from bench.system.asking import ask_batch
from bench.system.experiments import FEEDBACK
from bench.system.experiments import make
from bench.system.experiments import select_target
from bench.system.place import Place
from bench.system.place import started

from qbrixcli.demo.wire import Connection

PY_SPY = "py-spy==0.4.3"
RESULTS = Path(__file__).parent / "results"
RATE = 250  # samples a second
BATCH = 64
BEST = 3  # the index of the arm that earns
# py-spy stops a process while it looks, which may take longer than a select waits
PATIENT = {"PROXY_REQUEST_TIMEOUT_MS": "30000"}
PAUSE = 0.01  # seconds between batches: selects are to be the larger part


async def measure(seconds: int, connections: int, native: bool) -> None:
    """Start, load, record, stop."""
    RESULTS.mkdir(exist_ok=True)
    async with started(PATIENT) as place:
        [experiment] = await make(place)
        target = select_target(place, experiment)
        async with rewarded(place, experiment):
            await load(target, connections, 1)
            # a little longer, so that the last samples are of work too
            under_load = load(target, connections, seconds + 3)
            await asyncio.gather(under_load, *records(place, seconds, native))


def records(place: Place, seconds: int, native: bool) -> list[Any]:
    """A recording of each service; of the proxy of its worker."""
    return [
        record(group[-1].pid, RESULTS / f"profile-{name}.svg", seconds, native)
        for name, group in find_services(place.port).items()
    ]


async def record(pid: int, path: Path, seconds: int, native: bool) -> None:
    """The flame graph of a process. Raises RuntimeError where py-spy cannot."""
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("uv"), "tool", "run", "--quiet"),
        *("--from", PY_SPY, "py-spy", "record", "--pid", str(pid)),
        *("--duration", str(seconds), "--rate", str(RATE), "--output", path),
        *(["--native"] if native else []),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    said = b"".join(await process.communicate()).decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"py-spy: {said.strip()}")
    say(f"{path.name} is written")


@asynccontextmanager
async def rewarded(place: Place, experiment: str) -> AsyncIterator[None]:
    """Feedback all the while, so that there is something to learn."""
    async with Connection(place.url, place.key) as pipe:
        feeding = asyncio.create_task(feed(pipe, experiment))
        try:
            yield
            if feeding.done():
                feeding.result()
        finally:
            feeding.cancel()


async def feed(pipe: Connection, experiment: str) -> None:
    """Selections and rewards for all of them, for ever."""
    while True:
        results = await ask_batch(pipe, experiment, BATCH)
        rewards = [
            {
                "request_id": one["request_id"],
                "reward": float(one["arm"]["index"] == BEST),
            }
            for one in results
        ]
        await ask(pipe, f"{FEEDBACK}:batch", json.dumps({"feedbacks": rewards}))
        await asyncio.sleep(PAUSE)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--native", action="store_true", help="compiled frames too")
    given = parser.parse_args()
    try:
        asyncio.run(measure(given.seconds, given.connections, given.native))
    except RuntimeError as error:
        raise SystemExit(f"profile: {error}") from error


if __name__ == "__main__":
    main()
