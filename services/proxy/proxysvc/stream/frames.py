"""Frames of a motor stream: waiting selects as columns, and answers back to selects."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import islice
from typing import ClassVar
from typing import Final

import msgspec

from proxysvc.stream.bundle import ITEM_BYTES
from proxysvc.stream.bundle import TRACEPARENT_BYTES
from proxysvc.stream.bundle import Bundle
from qbrixcore.definition import Definition
from qbrixcore.errors import QbrixError
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import AnswerGroup
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup
from qbrixserving.errors import error_of_status

MAX_ITEMS: Final = 256
MAX_BYTES: Final = 1 << 20
LONGEST_TEXT: Final = 512  # characters of an id that the motor only logs


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

    items: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """About how many bytes of a frame it takes."""
        vector = 0 if self.vector is None else len(self.vector)
        traced = TRACEPARENT_BYTES if self.traceparent else 0
        texts = 4 * len(self.context_id) + len(self.trace_id)
        return ITEM_BYTES + vector + texts + traced


def pack(picks: Iterable[Pick | Bundle], now: float) -> SelectFrame:
    """The frame that asks for ``picks``, grouped by definition."""
    groups: dict[int, tuple[list[Pick], list[Bundle]]] = {}
    for pick in picks:
        group = groups.get(id(pick.definition))
        if group is None:
            group = groups[id(pick.definition)] = ([], [])
        if isinstance(pick, Pick):
            group[0].append(pick)
        else:
            group[1].append(pick)
    frame = SelectFrame()
    for alone, together in groups.values():
        definition = (alone or together)[0].definition
        columns = frame.groups.add(
            tenant_id=definition.tenant,
            experiment_id=definition.experiment,
            definition_version=definition.version,
            seqs=[pick.seq for pick in alone],
            remaining_ms=[_remaining_ms(pick.deadline - now) for pick in alone],
            context_ids=[pick.context_id for pick in alone],
            trace_ids=[pick.trace_id for pick in alone],
        )
        if definition.dim:
            columns.dim = definition.dim
            vectors = [pick.vector or b"" for pick in alone]
            for bundle in together:
                vectors += bundle.of_open(bundle.vectors or ())
            columns.vectors = b"".join(vectors)
        if alone and alone[0].traceparent is not None:
            columns.traceparents.extend([pick.traceparent or "" for pick in alone])
        for bundle in together:
            _add(columns, bundle, now)
    return frame


def _add(columns: SelectGroup, bundle: Bundle, now: float) -> None:
    items = bundle.items
    columns.seqs.extend(bundle.open)
    columns.remaining_ms.extend([_remaining_ms(bundle.deadline - now)] * items)
    columns.context_ids.extend(bundle.of_open(bundle.context_ids))
    columns.trace_ids.extend([bundle.trace_id] * items)
    if bundle.traceparents is not None:
        columns.traceparents.extend(bundle.of_open(bundle.traceparents))


def settle(frame: AnswerFrame, sent: dict[int, Pick | Bundle]) -> None:
    """Answer the selects of a frame; those given up meanwhile are ignored."""
    for group in frame.groups:
        if group.status:
            _fail(group, sent)
            continue
        generation = group.generation
        version = group.param_version
        definition_version = group.definition_version
        seqs, arms = list(group.seqs), list(group.arms)
        chances: Sequence[float] = group.propensities
        chances = list(chances) or [math.nan] * len(seqs)
        rows = zip(seqs, arms, chances, strict=True)
        for seq, arm, chance in rows:
            pick = sent.pop(seq, None)
            if pick is None:
                continue
            if isinstance(pick, Bundle):
                start = seqs.index(seq)
                end = start + _row(seqs, start, pick)
                for other in seqs[start + 1 : end]:
                    del sent[other]
                made = seqs[start:end], arms[start:end], chances[start:end]
                pick.answer(*made, generation, version)
                deque(islice(rows, end - start - 1), maxlen=0)
            elif not pick.future.done():
                known = None if chance != chance else chance
                pick.future.set_result(
                    Choice(arm, known, generation, version, definition_version)
                )


def _row(seqs: list[int], start: int, bundle: Bundle) -> int:
    """How many from there on are the open ones of a bundle: all in order, or one."""
    items = bundle.items
    if bundle.left == items and seqs[start : start + items] == bundle.open:
        return items
    return 1


def unanswered(sent: Mapping[int, Pick | Bundle]) -> list[Pick | Bundle]:
    """Each once, bundles with what is still open of them."""
    picks: list[Pick | Bundle] = []
    bundles: dict[Bundle, list[int]] = {}
    for seq, pick in sent.items():
        if isinstance(pick, Pick):
            picks.append(pick)
        else:
            bundles.setdefault(pick, []).append(seq)
    for bundle, seqs in bundles.items():
        bundle.open = seqs
    return [*picks, *bundles]


def refuse(pick: Pick | Bundle, error: QbrixError) -> None:
    """There will be no choice for what is open of this."""
    if isinstance(pick, Bundle):
        for seq in pick.open:
            pick.fail(seq, error)
    elif not pick.future.done():
        pick.future.set_exception(error)


def _fail(group: AnswerGroup, sent: dict[int, Pick | Bundle]) -> None:
    for seq in group.seqs:
        pick = sent.pop(seq, None)
        if pick is None:
            continue
        error = error_of_status(group.status, group.detail)
        if isinstance(pick, Bundle):
            pick.fail(seq, error)
        else:
            refuse(pick, error)


def _remaining_ms(seconds: float) -> int:
    milliseconds = int(seconds * 1_000)
    return milliseconds if milliseconds > 0 else 0
