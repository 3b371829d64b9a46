"""CPU time until a new process has the kernels of a family, from a warm cache.

Numba's own start, which the first family of a process waits for, is a figure apart.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qbrixkernels.__main__ import FAMILIES

SCRIPT = """
import importlib, sys, time
import numba
from numba.core.registry import cpu_target
started = time.process_time()
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
ready = time.process_time()
importlib.import_module("qbrixkernels." + sys.argv[1])
print(ready - started, time.process_time() - ready)
"""


def imported(family: str) -> tuple[float, float]:
    """CPU seconds of numba's start, and of the family after it."""
    command = [sys.executable, "-c", SCRIPT, family]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    start, own = ran.stdout.split()
    return float(start), float(own)


@pytest.mark.parametrize("family", FAMILIES)
def test_import(benchmark: BenchmarkFixture, family: str) -> None:
    imported(family)
    seen: list[tuple[float, float]] = []
    benchmark.pedantic(lambda: seen.append(imported(family)), rounds=3)
    start, own = sorted(seen)[len(seen) // 2]
    benchmark.extra_info["s_of_numba"] = start
    benchmark.extra_info["s_of_the_family"] = own
    benchmark.extra_info["s_if_it_is_the_first"] = start + own
    assert own > 0
