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
        given = dict(params or {})
        known = {"horizon": horizon, "dim": problem.dim}
        for info in spec.params:
            schemed = info.name == "dim" and "context_schema" in given
            if info.required and info.name in known and not schemed:
                given.setdefault(info.name, known[info.name])
        if spec.contextual and not problem.dim:
            raise InvalidParams(f"{name} reads features, and the problem has none")
        hyper = spec.validate(given)
        if spec.contextual and spec.dim(hyper) != problem.dim:
            raise InvalidParams(f"{name}: the problem has {problem.dim} features")
        if problem.reward_type not in spec.reward_types:
            raise InvalidParams(
                f"{name}: a reward must be {spec.rewards.text},"
                f" and the problem pays {problem.reward_type} ones"
            )
        return cls(label or name, policy, hyper)
