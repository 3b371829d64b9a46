"""Selections that a gate decides, on both wires, and what becomes of their feedback."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.proxy.grpc_calls import calls_to
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.token import GATED
from proxysvc.token import Keyring
from proxysvc.token import unseal
from qbrixproto import common_pb2 as common
from qbrixproto import proxy_pb2 as proxy

KEYRING = Keyring.parse(SECRETS, strong=True)
Json = dict[str, Any]


@pytest.fixture
def url(plain: Json) -> str:
    return f"/api/v1/gates/{plain['id']}"


def arm(experiment: Json, index: int) -> str:
    found: str = experiment["pool"]["arms"][index]["id"]
    return found


async def gate(rest: Rest, url: str, **config: object) -> None:
    answer = await rest.client.post(url, json=config)
    assert answer.status_code == 201, answer.text


async def test_a_gate_answers_like_the_bandit_but_for_its_mark(
    rest: Rest, plain: Json, url: str
) -> None:
    await gate(rest, url, enabled=False, default_arm_id=arm(plain, 2))
    answer = await rest.select(plain)
    assert answer.status_code == 200
    assert "x-param-version" not in answer.headers
    body = answer.json()
    assert set(body) == {"arm", "request_id", "is_default"}
    assert body["arm"] == {"id": arm(plain, 2), "name": "arm-2", "index": 2}
    assert body["is_default"] is True
    token = unseal(body["request_id"], KEYRING)
    assert token.flags & GATED
    assert (token.experiment, token.arm) == (plain["id"], 2)
    assert (token.version, token.propensity, token.vector) == (None, None, None)


async def test_rules_route_by_metadata(rest: Rest, plain: Json, url: str) -> None:
    rules = [
        {"key": "plan", "operator": "==", "value": "pro", "arm_name": "arm-1"},
        {"key": "age", "operator": ">=", "value": 65, "arm_id": arm(plain, 2)},
        {"key": "beta", "operator": "==", "value": True},
    ]
    await gate(rest, url, rules=rules, default_arm_id=arm(plain, 0))
    for metadata, index in (
        ({"plan": "pro"}, 1),
        ({"plan": "free", "age": 70}, 2),
        ({"plan": "pro", "age": 70}, 1),
    ):
        body = (await rest.select(plain, metadata=metadata)).json()
        assert (body["arm"]["index"], body["is_default"]) == (index, True)
    for by_the_bandit in (None, {}, {"age": "70"}, {"beta": True}):
        body = (await rest.select(plain, metadata=by_the_bandit)).json()
        assert body["is_default"] is False
        assert unseal(body["request_id"], KEYRING).flags == 0


async def test_a_select_does_what_evaluate_says(
    rest: Rest, plain: Json, url: str
) -> None:
    rules = [{"key": "n", "operator": "in", "value": [1, 2], "arm_name": "arm-2"}]
    config = {"rollout_percentage": 60, "default_arm_name": "arm-1", "rules": rules}
    await gate(rest, url, **config)
    before = len(await rest.logged())
    reasons = set()
    for number in range(60):
        context = {"id": f"user-{number}", "metadata": {"n": number % 4}}
        asked = {"context_id": context["id"], "context_metadata": context["metadata"]}
        told = (await rest.client.post(f"{url}/evaluate", json=asked)).json()
        chosen = (await rest.select(plain, **context)).json()
        assert chosen["is_default"] is not told["eligible"]
        assert told["rollout_percentage"] == 60
        assert (told["enabled"], told["in_schedule"]) == (True, True)
        if told["eligible"]:
            assert (told["reason"], told["arm_id"]) == ("bandit", None)
        else:
            assert told["arm_id"] == chosen["arm"]["id"]
            assert told["arm_name"] == chosen["arm"]["name"]
        (rule,) = told["rules"]
        assert rule["matched"] is (number % 4 in (1, 2))
        assert rule["decisive"] is (told["reason"] == "rule")
        assert told["in_rollout"] is (told["reason"] != "rollout")
        assert rule["value"] == [1, 2]
        reasons.add(told["reason"])
    assert reasons == {"rollout", "rule", "bandit"}
    assert len(await rest.logged()) == before


async def test_a_blank_context_may_be_tried(rest: Rest, url: str) -> None:
    await gate(rest, url, enabled=False)
    tried = await rest.client.post(f"{url}/evaluate", json={"context_id": ""})
    assert tried.status_code == 200
    told = tried.json()
    # without a default arm the bandit decides, whatever the gate says
    assert (told["eligible"], told["reason"], told["enabled"]) == (
        True,
        "bandit",
        False,
    )
    assert (told["arm_id"], told["arm_name"], told["rules"]) == (None, None, [])
    assert (await rest.select({"id": url.rpartition("/")[2]})).json()[
        "is_default"
    ] is False
    for wrong in ({}, {"context_id": 5}, {"context_id": "", "context_metadata": []}):
        answer = await rest.client.post(f"{url}/evaluate", json=wrong)
        assert answer.status_code == 422


async def test_feedback_on_a_gated_selection_is_counted_not_learned(
    rest: Rest, plain: Json, url: str
) -> None:
    await gate(rest, url, enabled=False, default_arm_id=arm(plain, 0))
    before = len(await rest.logged())
    meta = rest.layout.meta(0)
    counted = int(await rest.redis.execute("HGET", meta, "spent") or 0)
    token = await rest.token(plain)
    for _ in range(2):
        answer = await rest.feedback(token, 1)
        assert (answer.status_code, answer.json()) == (201, {"accepted": True})
    out_of_range = await rest.feedback(await rest.token(plain), 7)
    assert out_of_range.status_code == 400
    assert len(await rest.logged()) == before
    assert int(await rest.redis.execute("HGET", meta, "spent")) == counted + 1


async def test_contexts_are_checked_whoever_decides(rest: Rest, linear: Json) -> None:
    url = f"/api/v1/gates/{linear['id']}"
    await gate(rest, url, enabled=False, default_arm_id=arm(linear, 1))
    assert (await rest.select(linear, vector=[1.0])).status_code == 400
    answer = await rest.select(linear, vector=[1.0, 2.0])
    assert answer.json()["arm"]["index"] == 1


async def test_a_paused_experiment_answers_the_default_arm(
    rest: Rest, plain: Json, url: str
) -> None:
    await gate(rest, url, default_arm_id=arm(plain, 2))
    paused = f"/api/v1/experiments/{plain['id']}"
    await rest.client.patch(paused, json={"enabled": False})

    async def answered() -> bool:
        body = (await rest.select(plain)).json()
        wanted = (body["arm"]["index"], body["request_id"], body["is_default"])
        return wanted == (2, None, True)

    await eventually(answered)


async def test_a_change_holds_at_once_and_without_a_gate_the_bandit_decides(
    rest: Rest, plain: Json, url: str
) -> None:
    assert (await rest.select(plain)).json()["is_default"] is False
    await gate(rest, url, enabled=False, default_arm_id=arm(plain, 1))
    assert (await rest.select(plain)).json()["arm"]["index"] == 1
    await rest.client.patch(url, json={"default_arm_id": arm(plain, 2)})
    assert (await rest.select(plain)).json()["arm"]["index"] == 2
    assert (await rest.client.delete(url)).status_code == 200
    assert (await rest.select(plain)).json()["is_default"] is False


async def test_metadata_are_texts_over_grpc(
    worker: Worker, admin: Person, rest: Rest, plain: Json, url: str
) -> None:
    rules = [
        {"key": "age", "operator": ">=", "value": 65, "arm_name": "arm-1"},
        {"key": "age", "operator": "==", "value": "70", "arm_name": "arm-2"},
    ]
    await gate(rest, url, rules=rules)
    context = common.Context(id="somebody", metadata={"age": "70"})
    request = proxy.SelectRequest(experiment_id=plain["id"], context=context)
    async with calls_to(worker, admin.key) as calls:
        chosen = await calls.Select(request)
        assert (chosen.arm.index, chosen.arm.name) == (2, "arm-2")
        assert chosen.is_default
        assert chosen.arm.is_active
        assert unseal(chosen.request_id, KEYRING).flags & GATED
        feedback = proxy.FeedbackRequest(request_id=chosen.request_id, reward=1.0)
        before = len(await rest.logged())
        assert (await calls.Feedback(feedback)).accepted
        assert len(await rest.logged()) == before


async def test_deactivated_arms_are_left_to_the_bandit(
    rest: Rest, plain: Json, url: str
) -> None:
    await gate(rest, url, enabled=False, default_arm_id=arm(plain, 2))
    assert (await rest.select(plain)).json()["arm"]["index"] == 2
    path = f"/api/v1/pools/{plain['pool_id']}/arms/{arm(plain, 2)}"
    changed: httpx.Response = await rest.client.patch(path, json={"is_active": False})
    assert changed.status_code == 200, changed.text

    async def by_the_bandit() -> bool:
        body = (await rest.select(plain)).json()
        return body["is_default"] is False and body["arm"]["index"] != 2

    await eventually(by_the_bandit)


async def test_a_batch_is_gated_one_by_one(rest: Rest, plain: Json, url: str) -> None:
    rules = [{"key": "plan", "operator": "==", "value": "pro", "arm_name": "arm-1"}]
    await gate(rest, url, rules=rules)
    contexts = [
        {"id": f"u{n}", "metadata": {"plan": ["pro", "x"][n % 2]}} for n in (0, 1, 2, 3)
    ]
    results = (await rest.select_batch(plain, *contexts)).json()["results"]
    assert [one["is_default"] for one in results] == [True, False, True, False]
    for one in results[::2]:
        assert (one["arm"]["index"], one["param_version"]) == (1, None)
    before = len(await rest.logged())
    given = [{"request_id": one["request_id"], "reward": 1} for one in results]
    answer = await rest.client.post(
        "/api/v1/agent/feedback:batch", json={"feedbacks": given}
    )
    assert all(one["accepted"] for one in answer.json()["results"])
    assert len(await rest.logged()) == before + 2
