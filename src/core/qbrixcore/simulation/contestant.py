"""A policy made ready for a problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from qbrixcore.errors import InvalidParams
from qbrixcore.param.hyper import Hyper
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.simulation import baseline
from qbrixcore.simulation.problem import Problem


class Contestant(msgspec.Struct, frozen=True, eq=False):
    """A policy with its parameters, under the name it is reported by."""

    label: str
    policy: type[BasePolicy[Any]]
    hyper: Hyper

    @classmethod
    def of(
        cls,
        name: str,
        problem: Problem,
        horizon: int,
        params: Mapping[str, object] | None = None,
        label: str | None = None,
    ) -> Contestant:
        """A registered policy, or the baseline ``UCB``.

        Parameters that the problem knows, as ``dim``, need not be given. Raises
        InvalidParams where policy, parameters and problem do not fit.
        """
        policy: type[BasePolicy[Any]]
        if name == baseline.UCB.name:
            policy = baseline.UCBPolicy
        else:
            policy = implementation(find_spec(name))
        spec = policy.spec
        kind = problem.reward_type
        hyper = completed(spec, params or {}, horizon, problem.dim, kind)
        rewards = spec.rewards_of(hyper)
        if kind not in rewards.types:
            raise InvalidParams(
                f"{name}: a reward must be {rewards.text},"
                f" and the problem pays {kind} ones"
            )
        return cls(label or name, policy, hyper)


def completed(
    spec: PolicySpec,
    params: Mapping[str, object],
    horizon: int,
    dim: int,
    reward_type: str,
) -> Hyper:
    """Hyperparameters where choices, features and kind of reward are known.

    They are what parameters ``horizon``, ``dim`` and ``reward_type`` are set to that
    were not given. Raises InvalidParams where the policy reads other features.
    """
    given, fields = dict(params), spec.hyper.__struct_fields__
    required = {info.name for info in spec.params if info.required}
    if "dim" in required and not dim:
        raise InvalidParams(f"{spec.name} reads features, and there are none")
    if "horizon" in required:
        given.setdefault("horizon", horizon)
    if "reward_type" in fields:
        given.setdefault("reward_type", reward_type)
    if "dim" in fields and dim and "use_context" not in given:
        given.setdefault("dim", dim)
    hyper = spec.validate(given)
    if spec.dim(hyper) not in (0, dim):
        raise InvalidParams(f"{spec.name}: there are {dim} features")
    return hyper
