"""Far more than a system can do, all at once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final
from typing import NamedTuple

from chaos.experiments import Subject
from chaos.journal import NO_ANSWER
from chaos.journal import Journal
from chaos.lines import Line
from chaos.sending import BATCH
from chaos.sending import Rewards
from chaos.sending import results
from chaos.sending import status

SELECTS: Final = b"/api/v1/agent/select:batch"
LINES: Final = 128
TICK: Final = 0.01


class Spike(NamedTuple):
    """Decisions that were to be made, that were asked for, and what came of those.

    What was to be asked for while all connections waited for answers was not.
    """

    seconds: float
    wanted: int
    asked: int
    answers: Counter[int]


class Spiking:
    """Asks for decisions in batches, and sends each reward once."""

    def __init__(
        self,
        address: tuple[str, str],
        subjects: Sequence[Subject],
        journal: Journal,
        rng: random.Random,
    ) -> None:
        self._address = address
        self._journal = journal
        self._rng = rng
        self._bodies = [(one, self._body(one)) for one in subjects]
        self._asked = 0
        self._answers: Counter[int] = Counter()

    def _body(self, subject: Subject) -> bytes:
        contexts = subject.contexts(self._rng, BATCH)
        body = {"experiment_id": subject.id, "contexts": contexts}
        return json.dumps(body).encode()

    async def run(self, rate: float, seconds: float) -> Spike:
        """So many decisions a second, however many of them are answered."""
        start, wanted = time.monotonic(), 0
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            free = [
                await stack.enter_async_context(Line(*self._address))
                for _ in range(LINES)
            ]

            async def ask(line: Line) -> None:
                await self._decide(line)
                free.append(line)

            while (passed := time.monotonic() - start) < seconds:
                while wanted < passed * rate:
                    wanted += BATCH
                    if free:
                        group.create_task(ask(free.pop()))
                await asyncio.sleep(TICK)
        return Spike(time.monotonic() - start, wanted, self._asked, self._answers)

    async def _decide(self, line: Line) -> None:
        subject, body = self._rng.choice(self._bodies)
        self._asked += BATCH
        reply = await line.post(SELECTS, body)
        if reply is None or reply.status != 200:
            self._count(status(reply), BATCH)
            return
        tokens = []
        for one in results(reply):
            error = one["error"]
            self._count(error["status"] if error else 200)
            if error is None:
                reward = float(self._rng.random() < 0.5)
                token = one["request_id"]
                self._journal.selected(subject, one["arm"]["name"], token, reward)
                if token is not None:
                    tokens.append(token)
        if tokens:
            await Rewards(self._journal, tokens)(line)

    def _count(self, status: int, items: int = 1) -> None:
        self._answers[status] += items
        if status not in (200, 429, 503):
            said = "lost" if status == NO_ANSWER else f"answered {status}"
            self._journal.complain(f"a decision of the spike was {said}")
