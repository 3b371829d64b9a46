"""Folding the events of one experiment into its state.

Shapes: N events, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cortexsvc.sorting import Group
from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidFeedback
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import BasePolicy
from qbrixlog import get_logger
from qbrixstore.redis.event import FeedbackEvent

logger = get_logger(__name__)

FLOAT32_LE = np.dtype("<f4")


class Folded(msgspec.Struct):
    """The state after ``learned`` of the events; why not the others, by batch row."""

    state: BaseParamState
    learned: int
    refused: dict[int, str]


def fold(
    policy: type[BasePolicy[Any]], hyper: Any, state: BaseParamState, group: Group
) -> Folded:
    """Learn a group in order, leaving out what the policy cannot learn from."""
    refused: dict[int, str] = {}
    group = _of_width(group, state.dim, refused)
    feedback = _feedback(group.events, state.dim)
    faults = policy.faults(hyper, state, feedback)
    if faults:
        refused |= {group.rows[row]: reason for row, reason in faults.items()}
        kept = [row for row in range(len(group.events)) if row not in faults]
        group = group.at(kept)
        feedback = _feedback(group.events, state.dim)
    if not group.events:
        return Folded(state, 0, refused)
    try:
        return Folded(
            _sound(policy.fold(hyper, state, feedback)), len(group.events), refused
        )
    except Exception as error:
        logger.warning("one by one after a failed fold: %s", error)
        return _one_by_one(policy, hyper, state, group, refused)


def _one_by_one(
    policy: type[BasePolicy[Any]],
    hyper: Any,
    state: BaseParamState,
    group: Group,
    refused: dict[int, str],
) -> Folded:
    learned = 0
    for event, row in zip(group.events, group.rows, strict=True):
        try:
            state = _sound(policy.fold(hyper, state, _feedback([event], state.dim)))
            learned += 1
        except Exception as error:
            refused[row] = f"cannot be folded: {error}"
    return Folded(state, learned, refused)


def _sound(state: BaseParamState) -> BaseParamState:
    for name, array in state.arrays().items():
        if not np.isfinite(array).all():
            raise InvalidFeedback(f"{name} would not be finite")
    return state


def _of_width(group: Group, dim: int, refused: dict[int, str]) -> Group:
    if not dim:
        return group
    size = dim * FLOAT32_LE.itemsize
    wide = [len(event.vector or b"") == size for event in group.events]
    if all(wide):
        return group
    for row, fits in zip(group.rows, wide, strict=True):
        if not fits:
            refused[row] = f"the vector must have {dim} features"
    return group.at([row for row, fits in enumerate(wide) if fits])


def _feedback(events: Sequence[FeedbackEvent], dim: int) -> Feedback:
    return Feedback(
        arms=np.array([event.arm for event in events], dtype=np.int64),
        rewards=np.array([event.reward for event in events], dtype=np.float64),
        propensities=np.array([event.propensity for event in events], dtype=np.float64),
        vectors=_vectors(events, dim),
    )


def _vectors(events: Sequence[FeedbackEvent], dim: int) -> NDArray[np.float32]:
    if not dim:
        return np.empty((len(events), 0), dtype=np.float32)
    joined = b"".join([event.vector or b"" for event in events])
    read = np.frombuffer(joined, FLOAT32_LE).reshape(len(events), dim)
    return read.astype(np.float32, copy=False)
