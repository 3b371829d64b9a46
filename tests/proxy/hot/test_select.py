"""Select over REST, through the real motor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import SELECT
from tests.proxy.hot.rest import Rest
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.token import Keyring
from proxysvc.token import unseal

KEYRING = Keyring.parse(SECRETS, strong=True)


async def test_the_answer_names_an_arm_and_gives_a_token(
    rest: Rest, plain: dict[str, Any]
) -> None:
    answer = await rest.select(plain)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-param-version"] == "0"
    body = answer.json()
    assert set(body) == {"arm", "request_id", "is_default"}
    arm = body["arm"]
    assert arm["name"] == f"arm-{arm['index']}"
    assert arm["id"] == plain["pool"]["arms"][arm["index"]]["id"]
    assert body["is_default"] is False


async def test_the_token_holds_what_was_decided(
    rest: Rest, linear: dict[str, Any]
) -> None:
    answer = await rest.select(linear, vector=[0.1, -2])
    token = unseal(answer.json()["request_id"], KEYRING)
    assert token.experiment == linear["id"]
    assert token.arm == answer.json()["arm"]["index"]
    assert token.vector == np.array([0.1, -2], "<f4").tobytes()
    assert (token.generation, token.version, token.flags) == (0, 0, 0)
    assert token.propensity is not None and 0 < token.propensity <= 1


async def test_tokens_are_numbered_without_gaps(
    rest: Rest, plain: dict[str, Any]
) -> None:
    tokens = [unseal(await rest.token(plain), KEYRING) for _ in range(5)]
    first = tokens[0].sequence
    assert [token.sequence for token in tokens] == list(range(first, first + 5))


async def test_null_is_as_good_as_absent(rest: Rest, plain: dict[str, Any]) -> None:
    answer = await rest.select(plain, vector=None, properties=None, metadata=None)
    assert answer.status_code == 200
    assert (await rest.select(plain, unknown={"key": [1]})).status_code == 200


async def test_properties_are_encoded_by_the_schema(rest: Rest) -> None:
    schema = [{"type": "numeric", "name": "age", "min": 0, "max": 100}]
    known = await rest.experiment("LinUCBPolicy", {"context_schema": schema})
    token = unseal(await rest.token(known, properties={"age": 25}), KEYRING)
    assert token.vector == np.array([1.0, 0.25], "<f4").tobytes()
    answer = await rest.select(known, properties={"age": "25"})
    assert answer.status_code == 400
    assert "age" in answer.json()["detail"]


async def test_a_paused_experiment_answers_its_first_active_arm(rest: Rest) -> None:
    paused = await rest.experiment("BetaTSPolicy", enabled=False)
    answer = await rest.select(paused)
    assert answer.status_code == 200
    assert "x-param-version" not in answer.headers
    body = answer.json()
    assert body["arm"]["index"] == 0
    assert (body["request_id"], body["is_default"]) == (None, True)


async def test_the_trace_id_comes_back(rest: Rest, plain: dict[str, Any]) -> None:
    body = {"experiment_id": plain["id"], "context": {"id": ""}}
    headers = {"X-Request-ID": "my-own-7"}
    given = await rest.client.post(SELECT, json=body, headers=headers)
    assert given.headers["x-request-id"] == "my-own-7"
    made = await rest.client.post(SELECT, json=body)
    assert len(made.headers["x-request-id"]) >= 16
    for bad in ("", "a b", "x" * 500, "nul\x01"):
        replaced = await rest.client.post(
            SELECT, json=body, headers={"X-Request-ID": bad}
        )
        assert replaced.status_code == 200
        assert replaced.headers["x-request-id"] not in (bad, "")


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"vector": [1.0]}, "has 1 features, the experiment wants 2"),
        ({"vector": [1.0, 2.0, 3.0]}, "has 3 features, the experiment wants 2"),
        ({"vector": []}, "has 0 features, the experiment wants 2"),
        ({"vector": [1.0, 1e39]}, "finite as a 32-bit float"),
        ({"vector": [1.0, 2.0], "properties": {}}, "not both"),
        ({"properties": {"a": 1}}, "no context_schema"),
        ({}, "wants a vector of 2 features"),
    ],
)
async def test_a_context_that_does_not_fit_is_explained(
    rest: Rest, linear: dict[str, Any], context: dict[str, Any], told: str
) -> None:
    answer = await rest.select(linear, **context)
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "BAD_REQUEST"
    assert told in body["detail"]
    assert await rest.logged() == []


async def test_an_unknown_experiment_is_not_found(rest: Rest) -> None:
    for unknown in ("nowhere", "", "x" * 100_000, "a:b\n*"):
        answer = await rest.select({"id": unknown})
        assert answer.status_code == 404
        assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_a_deleted_experiment_is_not_found(
    rest: Rest, plain: dict[str, Any]
) -> None:
    await rest.token(plain)
    gone = await rest.client.delete(f"/api/v1/experiments/{plain['id']}")
    assert gone.is_success

    async def forgotten() -> bool:
        status: int = (await rest.select(plain)).status_code
        assert status in (200, 404)
        return status == 404

    await eventually(forgotten)


async def test_another_tenants_experiment_is_not_found(
    rest: Rest, plain: dict[str, Any], worker: Worker, engine: AsyncEngine
) -> None:
    await rest.token(plain)
    stranger = await add_person(engine)
    body = {"experiment_id": plain["id"], "context": {"id": "x"}}
    async with client_of(worker, stranger.headers) as client:
        answer = await client.post(SELECT, json=body)
    assert answer.status_code == 404
    assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_credentials_are_checked(
    worker: Worker, plain: dict[str, Any], engine: AsyncEngine
) -> None:
    body = {"experiment_id": plain["id"], "context": {"id": "x"}}
    nobody = await add_person(engine, scopes=["pool:read"])
    tried: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, "UNAUTHORIZED"),
        ({"X-API-Key": "optiq_" + "x" * 43}, 401, "INVALID_API_KEY"),
        ({"X-API-Key": "nonsense"}, 401, "INVALID_API_KEY"),
        ({"X-API-Key": nobody.key}, 403, "INSUFFICIENT_SCOPES"),
    ]
    for headers, status, code in tried:
        async with client_of(worker, headers) as client:
            answer = await client.post(SELECT, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["x-request-id"]


async def test_a_key_may_come_as_a_bearer_token(
    rest: Rest, plain: dict[str, Any], worker: Worker
) -> None:
    key = rest.client.headers["x-api-key"]
    body = {"experiment_id": plain["id"], "context": {"id": "x"}}
    async with client_of(worker, {"Authorization": f"Bearer {key}"}) as client:
        assert (await client.post(SELECT, json=body)).status_code == 200
