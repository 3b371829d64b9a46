"""Contexts and feedback."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.context import as_vector
from qbrixcore.errors import InvalidContext


def test_as_vector_is_float32() -> None:
    vector = as_vector([1, 2.5])
    assert vector.dtype == np.float32 and vector.tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    "values",
    [[1e39], [float("nan")], [float("inf")], ["a"], [[1.0]], 3.0, [None], [10**400]],
)
def test_as_vector_refuses(values: object) -> None:
    with pytest.raises(InvalidContext):
        as_vector(values)  # type: ignore[arg-type]


def test_feedback_of_one() -> None:
    one = Feedback.one(2, 0.5, 0.25, [1.0, 2.0])
    assert one.arms.tolist() == [2] and one.arms.dtype == np.int64
    assert one.rewards.tolist() == [0.5] and one.propensities.tolist() == [0.25]
    assert one.vectors.shape == (1, 2) and one.vectors.dtype == np.float32


def test_feedback_without_propensity_or_vector() -> None:
    bare = Feedback.of([0, 1], [1.0, 0.0])
    assert np.isnan(bare.propensities).all() and bare.vectors.shape == (2, 0)


def test_nothing_in_flight() -> None:
    none = InFlight.none(3)
    assert none.counts.tolist() == [0.0, 0.0, 0.0] and none.gram is None
