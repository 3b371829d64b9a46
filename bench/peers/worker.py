"""One library in a process of its own, told by its standard input when to run.

    python -m bench.peers.worker mabwiser

Answers each line, the number of a task, with the figures of one round of it.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import json
import sys
import time
import warnings
from typing import Any

from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LEARNED
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Task
from bench.peers.problem import make_problem


def main() -> None:
    """Learn, say what can be asked for, and answer until the input ends."""
    warnings.simplefilter("ignore")
    replies, sys.stdout = sys.stdout, sys.stderr
    problem = make_problem()
    library = importlib.import_module(f"bench.peers.with_{sys.argv[1]}")
    tasks: list[Task] = library.tasks(problem)
    for task in tasks:
        task.round()
    gc.freeze()

    def say(answer: Any) -> None:
        replies.write(json.dumps(answer) + "\n")
        replies.flush()

    version = importlib.metadata.version(library.PACKAGE)
    say({"version": version, "tasks": [[task.kind, task.how] for task in tasks]})
    for line in sys.stdin:
        say(measure(problem, tasks[int(line)]))


def measure(problem: Problem, task: Task) -> dict[str, float]:
    """Seconds of one decision or reward, by the wall and of CPU, and what was won."""
    wall, cpu = time.perf_counter(), time.process_time()
    chosen = task.round()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = LEARNED if task.kind == LEARN else QUERIES
    won = 0.0
    if task.kind != LEARN:
        won = (problem.plain_gain if task.kind == BETA else problem.gain)(chosen)
    return {"wall": wall / count, "cpu": cpu / count, "gain": won}


if __name__ == "__main__":
    main()
