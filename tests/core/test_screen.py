"""What is wrong with feedback, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidFeedback
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation


def test_every_bad_row_is_named_with_its_reason() -> None:
    spec = find_spec("LinUCBPolicy")
    state = spec.prior(2, spec.validate({"dim": 2}))
    vectors = np.ones((5, 2), dtype=np.float32)
    vectors[3, 1] = np.nan
    feedback = Feedback.of([0, 2, 1, 0, -1], [1.0, 1.0, np.inf, 1.0, np.nan], None)
    feedback = Feedback(feedback.arms, feedback.rewards, feedback.propensities, vectors)
    hyper = spec.validate({"dim": 2})
    assert implementation(spec).faults(hyper, state, feedback) == {
        1: "no such arm, there are 2",
        4: "no such arm, there are 2",
        2: "reward must be a finite number",
        3: "every feature must be finite",
    }
    with pytest.raises(InvalidFeedback) as error:
        implementation(spec).fold(hyper, state, feedback)
    assert error.value.detail == {"row": 1}


def test_good_feedback_has_no_faults() -> None:
    spec = find_spec("BetaTSPolicy")
    hyper = spec.validate({})
    state = spec.prior(2, hyper)
    good = Feedback.of([0, 1], [0.0, 1.0])
    assert implementation(spec).faults(hyper, state, good) == {}


def test_strided_feedback_is_packed() -> None:
    spec = find_spec("BetaTSPolicy")
    hyper = spec.validate({})
    state = spec.prior(2, hyper)
    wide = Feedback(
        arms=np.array([0, 9, 1, 9])[::2],
        rewards=np.array([1.0, 9.0, 0.0, 9.0])[::2],
        propensities=np.full(4, np.nan)[::2],
        vectors=np.empty((2, 0), dtype=np.float32),
    )
    folded = implementation(spec).fold(hyper, state, wide)
    assert folded.alpha.tolist() == [2.0, 1.0] and folded.beta.tolist() == [1.0, 2.0]
