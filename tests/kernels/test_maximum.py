"""The sweep over panels, on densities whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import maximum

Reals = NDArray[np.float64]


def swept(
    widths: list[float],
    densities: Reals,
    start: list[float],
    alive: list[int] | None = None,
    active: list[bool] | None = None,
) -> list[float]:
    count = len(start)
    chances = np.empty(count)
    maximum.sweep(
        np.array(widths),
        np.ascontiguousarray(densities),
        np.array(alive or [count] * len(widths), dtype=np.int64),
        np.array(start),
        np.array(active or [True] * count),
        chances,
    )
    return list(chances.tolist())


def even(panels: int, shares: list[float]) -> Reals:
    return np.broadcast_to(shares, (panels, maximum.ORDER, len(shares)))


@pytest.mark.parametrize("arms", [1, 2, 5, 9])
def test_equal_uniforms(arms: int) -> None:
    found = swept([0.25] * 4, even(4, [1.0] * arms), [0.0] * arms)
    assert found == pytest.approx([1 / arms] * arms, rel=1e-12)


def test_uniforms_of_two_lengths() -> None:
    # X on [0, 1], Y on [0, 2]: X is larger with a chance of 1/4
    densities = np.zeros((2, maximum.ORDER, 2))
    densities[0], densities[1, :, 0] = [0.5, 1.0], 0.5
    found = swept([1.0, 1.0], densities, [0.0, 0.0], alive=[2, 1])
    assert found == pytest.approx([0.75, 0.25], rel=1e-12)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_what_lies_below_the_panels(first: float, second: float) -> None:
    # only one can be above, or both, or none: then any of them may be the largest
    found = swept([1.0], even(1, [1 - first, 1 - second]), [first, second])
    both, none = (1 - first) * (1 - second), first * second
    expected = (1 - first) * second + both / 2 + none / 2
    assert found[0] == pytest.approx(expected, rel=1e-12)
    assert sum(found) == pytest.approx(1.0)


def test_inactive_arms_have_no_chance() -> None:
    densities = np.ones((1, maximum.ORDER, 2))
    densities[:, :, 1] = 0.0
    found = swept([1.0], densities, [0.0, 1.0], alive=[1], active=[True, False])
    assert found == [1.0, 0.0]


@given(st.floats(-5, 5), st.floats(0.1, 3), st.floats(0.1, 3))
def test_rows_of_normals_are_independent(gap: float, s: float, t: float) -> None:
    means = np.array([[gap, 0.0], [0.0, gap], [0.0, 0.0]])
    deviations = np.array([[s, t], [s, t], [t, t]])
    chances = np.empty((3, 2))
    maximum.normal(means, deviations, np.ones(2, dtype=np.bool_), chances)
    p = math.erfc(-gap / math.hypot(s, t) / math.sqrt(2)) / 2
    expected = [p, 1 - p, 0.5]
    assert chances[:, 0].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert chances.sum(axis=1).tolist() == pytest.approx([1.0] * 3)
