"""The checks that stand between feedback and a kernel.

Kernels index without bounds checks, so nothing that fails here may reach one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidFeedback
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.spec import RewardRange


def packed(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself if contiguous and aligned, as kernels need it, else a copy."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned:
        return array
    return np.require(array, requirements=["C", "A"])


def check_shapes(state: BaseParamState, feedback: Feedback) -> Feedback:
    """The feedback as aligned contiguous arrays. Raises InvalidFeedback.

    A wrong dtype, a wrong number of rows or a wrong width condemns it as a whole.
    """
    count = feedback.arms.size
    return Feedback(
        arms=_fit("arms", feedback.arms, "i8", (count,)),
        rewards=_fit("rewards", feedback.rewards, "f8", (count,)),
        propensities=_fit("propensities", feedback.propensities, "f8", (count,)),
        vectors=_fit("vectors", feedback.vectors, "f4", (count, state.dim))
        if state.dim
        else np.empty((count, 0), dtype=np.float32),
    )


def faults(
    spec: PolicySpec, hyper: Any, state: BaseParamState, feedback: Feedback
) -> dict[int, str]:
    """What is wrong with each row that cannot be learned, by row number.

    Raises InvalidFeedback where ``check_shapes`` does.
    """
    feedback = check_shapes(state, feedback)
    found: dict[int, str] = {}
    rewards = spec.rewards_of(hyper)
    for kind, wrong in _wrong(spec, rewards, state, feedback):
        if np.count_nonzero(wrong):
            reason = _reason(kind, rewards, state)
            for row in np.flatnonzero(wrong).tolist():
                found.setdefault(row, reason)
    return found


def _wrong(
    spec: PolicySpec, rewards: RewardRange, state: BaseParamState, feedback: Feedback
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    arms = feedback.arms
    yield "arm", (arms < 0) | (arms >= state.num_arms)
    yield "reward", ~rewards.fits(feedback.rewards)
    if state.dim:
        finite = np.logical_and.reduce(np.isfinite(feedback.vectors), axis=1)
        yield "feature", ~finite
    if spec.needs_propensity:
        p = feedback.propensities
        yield "propensity", ~((p > 0) & (p <= 1))


def _reason(kind: str, rewards: RewardRange, state: BaseParamState) -> str:
    return {
        "arm": f"no such arm, there are {state.num_arms}",
        "reward": f"reward must be {rewards.text}",
        "feature": "every feature must be finite",
        "propensity": "propensity must be in (0, 1]",
    }[kind]


def _fit(
    name: str, array: NDArray[Any], kind: str, shape: tuple[int, ...]
) -> NDArray[Any]:
    if array.dtype != np.dtype(kind) or array.shape != shape:
        raise InvalidFeedback(
            f"{name} must be {np.dtype(kind)} of shape {shape},"
            f" not {array.dtype} of {array.shape}"
        )
    return packed(array)
