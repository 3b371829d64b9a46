"""The micro-benchmarks of this tree on its own code and on that of another revision.

    python -m bench.compare REVISION [--budget 1.15] [--rounds 5] [--files test_log …]

The other revision is checked out beside this one and used with the same environment and
the same benchmarks, in turns, file by file, so that whatever else the machine does hits
both alike. What is compared is CPU time: the median over the rounds of the ratio of the
two medians. Those over the budget are measured again before they count. Fails when any
stays over it; the table goes to bench/results/compare.md as well.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.checkout import Checkout
from bench.checkout import checkout
from bench.load import say
from bench.ratios import Ratio
from bench.ratios import ratios
from bench.ratios import render

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NOTHING_TO_RUN = 5  # what pytest ends with
# what they measure happens in other processes
ELSEWHERE = {"test_imports"}
OPTIONS = (
    "--benchmark-only",
    "--benchmark-timer=time.process_time",
    "--benchmark-max-time=0.05",
    "--benchmark-min-rounds=5",
    "--benchmark-disable-gc",
    "--tb=short",
)

Medians = dict[str, float]  # seconds, by the name of the benchmark


def compare(
    base: Checkout, files: Sequence[str], budget: float, rounds: int
) -> list[Ratio]:
    """Every benchmark that both revisions can run."""
    found: list[Ratio] = []
    for name in files:
        here, there = measure([f"bench/{name}.py"], base, rounds)
        seen = ratios(here, there)
        suspects = [one.name for one in seen if one.ratio > budget]
        if suspects:
            say(f"{name}: {len(suspects)} over the budget, measured again")
            again = measure(suspects, base, 2 * rounds)
            seen = ratios(here + again[0], there + again[1])
        found += seen
        say(f"{name}: {len(seen)} compared")
    return found


def measure(
    tests: Sequence[str], base: Checkout, rounds: int
) -> tuple[list[Medians], list[Medians]]:
    """Medians here and there, round by round."""
    here: list[Medians] = []
    there: list[Medians] = []
    for number in range(rounds):
        turns = [(here, None), (there, base)]
        # whoever goes second finds warmer caches
        for medians, code in turns if number % 2 else reversed(turns):
            medians.append(run(tests, code))
    return here, there


def run(tests: Sequence[str], base: Checkout | None) -> Medians:
    """The medians of one run, on the code of another revision if there is one.

    Raises RuntimeError when a benchmark fails on the code of this tree.
    """
    with tempfile.TemporaryDirectory(prefix="qbrix-bench-") as directory:
        path = Path(directory) / "benchmarks.json"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *tests,
                *OPTIONS,
                f"--benchmark-json={path}",
            ],
            cwd=HERE.parent,
            env={**os.environ, **({} if base is None else base.variables)},
            capture_output=True,
            text=True,
            check=False,
        )
        if base is None and done.returncode not in (0, NOTHING_TO_RUN):
            raise RuntimeError(f"a benchmark fails here:\n{done.stdout}{done.stderr}")
        # what the other revision cannot do yet is not compared
        text = path.read_text() if path.exists() else ""
    measured = json.loads(text)["benchmarks"] if text else []
    return {one["fullname"]: one["stats"]["median"] for one in measured}


def main() -> None:
    """Read the arguments, compare, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare")
    parser.add_argument("revision")
    parser.add_argument("--budget", type=float, default=1.15)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", nargs="*", default=sorted(files()))
    given = parser.parse_args()
    try:
        with checkout(given.revision) as base:
            found = compare(base, given.files, given.budget, given.rounds)
    except RuntimeError as error:
        raise SystemExit(f"compare: {error}") from error
    if not found:
        raise SystemExit("compare: no benchmark runs on both")
    text = render(found, given.revision, given.budget)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compare.md").write_text(text)
    sys.stdout.write(text)
    worst = max(one.ratio for one in found)
    raise SystemExit(1 if worst > given.budget else 0)


def files() -> set[str]:
    """The benchmarks that can be compared, by the name of their file."""
    return {path.stem for path in HERE.glob("test_*.py")} - ELSEWHERE


if __name__ == "__main__":
    main()
