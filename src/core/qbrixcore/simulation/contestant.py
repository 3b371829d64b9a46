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

        A parameter ``horizon`` or ``dim`` that has no default is taken from the
        problem. Raises InvalidParams where policy, parameters and problem do not fit.
        """
        policy: type[BasePolicy[Any]]
        if name == baseline.UCB.name:
            policy = baseline.UCBPolicy
        else:
            policy = implementation(find_spec(name))
        spec = policy.spec
        hyper = completed(spec, params or {}, horizon, problem.dim)
        if problem.reward_type not in spec.reward_types:
            raise InvalidParams(
                f"{name}: a reward must be {spec.rewards.text},"
                f" and the problem pays {problem.reward_type} ones"
            )
        return cls(label or name, policy, hyper)


def completed(
    spec: PolicySpec, params: Mapping[str, object], horizon: int, dim: int
) -> Hyper:
    """Hyperparameters where the number of choices and of features are known.

    They are what a parameter ``horizon`` or ``dim`` without a default is set to. Raises
    InvalidParams where the policy reads another number of features.
    """
    if spec.contextual and not dim:
        raise InvalidParams(f"{spec.name} reads features, and there are none")
    given, known = dict(params), {"horizon": horizon, "dim": dim}
    for info in spec.params:
        if info.required and info.name in known:
            given.setdefault(info.name, known[info.name])
    hyper = spec.validate(given)
    if spec.contextual and spec.dim(hyper) != dim:
        raise InvalidParams(f"{spec.name}: there are {dim} features")
    return hyper
