"""Cortex is killed again and again, and every reward counts exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import numpy as np
import psutil
from tests.system.learned import Learned
from tests.system.learned import learned
from tests.system.running import Up
from tests.system.traffic import Chosen
from tests.system.traffic import acknowledged
from tests.system.traffic import connections
from tests.system.traffic import select

from qbrixcli.demo.wire import Connection

FEEDBACKS = 20_000
KILLS = 5
AT_ONCE = 16
# every such token is sent once more after it was acknowledged
REPEATED = 10


class Sender:
    """Sends rewards, but no further than the killer allows."""

    def __init__(self, chosen: list[Chosen]) -> None:
        self._left = iter(enumerate(chosen))
        self._allowed = asyncio.Semaphore(0)

    def allow(self, count: int) -> None:
        """Let so many more rewards go."""
        for _ in range(count):
            self._allowed.release()

    async def run(self, connection: Connection) -> None:
        for number, one in self._left:
            await self._allowed.acquire()
            await acknowledged(connection, one.token, float(number % 2))
            if number % REPEATED == 0:
                await acknowledged(connection, one.token, float(number % 2))


async def test_the_pulls_are_the_distinct_tokens(fresh: Callable[..., Up]) -> None:
    up = fresh().start()
    experiment = up.experiment
    async with connections(up, AT_ONCE) as lines, learned(up, experiment) as state:
        chosen = await _choose(lines, experiment)
        assert len({one.token for one in chosen}) == FEEDBACKS
        sender = Sender(chosen)
        killer = asyncio.create_task(_kill(up, sender, state))
        await asyncio.gather(killer, *(sender.run(line) for line in lines))
        await state.until(FEEDBACKS)
        # a last one, in order behind all others: what it finds is final
        last = await select(lines[0], experiment, "last")
        await acknowledged(lines[0], last.token, 1.0)
        pulls = await state.until(FEEDBACKS + 1)
    expected = Counter(one.arm for one in [*chosen, last])
    assert pulls.tolist() == [expected[arm] for arm in range(len(pulls))]
    assert pulls.sum() == FEEDBACKS + 1
    assert up.log.read_text().count("cortex ended with -9") == KILLS


async def _choose(lines: list[Connection], experiment: str) -> list[Chosen]:
    visitors = iter(range(FEEDBACKS))

    async def work(line: Connection) -> list[Chosen]:
        return [await select(line, experiment, visitor) for visitor in visitors]

    chosen = await asyncio.gather(*(work(line) for line in lines))
    return [one for some in chosen for one in some]


async def _kill(up: Up, sender: Sender, state: Learned) -> None:
    """Kill cortex while it learns, each time after it has learned something new."""
    part = FEEDBACKS // (KILLS + 1)
    known = 0
    for _ in range(KILLS):
        sender.allow(part)
        known = int((await state.until(known + 1)).sum())
        victim = await asyncio.to_thread(_cortex, up)
        victim.kill()
        known = int(np.sum(await state.pulls()))
    sender.allow(FEEDBACKS)


def _cortex(up: Up) -> psutil.Process:
    victim = up.service("cortex")
    assert victim is not None
    return victim
