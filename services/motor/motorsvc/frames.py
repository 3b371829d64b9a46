"""Frames of the select stream: columns in, columns out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc
import numpy as np

from motorsvc.selector import Choices
from motorsvc.selector import Contexts
from motorsvc.states import Ready
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup
from qbrixserving.errors import grpc_status

MAX_ITEMS: Final = 256
_LATE: Final = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
_MALFORMED: Final = grpc.StatusCode.INVALID_ARGUMENT.value[0]


def is_sound(group: SelectGroup) -> bool:
    """Whether the columns of a group are of one length."""
    count = len(group.seqs)
    return (
        0 < count
        and len(group.remaining_ms) == count
        and len(group.vectors) == 4 * count * group.dim
    )


def item_count(frame: SelectFrame) -> int:
    """Items of all groups of a frame."""
    return sum(len(group.seqs) for group in frame.groups)


def contexts_of(group: SelectGroup) -> Contexts:
    """Its vectors as float32 (N, D), a view of the frame's bytes."""
    count = len(group.seqs)
    if not group.dim:
        return np.empty((count, 0), dtype=np.float32)
    vectors = np.frombuffer(group.vectors, dtype="<f4")
    return vectors.reshape(count, group.dim)


def add_choices(
    frame: AnswerFrame, seqs: Sequence[int], ready: Ready, choices: Choices
) -> None:
    """Answer items with what was chosen for them."""
    arms, propensities = choices
    chances = propensities.tolist()
    frame.groups.add(
        seqs=seqs,
        arms=arms.tolist(),
        propensities=chances if any(p == p for p in chances) else None,
        generation=ready.stored.header.generation,
        param_version=ready.stored.header.version,
        definition_version=ready.agent.definition.version,
    )


def add_error(frame: AnswerFrame, seqs: Sequence[int], error: BaseException) -> None:
    """Answer items with an error, shown as the one table of errors says."""
    status, detail = grpc_status(error)
    frame.groups.add(seqs=seqs, status=status.value[0], detail=detail)


def add_late(frame: AnswerFrame, seqs: Sequence[int]) -> None:
    """Answer items whose time was over before any work was done for them."""
    frame.groups.add(seqs=seqs, status=_LATE, detail="the deadline has passed")


def add_malformed(frame: AnswerFrame, seqs: Sequence[int]) -> None:
    """Answer items of a group whose columns do not fit each other."""
    frame.groups.add(
        seqs=seqs, status=_MALFORMED, detail="the columns of the group differ in length"
    )
