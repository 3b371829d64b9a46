"""Param states refuse arrays that do not fit."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import PerArmMatrix
from qbrixcore.param.state import array_bytes
from qbrixcore.param.state import layouts
from qbrixcore.policy.registry import SPECS

UNALIGNED = np.frombuffer(bytes(17), dtype=np.float64, count=2, offset=1)


class MatrixState(BaseParamState, frozen=True):
    """A state with one matrix per arm."""

    matrix: PerArmMatrix


def fields() -> dict[str, Any]:
    pulls = np.zeros(2, dtype=np.int64)
    return {"num_arms": 2, "dim": 3, "pulls": pulls, "matrix": np.zeros((2, 3, 3))}


def test_a_state_that_fits() -> None:
    state = MatrixState(**fields())
    assert list(state.arrays()) == ["pulls", "matrix"] == list(layouts(MatrixState))


@pytest.mark.parametrize(
    "change",
    [
        {"num_arms": 3},
        {"dim": 2},
        {"pulls": np.zeros(2)},
        {"pulls": np.zeros((2, 1), dtype=np.int64)},
        {"pulls": [0, 0]},
        {"matrix": np.zeros((2, 3, 3), dtype=np.float32)},
        {"matrix": np.zeros((2, 3, 3), dtype=">f8")},
        {"matrix": np.zeros((2, 3))},
        {"matrix": np.zeros((2, 3, 2))},
        {"matrix": np.zeros((3, 3, 2)).T},
    ],
)
def test_a_state_that_does_not_fit(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        MatrixState(**{**fields(), **change})


def test_an_unaligned_array_does_not_fit() -> None:
    state = SPECS["EXP3Policy"].prior(2, SPECS["EXP3Policy"].validate({}))
    with pytest.raises(ValueError, match="aligned"):
        msgspec.structs.replace(state, log_weights=UNALIGNED)


@pytest.mark.parametrize("name", SPECS)
def test_size_is_known_beforehand(name: str) -> None:
    spec = SPECS[name]
    hyper = spec.validate(spec.example)
    state = spec.prior(7, hyper)
    actual = sum(array.nbytes for array in state.arrays().values())
    assert array_bytes(spec.state, 7, hyper) == actual
