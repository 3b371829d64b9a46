"""A sender at a steady rate that repeats each reward until it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import Any
from typing import Final

from chaos.experiments import Subject
from chaos.journal import FINE
from chaos.journal import NO_ANSWER
from chaos.journal import Journal
from chaos.lines import Line

from qbrixcli.demo.wire import Reply

SELECT: Final = b"/api/v1/agent/select"
FEEDBACK: Final = b"/api/v1/agent/feedback"
FEEDBACKS: Final = b"/api/v1/agent/feedback:batch"
LINES: Final = 48
TICK: Final = 0.005
DELAY: Final = (0.0, 0.5)  # seconds between a selection and its reward
AGAIN: Final = 0.2  # seconds before a reward is sent again
REPEATED: Final = 0.03  # of the rewards, sent again although they were acknowledged
BATCH: Final = 100

Job = Callable[[Line], Awaitable[None]]


class Sender:
    """Selects from all experiments at ``rate`` requests a second, rewards included."""

    def __init__(
        self,
        url: str,
        key: str,
        subjects: Sequence[Subject],
        journal: Journal,
        rng: random.Random,
    ) -> None:
        self.rate = 0.0
        self.journal = journal
        self._address = (url, key)
        self._rng = rng
        self._bodies = [(subject, subject.bodies(rng)) for subject in subjects]
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self.repeating = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send for the duration of the block."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._pace())]
            for _ in range(LINES):
                line = await stack.enter_async_context(Line(*self._address))
                tasks.append(group.create_task(self._work(line)))
            yield
            for task in tasks:
                task.cancel()

    async def finish(self) -> None:
        """Select nothing more; returns when all is answered, if not acknowledged.

        From now on no reward is sent again.
        """
        self.rate = 0.0
        self.repeating = False
        # those that wait for their moment are sent once
        await asyncio.sleep(max(DELAY[1], AGAIN) + TICK)
        await self._jobs.join()

    async def settle(self) -> None:
        """Send what is open again and again, until nothing is."""
        while self.journal.open:
            tokens = list(self.journal.open)
            parts = [tokens[n : n + BATCH] for n in range(0, len(tokens), BATCH)]
            for part in parts:
                self._jobs.put_nowait(Rewards(self.journal, part))
            await self._jobs.join()
            await asyncio.sleep(TICK)

    async def _pace(self) -> None:
        last, owed = self._loop.time(), 0.0
        while True:
            await asyncio.sleep(TICK)
            now = self._loop.time()
            # every selection has a reward
            owed += (now - last) * self.rate / 2
            last = now
            while owed >= 1:
                owed -= 1
                self._jobs.put_nowait(self._select)

    async def _work(self, line: Line) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await job(line)
            finally:
                self._jobs.task_done()

    async def _select(self, line: Line) -> None:
        subject, bodies = self._rng.choice(self._bodies)
        reply = await line.post(SELECT, self._rng.choice(bodies))
        self.journal.answered("select", status(reply))
        if reply is not None and reply.status == 200:
            chosen = json.loads(reply.body)
            token = chosen["request_id"]
            reward = float(self._rng.random() < 0.5)
            self.journal.selected(subject, chosen["arm"]["name"], token, reward)
            if token is not None:
                self._later(token, self._rng.uniform(*DELAY))

    async def _reward(self, line: Line, token: str) -> None:
        sent = self.journal.open.get(token)
        if sent is None:
            return
        self.journal.trying(token)
        body = json.dumps({"request_id": token, "reward": sent.reward}).encode()
        for _ in range(1 + (self._rng.random() < REPEATED)):
            reply = await line.post(FEEDBACK, body)
            self.journal.answered("feedback", status(reply))
            if reply is not None and reply.status in FINE:
                self.journal.accepted(token)
        if token in self.journal.open and self.repeating:
            self._later(token, AGAIN)

    def _later(self, token: str, seconds: float) -> None:
        async def job(line: Line) -> None:
            await self._reward(line, token)

        self._loop.call_later(seconds, self._jobs.put_nowait, job)


class Rewards:
    """A batch of rewards that are open, sent once."""

    def __init__(self, journal: Journal, tokens: Sequence[str]) -> None:
        self._journal = journal
        self._tokens = tokens

    async def __call__(self, line: Line) -> None:
        held = [(token, self._journal.open[token].reward) for token in self._tokens]
        for token in self._tokens:
            self._journal.trying(token)
        feedbacks = [{"request_id": token, "reward": reward} for token, reward in held]
        body = json.dumps({"feedbacks": feedbacks}).encode()
        reply = await line.post(FEEDBACKS, body)
        self._journal.answered("feedback:batch", status(reply))
        if reply is None or reply.status != 200:
            return
        for token, one in zip(self._tokens, results(reply), strict=True):
            error = one["error"]
            self._journal.answered(
                "feedback in a batch", error["status"] if error else 201
            )
            if error is None:
                self._journal.accepted(token)


def status(reply: Reply | None) -> int:
    """That of an answer, 0 for none."""
    return NO_ANSWER if reply is None else reply.status


def results(reply: Reply) -> list[dict[str, Any]]:
    """Those of a batch."""
    found: list[dict[str, Any]] = json.loads(reply.body)["results"]
    return found
