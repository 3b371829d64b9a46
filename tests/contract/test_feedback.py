"""Rows 50, 51 and 53: feedback and its tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from tests.contract.client import GRPC
from tests.contract.client import HTTP
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.system.learned import learned

SELECT = "/api/v1/agent/select"
FEEDBACK = "/api/v1/agent/feedback"


def a_token(client: Client) -> str:
    token = client.agent.select(running(client).id, {"id": "someone"}).request_id
    assert token
    return str(token)


@pytest.mark.row(50)
def test_rewards_are_integers_or_floats(client: Client) -> None:
    made = running(client)
    for reward in (1, 1.0, 0, 0.0):
        chosen = client.agent.select(made.id, {"id": "someone"})
        assert client.agent.feedback(chosen.request_id, reward) is None
    with refused("BadRequestError", 400):
        client.agent.feedback("made up", 1)
    token = a_token(client)
    with refused("BadRequestError", 400):
        client.agent.feedback(token[:-3] + "abc", 1)
    with refused("BadRequestError", 400):
        client.agent.feedback(token, 7)


@pytest.fixture(scope="module")
def hasty(beside: Callable[..., Beside]) -> Place:
    """Where a token may be rewarded for one second only."""
    return beside(PROXY_TOKEN_TTL_SEC="1").place


@pytest.mark.row(50)
def test_an_expired_token_is_refused(
    connect: Connect, caller: Caller, hasty: Place
) -> None:
    token = a_token(connect(caller))
    client = connect(caller, at=hasty)
    time.sleep(1.1)
    with refused("BadRequestError", 400) as caught:
        client.agent.feedback(token, 1)
    assert "expired" in str(caught[0].detail)


@pytest.mark.row(50, 58)
def test_feedback_is_answered_in_json(plain: httpx.Client, place: Place) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = plain.post("/api/v1/experiments", json=body).json()
    asked = {"experiment_id": made["id"], "context": {"id": "someone"}}
    token = plain.post(SELECT, json=asked).json()["request_id"]
    answer = plain.post(FEEDBACK, json={"request_id": token, "reward": 1})
    assert (answer.status_code, answer.json()) == (201, {"accepted": True})
    refusal = plain.post(FEEDBACK, json={"request_id": "made up", "reward": 1})
    assert refusal.status_code == 400
    assert refusal.json()["code"] == "FEEDBACK_FAILED"
    for reward in (None, "1", True):
        answer = plain.post(FEEDBACK, json={"request_id": token, "reward": reward})
        assert answer.status_code == 422
    assert plain.post(FEEDBACK, json={"request_id": None, "reward": 1}).is_client_error


@pytest.fixture(scope="module")
def proxy(beside: Callable[..., Beside]) -> Beside:
    """One that may be started again."""
    return beside()


@pytest.mark.row(51)
def test_tokens_outlive_restarts_and_repeat(
    connect: Connect, caller: Caller, place: Place, proxy: Beside
) -> None:
    client = connect(caller, at=proxy.place)
    experiment = running(client).id
    token = client.agent.select(experiment, {"id": "someone"}).request_id
    proxy.stop()
    proxy.start()
    client = connect(caller, at=proxy.place)
    for _ in range(3):
        client.agent.feedback(token, 1)
    with refused("BadRequestError", 400):
        connect(place.caller(), at=proxy.place).agent.feedback(token, 1)
    assert asyncio.run(learned_from(place, experiment)) == 1


async def learned_from(place: Place, experiment: str) -> int:
    """Rewards in the stored state, once there is any."""
    async with learned(place.up, experiment) as state:
        return int((await state.until(1)).sum())


@pytest.mark.row(53)
def test_a_token_works_on_the_other_wire(connect: Connect, caller: Caller) -> None:
    here = connect(caller)
    others = HTTP if here.is_grpc else GRPC
    there = connect(caller, other=others[here.wire.asynchronous])
    made = running(here)
    for one, other in ((here, there), (there, here)):
        chosen = one.agent.select(made.id, {"id": "someone"})
        assert other.agent.feedback(chosen.request_id, 1) is None
