"""Reward windows in the running system: each selection is learned once, one way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import psutil
from tests.system.learned import Learned
from tests.system.learned import learned
from tests.system.running import Up
from tests.system.running import eventually

from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import Layout

Fresh = Callable[..., Up]
Chosen = dict[str, Any]

WINDOW_SEC = 2


def make(api: httpx.Client, name: str) -> str:
    arms = [{"name": "a"}, {"name": "b"}]
    pool = api.post("/pools", json={"name": name, "arms": arms}).json()["id"]
    body = {
        "name": name,
        "pool_id": pool,
        "policy": "BetaTSPolicy",
        "reward_window_sec": WINDOW_SEC,
        "default_reward": 0,
    }
    answer = api.post("/experiments", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def select(api: httpx.Client, experiment: str) -> Chosen:
    body = {"experiment_id": experiment, "context": {"id": "someone"}}
    answer = api.post("/agent/select", json=body)
    assert answer.status_code == 200, answer.text
    found: Chosen = answer.json()
    assert not found["is_default"]
    return found


def reward(api: httpx.Client, one: Chosen) -> httpx.Response:
    body = {"request_id": one["request_id"], "reward": 1}
    return api.post("/agent/feedback", json=body)


def answered(api: httpx.Client, experiment: str) -> Chosen:
    """A selection with feedback, which is sent twice."""
    one = select(api, experiment)
    assert [reward(api, one).status_code for _ in range(2)] == [201, 201]
    return one


class Watched:
    """What the only experiment with a window has come to."""

    def __init__(self, state: Learned, layout: Layout) -> None:
        self._state = state
        self._layout = layout
        self._before: Counter[str] = Counter()

    async def begin(self) -> None:
        """Count from here on."""
        self._before = await self._counts()

    async def counts(self) -> Counter[str]:
        """Selections that were awaited, and of them settled and defaulted."""
        now = await self._counts()
        now.subtract(self._before)
        return now

    async def _counts(self) -> Counter[str]:
        names = ("awaited", "settled", "defaulted", "overdue")
        meta = self._layout.meta(0)
        found = await self._state.client.execute("HMGET", meta, *names)
        return Counter(
            {name: int(n or 0) for name, n in zip(names, found, strict=True)}
        )

    async def until(self, reached: Callable[[Counter[str]], bool]) -> None:
        """Return once the counts are so."""
        async with asyncio.timeout(60):
            while True:
                if reached(await self.counts()):
                    return
                await asyncio.sleep(0.02)

    async def pulls(self, total: int) -> list[int]:
        """By arm, once so many are learned and all of the log is."""
        await self._state.until(total)
        gauges = ShardGauges(self._state.client, self._layout)
        async with asyncio.timeout(60):
            while True:
                counts = await gauges.counters()
                if counts["events"] == counts["handled"]:
                    return [int(n) for n in await self._state.pulls()]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(up: Up, experiment: str) -> AsyncIterator[Watched]:
    async with learned(up, experiment) as state:
        found = Watched(state, await Layout.read(state.client))
        await found.begin()
        yield found


def by_arm(chosen: list[Chosen]) -> list[int]:
    return np.bincount([one["arm"]["index"] for one in chosen], minlength=2).tolist()


async def test_with_feedback_or_without_each_selection_is_learned_once(
    system: Up, api: httpx.Client
) -> None:
    experiment = make(api, "awaited")
    async with watched(system, experiment) as seen:
        rewarded = [answered(api, experiment) for _ in range(15)]
        ignored = [select(api, experiment) for _ in range(25)]
        await seen.until(lambda counts: counts["settled"] >= 40)
        assert await seen.counts() == Counter(
            {"awaited": 40, "settled": 40, "defaulted": 25, "overdue": 0}
        )
        assert await seen.pulls(40) == by_arm(rewarded + ignored)
        for one in (ignored[0], rewarded[0], ignored[-1]):
            late = reward(api, one)
            assert (late.status_code, late.json()["code"]) == (400, "FEEDBACK_FAILED")
            assert "window" in late.json()["detail"]
        assert await seen.pulls(40) == by_arm(rewarded + ignored)


async def test_a_killed_worker_loses_only_what_it_had_not_put(fresh: Fresh) -> None:
    up = fresh().start()
    with up.client() as api:
        experiment = make(api, "killed")
        async with watched(up, experiment) as seen:
            rewarded = [answered(api, experiment) for _ in range(10)]
            ignored = [select(api, experiment) for _ in range(20)]
            # they are put behind the answers, and not when the windows end
            await seen.until(lambda counts: counts["awaited"] >= 30)
            doubtful = [select(api, experiment) for _ in range(5)]
            for process in (*worker_of(up), up.service("cortex")):
                assert process is not None
                process.kill()
            await seen.until(lambda counts: counts["settled"] == counts["awaited"])
            counts = await seen.counts()
            put = counts["awaited"] - 30
            assert 0 <= put <= 5
            assert (counts["defaulted"], counts["overdue"]) == (20 + put, 0)
            pulls = np.array(await seen.pulls(30 + put))
            assert pulls.sum() == 30 + put
            assert (pulls >= by_arm(rewarded + ignored)).all()
            assert (pulls <= by_arm(rewarded + ignored + doubtful)).all()
    # a connection of its own: those of the killed worker are gone
    eventually(lambda: refused(up, ignored[0]))


def worker_of(up: Up) -> list[psutil.Process]:
    proxy = up.service("proxy")
    assert proxy is not None
    return proxy.children()


def refused(up: Up, one: Chosen) -> bool:
    with up.client() as api:
        try:
            return reward(api, one).status_code == 400
        except httpx.HTTPError:
            return False
