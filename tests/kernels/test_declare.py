"""How kernels are declared, and that every family is compiled by installing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import qbrixkernels
from qbrixkernels import beta
from qbrixkernels.__main__ import FAMILIES
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write

SOURCE = "def double(x, y):\n    for i in range(x.size):\n        y[i] = 2.0 * x[i]\n"


def test_every_family_is_warmed() -> None:
    package = Path(str(qbrixkernels.__file__)).parent
    modules = {path.stem for path in package.glob("*.py")}
    assert modules - {"__init__", "__main__", "declare"} == set(FAMILIES)


def test_kernel_compiles_where_nothing_can_be_cached() -> None:
    scope: dict[str, object] = {}
    # code without a file has no place for a cache, like an unwritable installation
    exec(compile(SOURCE, "<nowhere>", "exec"), scope)
    double = kernel(VOID(read(REAL, 1), write(REAL, 1)))(scope["double"])  # type: ignore[type-var]
    out = np.empty(3)
    double(np.arange(3.0), out)  # type: ignore[operator]
    assert out.tolist() == [0.0, 2.0, 4.0]


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is typed")
def test_kernel_refuses_what_it_was_not_declared_for() -> None:
    sealed = np.ones(2)
    sealed.flags.writeable = False
    arms, rewards = np.zeros(1, dtype=np.int64), np.ones(1)
    pulls = np.zeros(2, dtype=np.int64)
    with pytest.raises(TypeError):
        beta.fold(sealed, np.ones(2), pulls, arms, rewards)
    with pytest.raises(TypeError):
        beta.fold(np.ones(2), np.ones(2), pulls, arms.astype(np.int32), rewards)
