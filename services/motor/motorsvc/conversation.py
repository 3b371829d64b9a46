"""One select stream: warm groups are answered at once, cold ones when they can be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from typing import Final

import grpc
import numpy as np

from motorsvc import frames
from motorsvc.metrics import MotorMetrics
from motorsvc.selector import LONGEST_ON_LOOP
from motorsvc.selector import Choices
from motorsvc.selector import Selector
from motorsvc.states import Ready
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixlog import get_logger
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup

logger = get_logger(__name__)

MOST_COLD: Final = 4_096  # items of one stream that may wait for Redis or a thread
_END: Final[Any] = grpc.aio.EOF  # type: ignore[attr-defined]


class Conversation:
    """Reads frames until the caller ends the stream or ``stop`` is called."""

    def __init__(self, context: Any, selector: Selector, metrics: MotorMetrics) -> None:
        self._context = context
        self._selector = selector
        self._metrics = metrics
        self._cold: set[asyncio.Task[None]] = set()
        self.cold_items = 0
        self._received = 0
        self._writing = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Carry the conversation; returns when everything read has been answered."""
        self._reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait([self._reader])
            if not self._reader.cancelled():
                self._reader.result()
            if self._cold:
                await asyncio.wait(self._cold)
        finally:
            for task in (self._reader, *self._cold):
                task.cancel()

    def stop(self) -> None:
        """Read no more. Frames not read yet are the caller's to send elsewhere."""
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self) -> None:
        await self._write(AnswerFrame())
        while (frame := await self._context.read()) is not _END:
            self._received += 1
            answers = AnswerFrame()
            self._answer(frame, answers)
            await self._write(answers)

    async def _write(self, answers: AnswerFrame) -> None:
        # grpc takes one message at a time
        async with self._writing:
            answers.received = self._received
            self._metrics.answered(answers)
            await self._context.write(answers)

    def _answer(self, frame: SelectFrame, answers: AnswerFrame) -> None:
        """Answer what is warm and cheap; start a task for every other group."""
        began = perf_counter()
        items = frames.item_count(frame)
        if items > frames.MAX_ITEMS:
            error = InvalidContext(f"a frame holds at most {frames.MAX_ITEMS} items")
            for group in frame.groups:
                frames.add_error(answers, group.seqs, error)
        else:
            self._answer_groups(frame.groups, answers)
        self._metrics.frame(began, items)

    def _answer_groups(
        self, groups: Iterable[SelectGroup], answers: AnswerFrame
    ) -> None:
        spent = 0.0
        for group in groups:
            if not frames.is_sound(group):
                frames.add_malformed(answers, group.seqs)
                continue
            try:
                key = (group.tenant_id, group.experiment_id)
                ready = self._selector.warm(key, group.definition_version)
                if ready is not None:
                    spent += ready.cost_ns(len(group.seqs))
                if ready is None or spent > LONGEST_ON_LOOP:
                    self._answer_later(group)
                else:
                    seqs, contexts = _in_time(group, 0.0, answers)
                    if seqs:
                        choices = self._selector.choose(ready, contexts)
                        self._add_choices(answers, seqs, ready, choices)
                    self._metrics.warm()
            except InvalidContext:
                self._answer_later(group)
            except Exception as error:
                _refuse(answers, group, error)

    def _answer_later(self, group: SelectGroup) -> None:
        items = len(group.seqs)
        if self.cold_items + items > MOST_COLD:
            raise Overloaded("too many selects of this stream are waiting")
        self.cold_items += items
        task = asyncio.create_task(
            self._catch_up(group, asyncio.get_running_loop().time())
        )
        self._cold.add(task)
        task.add_done_callback(lambda done: self._caught_up(done, items))

    def _caught_up(self, task: asyncio.Task[None], items: int) -> None:
        self._cold.discard(task)
        self.cold_items -= items
        if not task.cancelled() and (error := task.exception()) is not None:
            # the stream is gone, and with it whoever waited
            logger.debug("an answer could not be written: %s", error)

    async def _catch_up(self, group: SelectGroup, arrived: float) -> None:
        answers = AnswerFrame()
        try:
            async with asyncio.timeout_at(arrived + max(group.remaining_ms) / 1000):
                key = (group.tenant_id, group.experiment_id)
                ready = await self._selector.ready(key, group.definition_version)
            elapsed_ms = (asyncio.get_running_loop().time() - arrived) * 1000
            seqs, contexts = _in_time(group, elapsed_ms, answers)
            if seqs:
                await self._choose(ready, seqs, contexts, answers)
        except TimeoutError:
            frames.add_late(answers, group.seqs)
        except Exception as error:
            _refuse(answers, group, error)
        self._metrics.cold(asyncio.get_running_loop().time() - arrived)
        await self._write(answers)

    async def _choose(
        self, ready: Ready, seqs: Sequence[int], contexts: Any, answers: AnswerFrame
    ) -> None:
        """Answer these items; those that do not fit do not spoil it for the others."""
        try:
            choices = await self._selector.choose_aside(ready, contexts)
        except InvalidContext as error:
            sound = np.isfinite(contexts).all(axis=1)
            bad = [seq for seq, fits in zip(seqs, sound, strict=True) if not fits]
            frames.add_error(answers, bad or seqs, error)
            if bad and sound.any():
                seqs = [seq for seq, fits in zip(seqs, sound, strict=True) if fits]
                choices = await self._selector.choose_aside(ready, contexts[sound])
                self._add_choices(answers, seqs, ready, choices)
        else:
            self._add_choices(answers, seqs, ready, choices)

    def _add_choices(
        self,
        answers: AnswerFrame,
        seqs: Sequence[int],
        ready: Ready,
        choices: Choices,
    ) -> None:
        frames.add_choices(answers, seqs, ready, choices)
        self._metrics.chose(ready.agent.policy.spec.name, len(seqs))


def _in_time(
    group: SelectGroup, elapsed_ms: float, answers: AnswerFrame
) -> tuple[Sequence[int], Any]:
    """Numbers and contexts of the items that someone still waits for."""
    remaining = group.remaining_ms
    contexts = frames.contexts_of(group)
    if min(remaining) > elapsed_ms:
        return group.seqs, contexts
    frames.add_late(
        answers,
        [s for s, ms in zip(group.seqs, remaining, strict=True) if ms <= elapsed_ms],
    )
    rows = [row for row, ms in enumerate(remaining) if ms > elapsed_ms]
    return [group.seqs[row] for row in rows], contexts[rows]


def _refuse(answers: AnswerFrame, group: SelectGroup, error: Exception) -> None:
    if not isinstance(error, QbrixError):
        logger.error("selecting for %s failed", group.experiment_id, exc_info=error)
    frames.add_error(answers, group.seqs, error)
