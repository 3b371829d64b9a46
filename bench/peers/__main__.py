"""Other bandit libraries on the problem ours is measured on, in one run.

    python -m bench.peers [--rounds 15]

Installs the peers into an environment of their own, starts a process for each library,
and takes rounds in turn, so that what else the machine does hits all of them alike.
Prints medians and writes them to bench/results/.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.peers.environment import PEERS
from bench.peers.environment import PYTHON
from bench.peers.environment import ROOT
from bench.peers.environment import install
from bench.peers.library import Library
from bench.peers.table import Row
from bench.peers.table import render

OURS = "qbrix"
RESULTS = ROOT / "bench" / "results" / "peers.md"


def measure(libraries: list[Library], rounds: int) -> list[Row]:
    """So many rounds of every task, libraries taking turns."""
    turns = [
        (library, task, Row(library.name, library.version, kind, how))
        for library in libraries
        for task, (kind, how) in enumerate(library.tasks)
    ]
    for number in range(rounds):
        sys.stderr.write(f"round {number + 1} of {rounds}\n")
        for library, task, row in turns:
            row.rounds.append(library.round(task))
    return [row for _, _, row in turns]


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    absent = install()
    with ExitStack() as stack:
        libraries = []
        for name in (OURS, *PEERS):
            python = Path(sys.executable) if name == OURS else PYTHON
            if name in absent:
                continue
            try:
                libraries.append(stack.enter_context(Library(name, python)))
            except RuntimeError as error:
                absent[name] = str(error)
        text = render(measure(libraries, arguments.rounds), OURS, absent)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
