"""Events, states and definitions that the tests store."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

import msgspec

from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import find_spec
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis.batch import Update

TENANT = "t1"
POLICY = "BetaTSPolicy"

Dump = Callable[[], Awaitable[dict[bytes, Any]]]


def event(sequence: int = 0, **fields: Any) -> FeedbackEvent:
    given = {
        "issuer": 7,
        "sequence": sequence,
        "tenant": TENANT,
        "experiment": "e1",
        "generation": 0,
        "arm": 0,
        "reward": 1.0,
    }
    return FeedbackEvent(**{**given, **fields})


def events(*sequences: int, **fields: Any) -> list[FeedbackEvent]:
    return [event(sequence, **fields) for sequence in sequences]


def stored(arms: int = 2, **header: Any) -> Stored:
    spec = find_spec(POLICY)
    prior = codec.fresh(spec, spec.validate({}), arms)
    return Stored(msgspec.structs.replace(prior.header, **header), prior.state)


def definition(version: int = 1, experiment: str = "e1", **fields: Any) -> Definition:
    return Definition(
        **{
            "tenant": TENANT,
            "experiment": experiment,
            "version": version,
            "policy": POLICY,
            "hyper": {},
            "arms": (DefinitionArm("a", "A"), DefinitionArm("b", "B")),
            **fields,
        }
    )


def update(version: int, experiment: str = "e1", **fields: Any) -> Update:
    """An update from one version to the next."""
    return Update(
        **{
            "tenant": TENANT,
            "experiment": experiment,
            "expected": (0, version),
            "generation": 0,
            "version": version + 1,
            "state": codec.encode(stored(version=version + 1)),
            "learned": 1,
            **fields,
        }
    )
