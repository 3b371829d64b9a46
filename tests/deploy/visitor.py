"""Somebody who comes to a system without any account, and uses it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import grpc
import httpx
from tests.system.running import eventually

from qbrixproto import common_pb2
from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

ARMS = ({"name": "green"}, {"name": "blue"})


def use(http: str, target: str) -> None:
    """Register, make an experiment, select and reward on both wires, see it learned."""
    with httpx.Client(base_url=http, timeout=10, trust_env=False) as client:
        key = _key(client)
        client.headers["X-API-Key"] = key
        experiment = _experiment(client)
        first = _select(client, experiment)
        rewarded = {"request_id": first.json()["request_id"], "reward": 1}
        _done(client.post("/api/v1/agent/feedback", json=rewarded), 201)
        _use_grpc(target, key, experiment)
        eventually(_learned(client, experiment, _version(first)))


def _key(client: httpx.Client) -> str:
    person = {"email": f"{uuid4().hex}@example.org", "password": uuid4().hex}
    _done(client.post("/auth/register", json=person), 201)
    login = _done(client.post("/auth/login", json=person), 200).json()
    bearer = {"Authorization": f"Bearer {login['access_token']}"}
    made = client.post("/auth/api-keys", json={"name": "visitor"}, headers=bearer)
    return str(_done(made, 201).json()["key"])


def _experiment(client: httpx.Client) -> str:
    pool = {"name": "buttons", "arms": list(ARMS)}
    made = _done(client.post("/api/v1/pools", json=pool), 201).json()
    body = {"name": "button", "pool_id": made["id"], "policy": "BetaTSPolicy"}
    return str(_done(client.post("/api/v1/experiments", json=body), 201).json()["id"])


def _select(client: httpx.Client, experiment: str) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "visitor"}}
    return _done(client.post("/api/v1/agent/select", json=body), 200)


def _use_grpc(target: str, key: str, experiment: str) -> None:
    with grpc.insecure_channel(target) as channel:
        stub = ProxyServiceStub(channel)
        metadata = (("x-api-key", key),)
        context = common_pb2.Context(id="visitor")
        wanted = proxy_pb2.SelectRequest(experiment_id=experiment, context=context)
        chosen = stub.Select(wanted, metadata=metadata, timeout=5)
        reward = proxy_pb2.FeedbackRequest(request_id=chosen.request_id, reward=1)
        assert stub.Feedback(reward, metadata=metadata, timeout=5).accepted


def _version(selected: httpx.Response) -> int:
    return int(selected.headers["x-param-version"])


def _learned(
    client: httpx.Client, experiment: str, before: int
) -> Callable[[], object]:
    return lambda: _version(_select(client, experiment)) > before


def _done(answer: httpx.Response, wanted: int) -> httpx.Response:
    assert answer.status_code == wanted, answer.text
    return answer
