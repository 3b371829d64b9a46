"""A Redis that is emptied under the running system: nobody is served the prior."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
from tests.system.learned import learned
from tests.system.running import Up

LEARNED = 20
RECOVERY_SEC = 30.0


def select(client: httpx.Client, experiment: str) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "someone"}}
    return client.post("/agent/select", json=body)


def reward(client: httpx.Client, token: str) -> int:
    body = {"request_id": token, "reward": 1}
    return client.post("/agent/feedback", json=body).status_code


def tokens_of(client: httpx.Client, experiment: str, count: int) -> list[str]:
    return [select(client, experiment).json()["request_id"] for _ in range(count)]


async def caught_up(client: httpx.Client, experiment: str, version: int) -> None:
    """Return when selects are answered from this version."""
    while True:
        answer = select(client, experiment)
        if int(answer.headers["x-param-version"]) >= version:
            return
        await asyncio.sleep(0.01)


def served(client: httpx.Client, experiment: str, at_least: int) -> None:
    """A warm select, answered from no version below this one."""
    answer = select(client, experiment)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["x-param-version"]) >= at_least


async def test_selects_go_on_and_learning_comes_back(
    fresh: Callable[..., Up],
) -> None:
    up = fresh().start()
    experiment = up.experiment
    with up.client() as client:
        for token in tokens_of(client, experiment, LEARNED):
            assert reward(client, token) == 201
        async with learned(up, experiment) as state:
            await state.until(LEARNED)
            before = await state.stored()
            version = before.header.version
            await caught_up(client, experiment, version)
            await state.client.execute("FLUSHALL")
            emptied = time.monotonic()
            token = tokens_of(client, experiment, 1)[0]
            codes = set()
            while (code := reward(client, token)) != 201:
                codes.add(code)
                served(client, experiment, version)
                assert time.monotonic() < emptied + RECOVERY_SEC
                await asyncio.sleep(0.02)
            print(f"feedback accepted again after {time.monotonic() - emptied:.1f} s")
            assert codes <= {503}

        async with learned(up, experiment) as state:
            pulls = await state.until(LEARNED + 1)
            after = await state.stored()
        served(client, experiment, version)
        assert pulls.sum() == LEARNED + 1
        assert (pulls >= before.state.pulls).all()
        assert after.header.version > version
        assert up.stop() == 0
