"""The experiments that everything happens to: counts, linear models, weights."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any
from typing import Final
from typing import NamedTuple

import httpx

COUNT: Final = "count"
LINEAR: Final = "linear"
WEIGHTS: Final = "weights"
DIM: Final = 4
ARMS: Final = 3
MOST_ARMS: Final = 8
BODIES: Final = 32
API: Final = "/api/v1"


class Kind(NamedTuple):
    """A policy, how it begins, and what may be changed of it."""

    policy: str
    params: Mapping[str, Any]
    tuned: str
    values: tuple[float, ...]


KINDS: Final[Mapping[str, Kind]] = {
    COUNT: Kind("BetaTSPolicy", {}, "alpha_prior", (1.0, 2.0, 5.0)),
    LINEAR: Kind("LinUCBPolicy", {"dim": DIM}, "alpha", (0.5, 1.0, 2.0)),
    WEIGHTS: Kind("EXP3Policy", {"gamma": 0.2}, "gamma", (0.1, 0.2, 0.4)),
}


class Subject(NamedTuple):
    """One experiment with a pool of its own, whose arms bear its name."""

    name: str
    kind: str
    id: str
    pool: str

    @property
    def prefix(self) -> str:
        """How the names of its arms begin."""
        return f"{self.name}:"

    def contexts(self, rng: random.Random, count: int) -> list[dict[str, Any]]:
        """Somebody to choose for, each time."""
        return [self._context(rng) for _ in range(count)]

    def _context(self, rng: random.Random) -> dict[str, Any]:
        context: dict[str, Any] = {"id": f"u{rng.randrange(1_000)}"}
        if self.kind == LINEAR:
            context["vector"] = [rng.gauss(0, 1) for _ in range(DIM)]
        return context

    def bodies(self, rng: random.Random) -> list[bytes]:
        """Selects, ready to be sent."""
        return [
            json.dumps({"experiment_id": self.id, "context": context}).encode()
            for context in self.contexts(rng, BODIES)
        ]


async def make(client: httpx.AsyncClient, name: str, kind: str) -> Subject:
    """A new experiment. Raises httpx.HTTPError."""
    arms = [{"name": f"{name}:{index}"} for index in range(ARMS)]
    pool = await _post(client, "pools", {"name": name, "arms": arms})
    body = {
        "name": name,
        "pool_id": pool,
        "policy": KINDS[kind].policy,
        "policy_params": KINDS[kind].params,
    }
    return Subject(name, kind, await _post(client, "experiments", body), pool)


async def make_all(client: httpx.AsyncClient, count: int) -> list[Subject]:
    """So many, of every kind in turn. Raises httpx.HTTPError."""
    kinds = list(KINDS)
    return [
        await make(client, f"e{number}", kinds[number % len(kinds)])
        for number in range(count)
    ]


async def _post(client: httpx.AsyncClient, path: str, body: object) -> str:
    answer = await client.post(f"{API}/{path}", json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])
