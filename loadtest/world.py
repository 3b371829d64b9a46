"""Who asks, what there is to choose from, and what it earns.

Shared by the program that prepares a run and the users of it, which have different
environments: nothing here is imported but the standard library.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple

ARMS: Final = 5
BEST: Final = 2
HOUSE: Final = 4  # what a rule of the gate gives
FALLBACK: Final = 0  # what those get whom the gate turns away
GOOD: Final = 0.6  # chance of a reward for the best arm
POOR: Final = 0.1  # and for any other
DEVICES: Final = ("phone", "desktop", "tablet")
PLANS: Final = ("free", "basic", "pro")
RULED: Final = "pro"
ROLLOUT: Final = 80.0
VISITORS: Final = 5_000

PLAIN: Final = "plain"
CONTEXTUAL: Final = "contextual"
GATED: Final = "gated"

SCHEMA: Final = [{"type": "categorical", "name": "device", "values": list(DEVICES)}]
POLICIES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    PLAIN: ("BetaTSPolicy", {}),
    CONTEXTUAL: ("LinUCBPolicy", {"context_schema": SCHEMA}),
    GATED: ("BetaTSPolicy", {}),
}


class Visitor(NamedTuple):
    """Somebody to choose for."""

    id: str
    device: str
    plan: str

    @property
    def context(self) -> dict[str, Any]:
        """As a select takes it."""
        return {
            "id": self.id,
            "properties": {"device": self.device},
            "metadata": {"plan": self.plan},
        }


class Tenant(NamedTuple):
    """A key, and the experiments behind it by their kind."""

    key: str
    experiments: dict[str, str]


class World(NamedTuple):
    """Everything that users need to know."""

    http: str
    grpc: str
    tenants: list[Tenant]

    def save(self, path: Path) -> None:
        """Write it for ``load_world``."""
        path.write_text(json.dumps(self))


def load_world(path: Path) -> World:
    """What was saved."""
    http, grpc, tenants = json.loads(path.read_text())
    return World(http, grpc, [Tenant(*one) for one in tenants])


def somebody(rng: random.Random) -> Visitor:
    """A visitor; the same id is always the same one."""
    number = rng.randrange(VISITORS)
    device, plan = DEVICES[number % 3], PLANS[number // 3 % 3]
    return Visitor(f"visitor-{number}", device, plan)


def best_arm(kind: str, visitor: Visitor) -> int:
    """The arm that earns most of a visitor."""
    return DEVICES.index(visitor.device) if kind == CONTEXTUAL else BEST


def reward(kind: str, visitor: Visitor, arm: int, rng: random.Random) -> int:
    """What an arm earns this time, 0 or 1."""
    chance = GOOD if arm == best_arm(kind, visitor) else POOR
    return int(rng.random() < chance)
