"""Calls over REST, and a look at what they left in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from qbrixstore.redis import event
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout

SELECT = "/api/v1/agent/select"
FEEDBACK = "/api/v1/agent/feedback"
SELECT_BATCH = f"{SELECT}:batch"
FEEDBACK_BATCH = f"{FEEDBACK}:batch"


class Rest:
    """One caller, and the log that their feedback goes to."""

    def __init__(
        self, client: httpx.AsyncClient, redis: RedisClient, layout: Layout
    ) -> None:
        self.client = client
        self.redis = redis
        self.layout = layout

    async def experiment(
        self,
        policy: str,
        params: Mapping[str, Any] | None = None,
        *,
        arms: int = 3,
        enabled: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """A new experiment over a pool of its own."""
        name = uuid4().hex
        named = [{"name": f"arm-{n}"} for n in range(arms)]
        pool = await self._made("/pools", {"name": name, "arms": named})
        wanted = {
            "name": name,
            "pool_id": pool["id"],
            "policy": policy,
            "policy_params": dict(params or {}),
            "enabled": enabled,
            **more,
        }
        return await self._made("/experiments", wanted)

    async def select(self, experiment: Mapping[str, Any], **context: Any) -> Any:
        body = {
            "experiment_id": experiment["id"],
            "context": {"id": "somebody", **context},
        }
        return await self.client.post(SELECT, json=body)

    async def token(self, experiment: Mapping[str, Any], **context: Any) -> str:
        """The token of a selection that succeeded."""
        answer = await self.select(experiment, **context)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["request_id"]
        return token

    async def feedback(self, token: object, reward: object) -> Any:
        body = {"request_id": token, "reward": reward}
        return await self.client.post(FEEDBACK, json=body)

    async def select_batch(self, experiment: Mapping[str, Any], *contexts: Any) -> Any:
        body = {"experiment_id": experiment["id"], "contexts": contexts}
        return await self.client.post(SELECT_BATCH, content=msgspec.json.encode(body))

    async def feedback_batch(self, *pairs: tuple[object, object]) -> Any:
        """Feedback of tokens and rewards."""
        feedbacks = [{"request_id": token, "reward": reward} for token, reward in pairs]
        body = {"feedbacks": feedbacks}
        return await self.client.post(FEEDBACK_BATCH, content=msgspec.json.encode(body))

    async def logged(self) -> list[FeedbackEvent]:
        """Every reward in the log, oldest first."""
        entries = await self.redis.execute("XRANGE", self.layout.log(0), "-", "+")
        return [
            one
            for _, fields in entries
            for one in event.decode_many(fields[1::2])
            if isinstance(one, FeedbackEvent)
        ]

    async def _made(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(
            f"/api/v1{path}", content=msgspec.json.encode(body)
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made
