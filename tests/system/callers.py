"""Callers who select and reward without a pause, and forgive a lost connection once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from typing import Protocol

import grpc

from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply
from qbrixproto import common_pb2
from qbrixproto.proxy_pb2 import FeedbackRequest
from qbrixproto.proxy_pb2 import SelectRequest
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

SELECT = b"/api/v1/agent/select"
FEEDBACK = b"/api/v1/agent/feedback"
DEADLINE_SEC = 30.0


class Caller(Protocol):
    """Somebody who asks, and rewards what they were told."""

    async def turn(self, experiment: str) -> int:
        """The arm that was selected, its reward acknowledged. No error is taken."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class RestCaller:
    """Over one connection at a time, kept until the proxy says to leave it."""

    def __init__(self, url: str, key: str) -> None:
        self._at = url, key
        self._line: Connection | None = None
        self.lost = 0

    async def turn(self, experiment: str) -> int:
        body = {"experiment_id": experiment, "context": {"id": "somebody"}}
        reply = await self._post(SELECT, body)
        assert reply.status == 200, reply.body
        chosen = json.loads(reply.body)
        reward = {"request_id": chosen["request_id"], "reward": 1}
        reply = await self._post(FEEDBACK, reward)
        assert reply.status == 201, reply.body
        return int(chosen["arm"]["index"])

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.__aexit__(None, None, None)

    async def _post(self, path: bytes, body: dict[str, Any]) -> Reply:
        data = json.dumps(body).encode()
        try:
            return await self._ask(path, data)
        except DemoError as error:
            assert error.__cause__ is not None, "no answer is no lost connection"
        self.lost += 1
        await self.close()
        return await self._ask(path, data)

    async def _ask(self, path: bytes, data: bytes) -> Reply:
        if self._line is None:
            self._line = await Connection(*self._at).__aenter__()
        reply = await self._line.post(path, data)
        if reply.headers.get(b"connection") == b"close":
            await self.close()
        return reply


class GrpcCaller:
    """Over one channel, as the published client does."""

    def __init__(self, target: str, key: str) -> None:
        self._channel = grpc.aio.insecure_channel(target)
        self._stub = ProxyServiceStub(self._channel)
        self._metadata = (("x-api-key", key),)
        self.lost = 0

    async def turn(self, experiment: str) -> int:
        context = common_pb2.Context(id="somebody")
        request = SelectRequest(experiment_id=experiment, context=context)
        chosen = await self._call(self._stub.Select, request)
        reward = FeedbackRequest(request_id=chosen.request_id, reward=1)
        answer = await self._call(self._stub.Feedback, reward)
        assert answer.accepted
        return int(chosen.arm.index)

    async def close(self) -> None:
        await self._channel.close()

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            return await self._ask(method, request)
        except grpc.aio.AioRpcError as error:
            answered = dict(error.trailing_metadata() or ())
            # what a proxy answers has the id of the request; this came from nobody
            assert "x-request-id" not in answered, error.details()
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error.details()
        self.lost += 1
        return await self._ask(method, request)

    async def _ask(self, method: Any, request: Any) -> Any:
        return await method(
            request,
            metadata=self._metadata,
            timeout=DEADLINE_SEC,
            wait_for_ready=True,
        )


class Load:
    """Callers at work until they are stopped."""

    def __init__(self, callers: Sequence[Caller], experiment: str) -> None:
        self.arms: Counter[int] = Counter()
        self._callers = callers
        self._experiment = experiment
        self._stopped = False

    async def run(self) -> None:
        """Returns when the last turn that was begun has ended."""
        try:
            async with asyncio.TaskGroup() as group:
                for caller in self._callers:
                    group.create_task(self._work(caller))
        finally:
            for caller in self._callers:
                await caller.close()

    def stop(self) -> None:
        """Begin no further turn."""
        self._stopped = True

    async def more(self, turns: int) -> None:
        """Returns when so many more have ended."""
        wanted = self.arms.total() + turns
        async with asyncio.timeout(60):
            while True:
                await asyncio.sleep(0.01)
                if self.arms.total() >= wanted:
                    return

    async def _work(self, caller: Caller) -> None:
        while not self._stopped:
            self.arms[await caller.turn(self._experiment)] += 1
