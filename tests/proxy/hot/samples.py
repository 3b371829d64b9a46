"""Definitions to test with."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from proxysvc.definitions import Entry
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Pool

TENANT = "t1"


def definition(
    policy: str,
    params: Mapping[str, object] | None = None,
    *,
    name: str = "e1",
    arms: int = 3,
    version: int = 1,
    **changes: object,
) -> Definition:
    """An experiment over arms a0, a1, …"""
    pool = Pool.of(*(f"a{index}" for index in range(arms)))
    experiment = Experiment(name, name, pool, policy, dict(params or {}))
    made = make_definition(TENANT, experiment, version)
    return msgspec.structs.replace(made, **changes)


def entry(policy: str, params: Mapping[str, object] | None = None) -> Entry:
    """The same as the proxy holds it."""
    return Entry.of(definition(policy, params))
