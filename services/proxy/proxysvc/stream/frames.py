"""Frames of a motor stream: waiting selects as columns, and answers back to selects."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Final

import msgspec

from qbrixcore.definition import Definition
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import AnswerGroup
from qbrixproto.motor_pb2 import SelectFrame
from qbrixserving.errors import error_of_status

MAX_ITEMS: Final = 256
MAX_BYTES: Final = 1 << 20
LONGEST_TEXT: Final = 512  # characters of an id that the motor only logs
_ITEM_BYTES: Final = 24  # sequence number, remaining time, tags
_TRACEPARENT_BYTES: Final = 57


class Choice(msgspec.Struct, frozen=True, gc=False):
    """What a motor chose, and from which state."""

    arm: int
    propensity: float | None
    generation: int
    version: int
    definition_version: int


class Pick(msgspec.Struct, gc=False):
    """A select on its way. ``vector`` is little-endian float32, ``deadline`` is a time
    of the event loop's clock in seconds. ``traceparent`` is None while nothing is
    traced, and "" if just this select is not."""

    seq: int
    definition: Definition
    context_id: str
    vector: bytes | None
    trace_id: str
    deadline: float
    future: asyncio.Future[Choice]
    traceparent: str | None = None

    @property
    def size(self) -> int:
        """About how many bytes of a frame it takes."""
        vector = 0 if self.vector is None else len(self.vector)
        traced = _TRACEPARENT_BYTES if self.traceparent else 0
        texts = 4 * len(self.context_id) + len(self.trace_id)
        return _ITEM_BYTES + vector + texts + traced


def pack(picks: Iterable[Pick], now: float) -> SelectFrame:
    """The frame that asks for ``picks``, grouped by definition."""
    groups: dict[int, list[Pick]] = {}
    for pick in picks:
        group = groups.get(id(pick.definition))
        if group is None:
            groups[id(pick.definition)] = [pick]
        else:
            group.append(pick)
    frame = SelectFrame()
    for members in groups.values():
        definition = members[0].definition
        columns = frame.groups.add(
            tenant_id=definition.tenant,
            experiment_id=definition.experiment,
            definition_version=definition.version,
            seqs=[pick.seq for pick in members],
            remaining_ms=[_remaining_ms(pick.deadline - now) for pick in members],
            context_ids=[pick.context_id for pick in members],
            trace_ids=[pick.trace_id for pick in members],
        )
        if members[0].vector is not None:
            columns.dim = definition.dim
            columns.vectors = b"".join([pick.vector or b"" for pick in members])
        if members[0].traceparent is not None:
            columns.traceparents.extend([pick.traceparent or "" for pick in members])
    return frame


def settle(frame: AnswerFrame, sent: dict[int, Pick]) -> None:
    """Answer the selects of a frame; those given up meanwhile are ignored."""
    for group in frame.groups:
        if group.status:
            _fail(group, sent)
            continue
        generation = group.generation
        version = group.param_version
        definition_version = group.definition_version
        propensities: Sequence[float] = group.propensities
        chances = list(propensities) or [math.nan] * len(group.seqs)
        for seq, arm, chance in zip(group.seqs, group.arms, chances, strict=True):
            pick = sent.pop(seq, None)
            if pick is not None and not pick.future.done():
                known = None if chance != chance else chance
                pick.future.set_result(
                    Choice(arm, known, generation, version, definition_version)
                )


def _fail(group: AnswerGroup, sent: dict[int, Pick]) -> None:
    for seq in group.seqs:
        pick = sent.pop(seq, None)
        if pick is not None and not pick.future.done():
            pick.future.set_exception(error_of_status(group.status, group.detail))


def _remaining_ms(seconds: float) -> int:
    return max(0, int(seconds * 1000))
