"""Definitions: an experiment as the services read it, without Postgres."""

from __future__ import annotations

from typing import Any

import msgspec

from qbrixcore.errors import CorruptState
from qbrixcore.experiment import Experiment
from qbrixcore.policy.registry import find_spec

FORMAT = 1


class DefinitionArm(msgspec.Struct, frozen=True):
    """One arm; its position in the definition is its index."""

    id: str
    name: str
    active: bool = True


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """All that choosing and learning need to know of an experiment.

    ``version`` grows with every change; ``hyper`` is validated and defaulted; ``dim``
    is the length of the policy's input, 0 where it reads no features. ``generation``
    is the one that learning has reached or is on its way to, from the params version
    ``restored`` or from the prior. ``default_reward`` is there only with a window.
    """

    tenant: str
    experiment: str
    version: int
    policy: str
    hyper: dict[str, Any]
    arms: tuple[DefinitionArm, ...]
    schema: list[dict[str, Any]] | None = None
    dim: int = 0
    enabled: bool = True
    gate: dict[str, Any] | None = None
    reward_window_sec: int | None = None
    generation: int = 0
    restored: int | None = None
    default_reward: float | None = None
    format: int = FORMAT


def make_definition(tenant: str, experiment: Experiment, version: int) -> Definition:
    """The definition of an experiment. Raises InvalidParams."""
    spec = find_spec(experiment.policy)
    hyper = spec.validate(experiment.policy_params)
    schema = spec.schema(experiment.policy_params)
    return Definition(
        tenant=tenant,
        experiment=experiment.id,
        version=version,
        policy=spec.name,
        hyper=msgspec.to_builtins(hyper),
        arms=tuple(
            DefinitionArm(arm.id, arm.name, arm.is_active)
            for arm in experiment.pool.arms
        ),
        schema=None if schema is None else schema.declared(),
        dim=spec.dim(hyper),
        enabled=experiment.enabled,
        gate=experiment.gate,
        reward_window_sec=experiment.reward_window_sec,
        generation=experiment.generation,
        restored=experiment.restored,
        default_reward=experiment.default_reward,
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Definition)


def encode(definition: Definition) -> bytes:
    """As a msgpack map."""
    return _encoder.encode(definition)


def decode(data: bytes) -> Definition:
    """From a msgpack map, ignoring fields this reader does not know.

    Raises CorruptState.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptState(f"unreadable definition: {error}") from error
