"""The pool of 34 items and the two experiments on it, created over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import httpx
import numpy as np

from qbrixcli.demo.audience import RARE
from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.log import FEATURES
from qbrixcli.demo.log import ITEMS
from qbrixcli.demo.log import Log

ALPHA = 0.05
CREATE_SEC = 30.0


class Entrant(NamedTuple):
    """One experiment of the demo."""

    label: str
    experiment: str


def context_schema(log: Log) -> list[dict[str, object]]:
    """The four user features; values seen fewer than 100 times go to ``other``."""
    return [
        {"name": name, "type": "categorical", "values": _values(log, column)}
        for column, name in enumerate(FEATURES)
    ]


def _values(log: Log, column: int) -> list[str]:
    values, seen = np.unique(log.users[:, column], return_counts=True)
    return [str(value) for value in values[seen >= RARE]]


async def create_entrants(base_url: str, api_key: str, log: Log) -> list[Entrant]:
    """BetaTS and LinUCB on one pool. Raises DemoError if one is refused."""
    async with httpx.AsyncClient(
        base_url=base_url,
        headers={"x-api-key": api_key},
        timeout=CREATE_SEC,
        trust_env=False,
    ) as client:
        arms = [{"name": f"item-{item}"} for item in range(ITEMS)]
        pool = await _create(client, "pools", {"name": "men's items", "arms": arms})
        linear = {"alpha": ALPHA, "context_schema": context_schema(log)}
        return [
            await _entrant(client, pool, "BetaTS", "BetaTSPolicy", {}),
            await _entrant(
                client, pool, f"LinUCB alpha={ALPHA}", "LinUCBPolicy", linear
            ),
        ]


async def _entrant(
    client: httpx.AsyncClient,
    pool: str,
    label: str,
    policy: str,
    params: Mapping[str, object],
) -> Entrant:
    body = {
        "name": label,
        "pool_id": pool,
        "policy": policy,
        "policy_params": dict(params),
    }
    return Entrant(label, await _create(client, "experiments", body))


async def _create(client: httpx.AsyncClient, kind: str, body: dict[str, Any]) -> str:
    try:
        reply = await client.post(f"/api/v1/{kind}", json=body)
    except httpx.HTTPError as error:
        raise DemoError(f"creating {kind} failed: {error!r}") from error
    if reply.status_code != 201:
        raise DemoError(
            f"creating {kind} answered {reply.status_code}: {reply.text.strip()}"
        )
    return str(reply.json()["id"])
