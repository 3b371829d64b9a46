"""Many selects or feedbacks in one request, through the real motor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import FEEDBACK_BATCH
from tests.proxy.hot.rest import SELECT_BATCH
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc import selection
from proxysvc.app import Worker
from proxysvc.features import policy_input
from proxysvc.stream import link
from proxysvc.stream.frames import pack
from proxysvc.token import Keyring
from proxysvc.token import unseal

KEYRING = Keyring.parse(SECRETS, strong=True)
NOBODY = "0" * 32


def users(count: int) -> list[dict[str, Any]]:
    return [{"id": f"user-{n}"} for n in range(count)]


@pytest.fixture
async def stranger(worker: Worker, engine: AsyncEngine) -> AsyncIterator[Rest]:
    person = await add_person(engine)
    async with client_of(worker, person.headers) as client:
        yield Rest(client, None, None)  # type: ignore[arg-type]


async def test_each_context_gets_an_arm_and_a_token_of_its_own(
    rest: Rest, plain: dict[str, Any]
) -> None:
    answer = await rest.select_batch(plain, *users(100))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"results"}
    results = answer.json()["results"]
    assert len(results) == 100
    arms = plain["pool"]["arms"]
    for one in results:
        arm = one["arm"]
        assert one == {
            "arm": {"id": arms[arm["index"]]["id"], **arm},
            "request_id": one["request_id"],
            "is_default": False,
            "param_version": 0,
            "error": None,
        }
        assert unseal(one["request_id"], KEYRING).arm == arm["index"]
    assert len({one["request_id"] for one in results}) == 100


async def test_results_are_in_the_order_of_the_contexts(
    rest: Rest, linear: dict[str, Any]
) -> None:
    vectors = [[float(n), -0.5] for n in range(64)]
    contexts = [{"id": "somebody", "vector": vector} for vector in vectors]
    results = (await rest.select_batch(linear, *contexts)).json()["results"]
    assert [one["error"] for one in results] == [None] * 64
    tokens = [unseal(one["request_id"], KEYRING) for one in results]
    assert [token.vector for token in tokens] == [
        np.array(vector, "<f4").tobytes() for vector in vectors
    ]


async def test_a_batch_does_not_hold_the_loop_until_its_end(
    rest: Rest, linear: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    async def elsewhere() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    begun: list[int] = []

    def noting(*given: Any) -> Any:
        begun.append(turns)
        return policy_input(*given)

    monkeypatch.setattr(selection, "policy_input", noting)
    monkeypatch.setattr(selection, "AT_A_TIME", -1.0)
    contexts = [{"id": "somebody", "vector": [0.0, float(n)]} for n in range(20)]
    other = asyncio.create_task(elsewhere())
    results = (await rest.select_batch(linear, *contexts)).json()["results"]
    other.cancel()
    assert [one["error"] for one in results] == [None] * 20
    assert len(set(begun)) == 20


async def test_a_batch_is_one_frame_for_the_motor(
    rest: Rest, plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await rest.select(plain)
    sizes: list[int] = []

    def counted(picks: Any, now: float) -> Any:
        sizes.append(sum(pick.items for pick in picks))
        return pack(picks, now)

    monkeypatch.setattr(link, "pack", counted)
    assert (await rest.select_batch(plain, *users(64))).status_code == 200
    assert sizes == [64]


async def test_a_context_that_does_not_fit_spoils_no_other(
    rest: Rest, linear: dict[str, Any]
) -> None:
    fits = {"id": "a", "vector": [1, 2]}
    results = (
        await rest.select_batch(
            linear,
            fits,
            {"id": "b", "vector": [1]},
            fits,
            {"id": "c"},
            {"id": "d", "vector": [1, 1e39]},
            {"id": "e", "vector": [1, 2], "properties": {"x": 1}},
            fits,
        )
    ).json()["results"]
    assert [one["error"] is None for one in results] == [
        *(True, False, True, False, False, False, True)
    ]
    for one in results:
        if one["error"] is None:
            assert one["arm"] is not None
            continue
        assert (one["error"]["status"], one["error"]["code"]) == (400, "BAD_REQUEST")
        assert one["arm"] is None
        assert one["request_id"] is None
    assert "1 features" in results[1]["error"]["detail"]


async def test_a_paused_experiment_answers_without_tokens(rest: Rest) -> None:
    paused = await rest.experiment("BetaTSPolicy", enabled=False)
    results = (await rest.select_batch(paused, *users(3))).json()["results"]
    for one in results:
        assert one["arm"]["index"] == 0
        assert one["is_default"] is True
        assert (one["request_id"], one["param_version"]) == (None, None)


async def test_an_unknown_experiment_is_not_found_at_all(rest: Rest) -> None:
    for unknown in (NOBODY, "x" * 500):
        answer = await rest.select_batch({"id": unknown}, *users(2))
        assert answer.status_code == 404
        assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_feedback_for_a_batch_is_logged_in_its_order(
    rest: Rest, plain: dict[str, Any]
) -> None:
    results = (await rest.select_batch(plain, *users(100))).json()["results"]
    tokens = [one["request_id"] for one in results]
    before = len(await rest.logged())
    answer = await rest.feedback_batch(*((token, 1) for token in tokens))
    assert answer.status_code == 200
    assert answer.json() == {"results": [{"accepted": True, "error": None}] * 100}
    logged = (await rest.logged())[before:]
    assert [one.sequence for one in logged] == [
        unseal(token, KEYRING).sequence for token in tokens
    ]
    # and once only
    again = await rest.feedback_batch(*((token, 1) for token in tokens))
    assert all(one["accepted"] for one in again.json()["results"])
    assert len(await rest.logged()) == before + 100


async def test_a_feedback_that_is_refused_spoils_no_other(
    rest: Rest, plain: dict[str, Any], stranger: Rest
) -> None:
    other = await stranger.experiment("BetaTSPolicy")
    gone = await rest.experiment("BetaTSPolicy")
    good = await rest.token(plain)
    lost = await rest.token(gone)
    url = f"/api/v1/experiments/{gone['id']}"
    assert (await rest.client.delete(url)).status_code == 200
    before = len(await rest.logged())
    answer = await rest.feedback_batch(
        ("nonsense", 1),
        (good, 7),
        (good, -1),
        (await stranger.token(other), 1),
        (lost, 1),
        (good, 1),
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["accepted"] for one in results] == [
        *(False, False, False, False, False, True)
    ]
    codes = [(one["error"]["status"], one["error"]["code"]) for one in results[:5]]
    assert codes == [(400, "FEEDBACK_FAILED")] * 4 + [(404, "EXPERIMENT_NOT_FOUND")]
    assert len(await rest.logged()) == before + 1


@pytest.mark.parametrize(
    ("url", "body", "loc", "kind"),
    [
        (SELECT_BATCH, {}, ["experiment_id"], "missing"),
        (SELECT_BATCH, {"experiment_id": "x"}, ["contexts"], "missing"),
        (SELECT_BATCH, {"experiment_id": 1, "contexts": []}, ["experiment_id"], "str"),
        (SELECT_BATCH, {"experiment_id": "x", "contexts": []}, ["contexts"], "array"),
        (
            SELECT_BATCH,
            {"experiment_id": "x", "contexts": users(101)},
            ["contexts"],
            "array",
        ),
        (
            SELECT_BATCH,
            {"experiment_id": "x", "contexts": [{"id": "a"}, {}]},
            ["contexts", 1, "id"],
            "missing",
        ),
        (FEEDBACK_BATCH, {"feedbacks": []}, ["feedbacks"], "array"),
        (
            FEEDBACK_BATCH,
            {"feedbacks": [{"request_id": "a", "reward": 1}] * 101},
            ["feedbacks"],
            "array",
        ),
        (
            FEEDBACK_BATCH,
            {"feedbacks": [{"request_id": "a", "reward": "1"}]},
            ["feedbacks", 0, "reward"],
            "float",
        ),
        (FEEDBACK_BATCH, [], [], "object"),
    ],
)
async def test_a_body_that_does_not_decode_is_422(
    rest: Rest, url: str, body: object, loc: list[object], kind: str
) -> None:
    answer = await rest.client.post(url, json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", *loc]
    assert problem["type"].startswith(kind)


async def test_bodies_have_the_bound_of_every_other(rest: Rest) -> None:
    for url in (SELECT_BATCH, FEEDBACK_BATCH):
        answer = await rest.client.post(url, content=b" " * (1 << 20) + b"{}")
        assert (answer.status_code, answer.json()["code"]) == (413, "BAD_REQUEST")
        refused = await rest.client.get(url)
        assert refused.status_code == 405
        assert refused.headers["allow"] == "POST"


async def test_batches_need_a_key_and_the_scopes_of_single_calls(
    worker: Worker, engine: AsyncEngine, admin: Person, rest: Rest, plain: Any
) -> None:
    select = {"experiment_id": plain["id"], "contexts": users(1)}
    feedback = {"feedbacks": [{"request_id": await rest.token(plain), "reward": 1}]}
    viewer = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    async with client_of(worker, viewer.headers) as client:
        assert (await client.post(SELECT_BATCH, json=select)).status_code == 200
        answer = await client.post(FEEDBACK_BATCH, json=feedback)
        assert (answer.status_code, answer.json()["code"]) == (
            403,
            "INSUFFICIENT_SCOPES",
        )
    async with client_of(worker) as client:
        answers: list[httpx.Response] = [
            await client.post(SELECT_BATCH, json=select),
            await client.post(FEEDBACK_BATCH, json=feedback),
        ]
    assert [answer.status_code for answer in answers] == [401, 401]


async def test_a_batch_of_another_tenant_finds_nothing(
    rest: Rest, plain: dict[str, Any], stranger: Rest
) -> None:
    answer = await stranger.select_batch(plain, *users(2))
    assert answer.status_code == 404
    token = await rest.token(plain)
    before = len(await rest.logged())
    refused = (await stranger.feedback_batch((token, 1))).json()["results"][0]
    assert (refused["accepted"], refused["error"]["code"]) == (False, "FEEDBACK_FAILED")
    assert len(await rest.logged()) == before
