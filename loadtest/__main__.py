"""Real traffic on a fresh system, and a look at what it learned.

    python -m loadtest [--shape ramp|spike|soak] [--seconds 60] [--users 60]

Starts everything that ``qbrix up`` starts on free ports, in a directory that goes
afterwards, and lets users of several tenants in. Any failed request fails the run, and
so does an experiment that did not learn. Reports go to loadtest/results/.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from loadtest.building import make_tenant
from loadtest.environment import PYTHON
from loadtest.environment import ROOT
from loadtest.environment import install
from loadtest.learning import Share
from loadtest.learning import when_learned
from loadtest.stages import SHAPES
from loadtest.world import World

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.errors import StartError
from qbrixcli.system import System

TENANTS = 3
RESULTS = ROOT / "loadtest" / "results"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LEAVING = "10"  # seconds for users to finish what they began


class Run(NamedTuple):
    """What is asked for."""

    shape: str
    seconds: int
    users: int


async def measure(run: Run) -> bool:
    """Whether nothing failed and everything was learned. Raises StartError."""
    RESULTS.mkdir(exist_ok=True)
    with scratch_directory() as directory:
        log = directory / "services.log"
        try:
            with log.open("w") as lines:
                data, console = DataDirectory(directory / "data"), Console(lines)
                async with System(data, fresh_variables(), console) as system:
                    return await judge(run, system, directory / "world.json")
        finally:
            shutil.copy(log, RESULTS / f"{run.shape}_services.log")


async def judge(run: Run, system: System, path: Path) -> bool:
    """Put the load on, then look what became of it."""
    made = system.welcome.credentials
    assert made is not None
    tenants = [await make_tenant(made.http_url) for _ in range(TENANTS)]
    World(made.http_url, made.grpc_url.rpartition("//")[2], tenants).save(path)
    failed = await load(run, made.http_url, path)
    learned = report(await when_learned(made.http_url, tenants))
    if failed:
        say(f"locust ended with {failed}: its figures are above")
    return learned and not failed


async def load(run: Run, url: str, world: Path) -> int:
    """The exit code of locust."""
    process = await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "locust", "-f", LOCUSTFILE, "--headless", "--only-summary"),
        *("--host", url, "--loglevel", "WARNING"),
        *("--stop-timeout", LEAVING, "--exit-code-on-error", "1"),
        *("--csv", RESULTS / run.shape, "--html", RESULTS / f"{run.shape}.html"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src" / "proto")]),
            "LOADTEST_WORLD": str(world),
            "LOADTEST_SHAPE": run.shape,
            "LOADTEST_SECONDS": str(run.seconds),
            "LOADTEST_USERS": str(run.users),
        },
    )
    return await process.wait()


def report(found: list[Share]) -> bool:
    """Print what was learned; whether that is enough."""
    say("| tenant | experiment | of its decisions, to the best arm |")
    say("|---|---|---:|")
    for one in found:
        note = "" if one.learned else " (too few)"
        say(f"| {one.tenant} | {one.kind} | {one.best:.0%}{note} |")
    return all(one.learned for one in found)


def say(line: str) -> None:
    """One line on stdout."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m loadtest")
    parser.add_argument("--shape", choices=SHAPES, default="ramp")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--users", type=int, default=60)
    given = parser.parse_args()
    try:
        install()
        passed = asyncio.run(measure(Run(given.shape, given.seconds, given.users)))
    except (StartError, subprocess.SubprocessError) as error:
        raise SystemExit(f"loadtest: {error}") from error
    raise SystemExit(0 if passed else 1)


if __name__ == "__main__":
    main()
