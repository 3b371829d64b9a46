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

from bench.load import Target
from bench.load import load
from bench.load import say
from bench.processes import find_services
from bench.system_select import select_target

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demo.wire import Connection
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.system import System

PY_SPY = "py-spy==0.4.3"
RESULTS = Path(__file__).parent / "results"
RATE = 250  # samples a second
BATCH = 64
# py-spy stops a process while it looks, which may take longer than a select waits
PATIENT = {"PROXY_REQUEST_TIMEOUT_MS": "30000"}
PAUSE = 0.01  # seconds between batches: selects are to be the larger part
SELECT = b"/api/v1/agent/select:batch"
FEEDBACK = b"/api/v1/agent/feedback:batch"


async def measure(seconds: int, connections: int, native: bool) -> None:
    """Start, load, record, stop."""
    RESULTS.mkdir(exist_ok=True)
    with scratch_directory() as directory:
        data = DataDirectory(directory / "data")
        variables = {**fresh_variables(), **PATIENT, "PROXY_HTTP_WORKERS": "1"}
        with (directory / "services.log").open("w") as log:
            async with System(data, variables, Console(log)) as system:
                made = system.welcome.credentials
                assert made is not None
                target = await select_target(made.http_url, made.api_key)
                async with rewarded(made.http_url, made.api_key, target):
                    await load(target, connections, 1)
                    # a little longer, so that the last samples are of work too
                    under_load = load(target, connections, seconds + 3)
                    await asyncio.gather(under_load, *records(seconds, native))


def records(seconds: int, native: bool) -> list[Any]:
    """A recording of each service."""
    return [
        record(process.pid, RESULTS / f"profile-{name[:-3]}.svg", seconds, native)
        for name, process in find_services().items()
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
async def rewarded(url: str, key: str, target: Target) -> AsyncIterator[None]:
    """Feedback all the while, so that there is something to learn."""
    experiment = json.loads(target.body)["experiment_id"]
    async with Connection(url, key) as pipe:
        feeding = asyncio.create_task(feed(pipe, experiment))
        try:
            yield
            if feeding.done():
                feeding.result()
        finally:
            feeding.cancel()


async def feed(pipe: Connection, experiment: str) -> None:
    """Selections and their rewards, for ever."""
    contexts = [{"id": f"user-{n}"} for n in range(BATCH)]
    body = {"experiment_id": experiment, "contexts": contexts}
    while True:
        results = (await _sent(pipe, SELECT, body))["results"]
        rewards = [
            {"request_id": one["request_id"], "reward": float(one["arm"]["index"] == 3)}
            for one in results
        ]
        await _sent(pipe, FEEDBACK, {"feedbacks": rewards})
        await asyncio.sleep(PAUSE)


async def _sent(pipe: Connection, path: bytes, body: Any) -> Any:
    reply = await pipe.post(path, json.dumps(body).encode())
    if reply.status != 200:
        raise RuntimeError(f"{path.decode()}: {reply.status} {reply.body.decode()}")
    return json.loads(reply.body)


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
