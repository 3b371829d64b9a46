"""Random messages to every method of both services of a running system."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.proxy.people import add_operator
from tests.system.messages import messages
from tests.system.running import Up
from tests.system.running import scratch

from qbrixproto import auth_pb2
from qbrixproto import proxy_pb2
from qbrixstore.postgres import init_db

METHODS: list[MethodDescriptor] = [
    method
    for file in (proxy_pb2.DESCRIPTOR, auth_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
]
ANSWERS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
EXAMPLES = 20
# with these nothing of what the others name may go away
DESTRUCTIVE = ("Delete", "Revoke", "Deactivate")
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Target:
    """A system of these tests' own, and those who call it."""

    def __init__(self, up: Up) -> None:
        self.up = up
        made = up.credentials
        self.channel = grpc.insecure_channel(made["grpc_url"].removeprefix("grpc://"))
        self.keys = (made["api_key"], asyncio.run(_operator(up)))
        with up.client() as client:
            body = {"experiment_id": up.experiment, "context": {"id": "somebody"}}
            token = client.post("/agent/select", json=body).json()["request_id"]
            pool = client.get(f"/experiments/{up.experiment}").json()["pool_id"]
        self.known = frozenset(
            {
                ("experiment_id", up.experiment),
                ("pool_id", pool),
                ("request_id", token),
            }
        )
        self.seen: Counter[tuple[str, str]] = Counter()

    def known_to(self, method: MethodDescriptor) -> frozenset[tuple[str, str]]:
        """What requests of a method may name."""
        destroys = method.name.startswith(DESTRUCTIVE)
        return frozenset() if destroys else self.known

    def call(self, method: MethodDescriptor, request: bytes, key: str) -> None:
        """Fails unless the answer is one that a caller can do something about."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        metadata = (("x-api-key", key),)
        try:
            self.channel.unary_unary(path)(request, timeout=30, metadata=metadata)
            self.seen[method.name, "OK"] += 1
        except grpc.RpcError as error:
            failed: Any = error
            self.seen[method.name, failed.code().name] += 1
            assert failed.code() in ANSWERS, (path, failed.code(), failed.details())
            assert dict(failed.trailing_metadata())["x-request-id"]


async def _operator(up: Up) -> str:
    engine = init_db(up.postgres)
    try:
        return await add_operator(engine)
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    # a machine that is busy with tests is slow, which is nobody's fault
    up = Up(scratch(), PROXY_REQUEST_TIMEOUT_MS="20000")
    try:
        target = Target(up.start())
        with target.channel:
            yield target
        log = up.log.read_text()
        assert "unexpected error" not in log
        assert "Traceback" not in log
    finally:
        up.put_away()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_any_message_gets_an_answer(target: Target, method: MethodDescriptor) -> None:
    made = messages(method.input_type, target.known_to(method))

    @bounded
    @given(
        made.map(lambda message: message.SerializeToString()), st.sampled_from((0, 1))
    )
    def send(request: bytes, who: int) -> None:
        target.call(method, request, target.keys[who])

    send()
    assert sum(n for (name, _), n in target.seen.items() if name == method.name)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_any_bytes_get_an_answer(target: Target, method: MethodDescriptor) -> None:
    @bounded
    @given(st.binary(max_size=60))
    @example(b"")
    @example(b"\x0a\xff\xff\xff\xff\x0f")
    def send(request: bytes) -> None:
        target.call(method, request, target.keys[0])

    send()


def test_it_decided_and_learned(target: Target) -> None:
    experiment, token = (
        value for name, value in sorted(target.known) if name != "pool_id"
    )
    context = proxy_pb2.SelectRequest(experiment_id=experiment)
    context.context.id = "somebody"
    reward = proxy_pb2.FeedbackRequest(request_id=token, reward=1.0)
    for name, request in (("Select", context), ("Feedback", reward)):
        [method] = [one for one in METHODS if one.name == name]
        before = target.seen[name, "OK"]
        target.call(method, request.SerializeToString(), target.keys[0])
        assert target.seen[name, "OK"] == before + 1
