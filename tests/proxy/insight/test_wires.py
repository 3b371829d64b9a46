"""Whatever way a selection is asked for, it is counted once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.proxy.grpc_calls import calls_to
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2 as proxy


@pytest.fixture
async def settings(beside: ProxySettings) -> ProxySettings:
    return beside


async def counted(rest: Rest, experiment: str, numbers: tuple[int, int, int]) -> None:
    """Returns when so many selections, rewards and contexts are told."""

    async def holds() -> bool:
        path = f"/api/v1/insight/experiment/{experiment}"
        told = (await rest.client.get(path)).json()
        names = ("total_selections", "total_feedback", "unique_contexts")
        return tuple(told[name] for name in names) == numbers

    await eventually(holds)


async def test_batches_are_counted_one_by_one(
    rest: Rest, plain: dict[str, Any]
) -> None:
    contexts: list[dict[str, Any]] = [{"id": f"{number}"} for number in range(10)]
    # one that fails is not counted
    contexts.append({"id": "broken", "vector": [1.0], "properties": {"a": 1}})
    body = {"experiment_id": plain["id"], "contexts": contexts}
    answer = await rest.client.post("/api/v1/agent/select:batch", json=body)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    tokens = [one["request_id"] for one in results if one.get("request_id")]
    assert len(tokens) == 10
    rewards = [{"request_id": token, "reward": 1} for token in tokens[:4]]
    for _ in range(2):
        sent = await rest.client.post(
            "/api/v1/agent/feedback:batch",
            json={"feedbacks": [*rewards, {"request_id": "none", "reward": 1}]},
        )
        assert sent.status_code == 200, sent.text
    await counted(rest, plain["id"], (10, 4, 10))


async def test_both_wires_count_alike(
    rest: Rest, plain: dict[str, Any], worker: Worker, admin: Person
) -> None:
    assert (await rest.select(plain, id="anna")).status_code == 200
    async with calls_to(worker, admin.key) as calls:
        for who in ("anna", "bert"):
            request = proxy.SelectRequest(experiment_id=plain["id"])
            request.context.id = who
            chosen = await calls.Select(request)
        given = proxy.FeedbackRequest(request_id=chosen.request_id, reward=1.0)
        for _ in range(2):
            assert (await calls.Feedback(given)).accepted
    await counted(rest, plain["id"], (3, 1, 2))


async def test_what_is_refused_is_not_counted(
    rest: Rest, plain: dict[str, Any]
) -> None:
    refused = await rest.select(plain, vector=[1.0], properties={"a": 1})
    assert refused.status_code == 400
    token = await rest.token(plain)
    assert (await rest.feedback(token, 7)).status_code == 400
    assert (await rest.feedback(token[:-1], 1)).status_code == 400
    await counted(rest, plain["id"], (1, 0, 1))
