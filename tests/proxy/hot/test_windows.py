"""Reward windows over REST: what waits for a reward, and what comes too late."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.proxy.conftest import client_of
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person

from proxysvc import awaiting as awaitings
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from proxysvc.token import Keyring
from proxysvc.token import seal
from proxysvc.token import unseal
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import decode_batch
from qbrixstore.redis.consumer import RedisStreamConsumer

KEYRING = Keyring.parse(SECRETS, strong=True)
TTL = 7 * 86_400
WINDOW = 3_600
PASSED = "the reward window"


@pytest.fixture
async def rest(rest: Rest) -> Rest:
    await rest.redis.execute("DEL", rest.layout.awaited(0))
    return rest


async def windowed(
    rest: Rest,
    policy: str = "BetaTSPolicy",
    params: dict[str, Any] | None = None,
    default: float | None = 0,
    **more: Any,
) -> dict[str, Any]:
    """An experiment with a window of an hour."""
    window = {"reward_window_sec": WINDOW, "default_reward": default}
    return await rest.experiment(policy, params, **window, **more)


async def waiting(rest: Rest) -> list[AwaitedBatch]:
    """The batches of selections that wait, those that lapse first in front."""
    found = await rest.redis.execute("ZRANGE", rest.layout.awaited(0), 0, -1)
    batches = [decode_batch(data) for data in found]
    return [one for one in batches if one is not None]


async def until(rest: Rest, count: int) -> list[AwaitedBatch]:
    """The batches, once they hold so many selections."""
    for _ in range(1_000):
        batches = await waiting(rest)
        if sum(len(one.selections) for one in batches) >= count:
            return batches
        await asyncio.sleep(0.02)
    raise AssertionError("they do not wait")


def aged(token: str, seconds: float) -> str:
    """The token as if its selection had been so much longer ago."""
    held = unseal(token, KEYRING)
    issued_ms = held.issued_ms - int(seconds * 1_000)
    older = msgspec.structs.replace(held, issued_ms=issued_ms)
    return seal(older, KEYRING.signing_key)


async def lapse(rest: Rest) -> int:
    """Let every window end now, as cortex does when it is time."""
    for data in await rest.redis.execute("ZRANGE", rest.layout.awaited(0), 0, -1):
        await rest.redis.execute("ZADD", rest.layout.awaited(0), "XX", 1, data)
    consumer = RedisStreamConsumer(rest.redis, rest.layout, "c-0")
    assert await consumer.acquire()
    awaited, count = AwaitedRewards(rest.redis, rest.layout), 0
    while (due := await awaited.due(0)).batches:
        count += await awaited.lapse(0, consumer.fence, due, 1 << 40) or 0
    await consumer.release()
    return count


async def test_a_selection_waits_as_its_token_has_it(rest: Rest) -> None:
    made = await windowed(rest, "LinUCBPolicy", {"dim": 2}, 0.5)
    token = unseal(await rest.token(made, vector=[1.0, 0.5]), KEYRING)
    (batch,) = await until(rest, 1)
    (one,) = batch.selections
    for name in ("issuer", "sequence", "generation", "arm", "propensity", "vector"):
        assert getattr(one, name) == getattr(token, name)
    assert (batch.tenant, batch.experiment) == (token.tenant, made["id"])
    assert batch.reward == 0.5
    assert batch.due_ms == token.issued_ms + WINDOW * 1_000
    assert batch.known_until_ms > token.issued_ms + TTL * 1_000


async def test_only_what_has_a_default_waits(rest: Rest, plain: dict[str, Any]) -> None:
    bounded = await windowed(rest, default=None)
    made = await windowed(rest)
    await rest.token(plain)
    await rest.token(bounded)
    batch = (await rest.select_batch(made, *({"id": str(n)} for n in range(5)))).json()
    assert all(one["error"] is None for one in batch["results"])
    await until(rest, 5)
    await asyncio.sleep(3 * awaitings.GATHER_SEC)
    batches = await waiting(rest)
    assert sum(len(one.selections) for one in batches) == 5
    assert {one.experiment for one in batches} == {made["id"]}


async def test_what_a_gate_or_a_pause_decided_does_not_wait(rest: Rest) -> None:
    gate = {"rollout_percentage": 0, "default_arm_name": "arm-1"}
    made = await windowed(rest, feature_gate=gate)
    answer = (await rest.select(made)).json()
    assert answer["is_default"]
    token = answer["request_id"]
    assert unseal(token, KEYRING).window_sec == WINDOW
    late = await rest.feedback(aged(token, WINDOW + 1), 1)
    assert late.json()["detail"].startswith(PASSED)
    for _ in range(2):
        assert (await rest.feedback(token, 1)).status_code == 201
    await asyncio.sleep(3 * awaitings.GATHER_SEC)
    assert await waiting(rest) == []


async def test_feedback_after_the_window_is_refused(rest: Rest) -> None:
    for made in (await windowed(rest), await windowed(rest, default=None)):
        token = await rest.token(made)
        held = len(await rest.logged())
        for late in (aged(token, WINDOW + 1), aged(token, TTL / 2)):
            refused = await rest.feedback(late, 1)
            assert refused.status_code == 400
            assert refused.json()["code"] == "FEEDBACK_FAILED"
            assert refused.json()["detail"].startswith(PASSED)
        expired = await rest.feedback(aged(token, TTL + 1), 1)
        assert "expired" in expired.json()["detail"]
        assert len(await rest.logged()) == held
        for _ in range(2):
            answer = await rest.feedback(aged(token, WINDOW - 60), 1)
            assert answer.status_code == 201
        assert len(await rest.logged()) == held + 1


async def test_what_held_at_the_selection_holds_for_its_feedback(rest: Rest) -> None:
    made = await windowed(rest)
    token = await rest.token(made)
    path = f"/api/v1/experiments/{made['id']}"
    answer = await rest.client.patch(path, json={"reward_window_sec": None})
    assert answer.json()["default_reward"] is None

    async def open_ended() -> str:
        for _ in range(500):
            token = await rest.token(made)
            if not unseal(token, KEYRING).window_sec:
                return token
            await asyncio.sleep(0.01)
        raise AssertionError("the window stays")

    later = await open_ended()
    assert (await rest.feedback(aged(token, WINDOW + 1), 1)).status_code == 400
    assert (await rest.feedback(token, 1)).status_code == 201
    assert (await rest.feedback(aged(later, WINDOW + 1), 1)).status_code == 201


async def test_whoever_loses_against_the_default_is_told(
    rest: Rest, plain: dict[str, Any]
) -> None:
    made = await windowed(rest)
    tokens = [await rest.token(made) for _ in range(4)]
    assert (await rest.feedback(tokens[0], 1)).status_code == 201
    await until(rest, 4)
    # a clock that is ahead: the proxy still takes feedback
    assert await lapse(rest) == 3
    held = len(await rest.logged())
    assert (await rest.feedback(tokens[0], 1)).status_code == 201
    refused = await rest.feedback(tokens[1], 1)
    assert (refused.status_code, refused.json()["code"]) == (400, "FEEDBACK_FAILED")
    assert "window" in refused.json()["detail"]

    other = await rest.token(plain)
    pairs = [(tokens[0], 1), (tokens[2], 1), (other, 1), (tokens[3], 0), (other, 1)]
    results = (await rest.feedback_batch(*pairs)).json()["results"]
    codes = [one["error"] and one["error"]["code"] for one in results]
    assert codes == [None, "FEEDBACK_FAILED", None, "FEEDBACK_FAILED", None]
    assert len(await rest.logged()) == held + 1


async def test_a_worker_that_stops_puts_first(
    settings: ProxySettings, admin: Person, rest: Rest
) -> None:
    made = await windowed(rest)
    async with proxy(settings) as worker, client_of(worker, admin.headers) as client:
        for _ in range(5):
            await Rest(client, rest.redis, rest.layout).token(made)
    batches = await waiting(rest)
    assert sum(len(one.selections) for one in batches) == 5
