"""Everything that can be killed is killed, under traffic; then every reward is counted.

    python -m chaos [--seed N] [--rate 1000] [--times 5] [--spike 30]

Starts a whole system on free ports, in a directory that goes afterwards, and prints
what happened, what it took to recover, and what each experiment has learned beside what
was sent. Fails when a reward is lost or counted twice, when params differ in a bit from
a fold of their log, when an answer is of another experiment, and, unless it is
``--untimed``, when recovery took too long or selects failed while one motor was gone.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
from pathlib import Path
from typing import Final

from chaos import report
from chaos.running import Plan
from chaos.running import run

from qbrixcli.console import Console
from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.errors import StartError

RESULTS: Final = Path(__file__).with_name("results")


async def measure(plan: Plan, timed: bool) -> bool:
    """Whether all went well. Raises StartError."""
    say(f"seed {plan.seed}")
    with scratch_directory() as directory:
        log = directory / "services.log"
        try:
            with log.open("w") as lines:
                outcome = await run(plan, directory, Console(lines))
        finally:
            RESULTS.mkdir(exist_ok=True)
            shutil.copy(log, RESULTS / "services.log")
    for line in report.tables(outcome):
        say(line)
    found = report.faults(outcome) + (report.delays(outcome) if timed else [])
    for fault in found:
        say(f"not as promised: {fault}")
    return not found


def say(line: str) -> None:
    """One line on stdout."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m chaos")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--rate", type=float, default=1_000.0)
    parser.add_argument("--experiments", type=int, default=20)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--pause", type=float, default=1.5)
    parser.add_argument("--spike", type=float, default=30.0)
    parser.add_argument("--untimed", action="store_true")
    given = parser.parse_args()
    plan = Plan(
        given.seed,
        given.rate,
        given.experiments,
        given.times,
        given.pause,
        given.spike,
    )
    try:
        passed = asyncio.run(measure(plan, timed=not given.untimed))
    except StartError as error:
        raise SystemExit(f"chaos: {error}") from error
    raise SystemExit(0 if passed else 1)


if __name__ == "__main__":
    main()
