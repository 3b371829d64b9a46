"""The tenants of a run, handed out to its users in turn."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

from loadtest.world import Tenant
from loadtest.world import load_world

WORLD = load_world(Path(os.environ["LOADTEST_WORLD"]))

_TURNS = cycle(WORLD.tenants)


def next_tenant() -> Tenant:
    """The next one."""
    return next(_TURNS)


def other_than(tenant: Tenant) -> Tenant:
    """Another one."""
    place = WORLD.tenants.index(tenant)
    return WORLD.tenants[place - 1]
