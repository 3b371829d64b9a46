"""The processes that are measured."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.peers.environment import ROOT

# one thread each: problems this small only lose by more, and shared cores are fewer
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Library:
    """A worker process with one library loaded and the problem learned.

    Raises RuntimeError when it does not start; what it complained is on stderr.
    """

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "bench.peers.worker", name],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        hello = self._read()
        self.version: str = hello["version"]
        self.tasks: list[tuple[str, str]] = [(k, how) for k, how in hello["tasks"]]

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # closing its input ends the worker
        self._process.__exit__(kind, error, trace)

    def round(self, task: int) -> dict[str, float]:
        """The figures of one round of a task."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task}\n")
        self._process.stdin.flush()
        figures: dict[str, float] = self._read()
        return figures

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.__exit__(None, None, None)
            raise RuntimeError(f"its process ended with {self._process.returncode}")
        return json.loads(line)
