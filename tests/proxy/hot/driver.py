"""Requests handed to a worker as an ASGI server would, with no client in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import msgspec
from tests.proxy.hot.rest import FEEDBACK
from tests.proxy.hot.rest import SELECT

from proxysvc.app import Worker

TOGETHER = 50


class Driver:
    """Selects and feedbacks of one caller, many at a time."""

    def __init__(self, worker: Worker, key: str) -> None:
        self._worker = worker
        self._headers = [
            (b"x-api-key", key.encode()),
            (b"content-type", b"application/json"),
        ]

    async def selects(self, experiment: str, count: int, **context: Any) -> list[str]:
        """Tokens of so many selections for the same few people."""
        bodies = [
            {"experiment_id": experiment, "context": {"id": f"user-{n % 7}", **context}}
            for n in range(count)
        ]
        answers = await self._all(SELECT, bodies, 200)
        return [answer["request_id"] for answer in answers]

    async def feedbacks(self, tokens: Iterable[str]) -> None:
        """A reward for each."""
        bodies = [{"request_id": token, "reward": 1} for token in tokens]
        await self._all(FEEDBACK, bodies, 201)

    async def _all(
        self, path: str, bodies: list[dict[str, Any]], status: int
    ) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(bodies), TOGETHER):
            some = bodies[start : start + TOGETHER]
            answers += await asyncio.gather(
                *(self._one(path, body, status) for body in some)
            )
        return answers

    async def _one(self, path: str, body: Mapping[str, Any], status: int) -> Any:
        data = msgspec.json.encode(body)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [*self._headers, (b"content-length", b"%d" % len(data))]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await self._worker.http(scope, receive, send)
        assert sent[0]["status"] == status, sent[1]["body"]
        return msgspec.json.decode(sent[1]["body"])
