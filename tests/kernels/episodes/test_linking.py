"""A cached step follows the kernels it was compiled with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import qbrixkernels
from qbrixkernels.episodes import beta
from qbrixkernels.episodes import weights
from qbrixkernels.episodes.linking import linked

PLAY = """
import numpy as np
from qbrixkernels.episodes.beta import learn
from qbrixkernels.episodes.step import Log, State
state = State(np.ones(4), np.zeros(2, dtype=np.int64))
log = Log(np.array([1]), np.array([1.0]), np.ones(1), np.empty((1, 0), np.float32))
learn(state, np.ones(2), log)
hits = getattr(getattr(learn, "stats", None), "cache_hits", {})
print(state.reals.tolist(), sum(hits.values()))
"""


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="not compiled")
def test_a_changed_kernel_is_noticed_and_an_unchanged_one_cached(
    tmp_path: Path,
) -> None:
    package = tmp_path / "qbrixkernels"
    source = Path(qbrixkernels.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))

    def played() -> str:
        done = subprocess.run(
            [sys.executable, "-c", PLAY],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert played() == "[1.0, 2.0, 1.0, 1.0] 0"
    assert played() == "[1.0, 2.0, 1.0, 1.0] 1"
    family = package / "beta.py"
    counted = "alpha[arm] += rewards[n]"
    assert counted in family.read_text()
    family.write_text(family.read_text().replace(counted, f"{counted} + 5.0"))
    assert played() == "[1.0, 7.0, 1.0, 1.0] 0"


def test_families_are_linked_with_their_own_kernels() -> None:
    steps = (beta.choose, beta.learn, weights.choose_mixed)
    first, again, other = (linked(getattr(s, "py_func", s)) for s in steps)
    assert first == again
    assert first != other


def test_a_step_takes_no_other_types() -> None:
    if numba.config.DISABLE_JIT:
        pytest.skip("not compiled")
    with pytest.raises(TypeError):
        beta.learn(1.0, 2.0, 3.0)  # type: ignore[arg-type]
