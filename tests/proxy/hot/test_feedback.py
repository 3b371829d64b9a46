"""Feedback over REST, into the real log."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import FEEDBACK
from tests.proxy.hot.rest import Rest
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.token import Keyring
from proxysvc.token import seal
from proxysvc.token import unseal

KEYRING = Keyring.parse(SECRETS, strong=True)


async def test_the_log_holds_what_the_token_said(
    rest: Rest, linear: dict[str, Any]
) -> None:
    before = len(await rest.logged())
    text = await rest.token(linear, vector=[0.5, 2.0])
    answer = await rest.feedback(text, 1)
    assert (answer.status_code, answer.json()) == (201, {"accepted": True})
    [event] = (await rest.logged())[before:]
    token = unseal(text, KEYRING)
    assert (event.issuer, event.sequence) == (token.issuer, token.sequence)
    assert (event.tenant, event.experiment) == (token.tenant, linear["id"])
    assert (event.generation, event.arm) == (token.generation, token.arm)
    assert (event.reward, event.propensity) == (1.0, token.propensity)
    assert event.vector == np.array([0.5, 2.0], "<f4").tobytes()
    assert event.issued_ms == token.issued_ms <= event.received_ms


async def test_a_repeated_feedback_is_accepted_and_logged_once(
    rest: Rest, plain: dict[str, Any]
) -> None:
    before = len(await rest.logged())
    token = await rest.token(plain)
    answers = await asyncio.gather(*(rest.feedback(token, 1) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert (await rest.feedback(token, 0)).status_code == 201
    assert len(await rest.logged()) == before + 1


async def test_many_at_once_are_all_logged(rest: Rest, plain: dict[str, Any]) -> None:
    before = len(await rest.logged())
    tokens = [await rest.token(plain) for _ in range(100)]
    answers = await asyncio.gather(*(rest.feedback(token, 1) for token in tokens))
    assert {answer.status_code for answer in answers} == {201}
    logged = (await rest.logged())[before:]
    assert {event.sequence for event in logged} == {
        unseal(token, KEYRING).sequence for token in tokens
    }
    assert len(logged) == 100


@pytest.mark.parametrize("reward", [-0.1, 1.5, -1, 2, 1e300])
async def test_a_reward_out_of_range_is_refused(
    rest: Rest, plain: dict[str, Any], reward: float
) -> None:
    before = len(await rest.logged())
    answer = await rest.feedback(await rest.token(plain), reward)
    assert answer.status_code == 400
    assert answer.json()["code"] == "FEEDBACK_FAILED"
    assert "reward must be" in answer.json()["detail"]
    assert len(await rest.logged()) == before


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (b'{"request_id": "x", "reward": true}', ["body", "reward"]),
        (b'{"request_id": "x", "reward": "1"}', ["body", "reward"]),
        (b'{"request_id": "x", "reward": null}', ["body", "reward"]),
        (b'{"request_id": "x", "reward": 1e999}', ["body", "reward"]),
        (b'{"request_id": "x", "reward": NaN}', ["body"]),
        (b'{"request_id": "x", "reward": -Infinity}', ["body"]),
        (b'{"request_id": null, "reward": 1}', ["body", "request_id"]),
        (b'{"request_id": "x"}', ["body", "reward"]),
        (b'{"reward": 1}', ["body", "request_id"]),
    ],
)
async def test_a_body_of_wrong_types_is_unprocessable(
    rest: Rest, body: bytes, loc: list[str]
) -> None:
    answer = await rest.client.post(FEEDBACK, content=body)
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert problem["loc"] == loc
    assert problem["msg"] and problem["type"]


async def test_tokens_that_are_not_ours_are_refused(
    rest: Rest, plain: dict[str, Any]
) -> None:
    before = len(await rest.logged())
    genuine = await rest.token(plain)
    token = unseal(genuine, KEYRING)
    stranger = Keyring([("k1", b"x" * 32)]).signing_key
    old = msgspec.structs.replace(token, issued_ms=token.issued_ms - 8 * 86_400_000)
    tried = {
        "": "not a token",
        "nonsense": "base64url",
        genuine[:-1]: "",
        seal(token, stranger): "wrong signature",
        seal(old, KEYRING.signing_key): "token expired",
    }
    for text, told in tried.items():
        answer = await rest.feedback(text, 1)
        assert answer.status_code == 400, text
        assert answer.json()["code"] == "FEEDBACK_FAILED"
        assert told in answer.json()["detail"] or text in ("", "nonsense")
    assert len(await rest.logged()) == before


async def test_a_foreign_token_is_refused(
    rest: Rest, plain: dict[str, Any], worker: Worker, engine: AsyncEngine
) -> None:
    token = await rest.token(plain)
    stranger = await add_person(engine)
    async with client_of(worker, stranger.headers) as client:
        answer = await client.post(FEEDBACK, json={"request_id": token, "reward": 1})
    assert answer.status_code == 400
    assert answer.json()["code"] == "FEEDBACK_FAILED"
    assert "another tenant" in answer.json()["detail"]


async def test_feedback_for_a_deleted_experiment_is_not_found(
    rest: Rest, plain: dict[str, Any]
) -> None:
    token = await rest.token(plain)
    await rest.client.delete(f"/api/v1/experiments/{plain['id']}")

    async def forgotten() -> bool:
        answer = await rest.feedback(token, 1)
        if answer.status_code == 201:
            return False
        assert answer.status_code == 404
        assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"
        return True

    await eventually(forgotten)


async def test_feedback_needs_its_own_scope(
    rest: Rest, plain: dict[str, Any], worker: Worker, engine: AsyncEngine
) -> None:
    token = await rest.token(plain)
    reader = await add_person(engine, scopes=["agent:read"])
    async with client_of(worker, reader.headers) as client:
        answer = await client.post(FEEDBACK, json={"request_id": token, "reward": 1})
    assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPES")
