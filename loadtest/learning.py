"""Whether the traffic has moved to the best arm, asked when the load is over."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from typing import Final
from typing import NamedTuple

import httpx
from loadtest.world import Tenant
from loadtest.world import best_arm
from loadtest.world import somebody

SELECT: Final = "/api/v1/agent/select:batch"
BATCHES: Final = 3
AT_ONCE: Final = 100
ENOUGH: Final = 0.7  # of what the bandit decides
PATIENCE: Final = 15.0  # seconds for the last feedback to be learned


class Share(NamedTuple):
    """How much of what the bandit decides in an experiment goes to the best arm."""

    tenant: int
    kind: str
    best: float

    @property
    def learned(self) -> bool:
        """Whether that is nearly all."""
        return self.best >= ENOUGH


async def shares(url: str, tenants: list[Tenant]) -> list[Share]:
    """The share of the best arm in every experiment, without a reward for anything."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        return [
            Share(number, kind, await _share(client, tenant, kind))
            for number, tenant in enumerate(tenants, 1)
            for kind in tenant.experiments
        ]


async def when_learned(url: str, tenants: list[Tenant]) -> list[Share]:
    """The shares once all of them are large, at the latest after a while."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        found = await shares(url, tenants)
        if all(one.learned for one in found) or loop.time() > deadline:
            return found
        await asyncio.sleep(1)


async def _share(client: httpx.AsyncClient, tenant: Tenant, kind: str) -> float:
    rng = random.Random(0)
    hits: list[bool] = []
    for _ in range(BATCHES):
        visitors = [somebody(rng) for _ in range(AT_ONCE)]
        body = {
            "experiment_id": tenant.experiments[kind],
            "contexts": [visitor.context for visitor in visitors],
        }
        answer = await client.post(SELECT, json=body, headers={"X-API-Key": tenant.key})
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()["results"]
        hits += [
            result["arm"]["index"] == best_arm(kind, visitor)
            for visitor, result in zip(visitors, results, strict=True)
            # a gate that decides has learned nothing
            if not result["is_default"]
        ]
    return sum(hits) / len(hits)
