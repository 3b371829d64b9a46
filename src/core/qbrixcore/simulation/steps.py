"""The compiled steps of each policy."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any
from typing import Final
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_PACKAGE: Final = "qbrixkernels.episodes"

# how it chooses and learns; one without a line is played through its public methods
_STEPS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "BetaTSPolicy": ("beta:choose", "beta:learn"),
        "DiscountedTSPolicy": ("beta:choose_discounted", "beta:learn_discounted"),
        "GaussianTSPolicy": ("gaussian:choose", "gaussian:learn"),
        "DirichletTSPolicy": ("dirichlet:choose", "dirichlet:learn"),
        "UCB1TunedPolicy": ("indices:choose_tuned", "indices:learn_squares"),
        "KLUCBPolicy": ("indices:choose_kl", "indices:learn"),
        "KLUCBPlusPolicy": ("indices:choose_kl_plus", "indices:learn"),
        "MOSSPolicy": ("indices:choose_moss", "indices:learn"),
        "MOSSAnyTimePolicy": ("indices:choose_moss_anytime", "indices:learn"),
        "EpsilonPolicy": ("chance:choose_epsilon", "chance:learn_epsilon"),
        "RandomPolicy": ("chance:choose_random", "chance:learn_random"),
        "LinUCBPolicy": ("ridge:choose_optimistic", "ridge:learn"),
        "LinTSPolicy": ("ridge:choose_drawn", "ridge:learn"),
        "LogisticTSPolicy": ("logistic:choose", "logistic:learn"),
        "GLMUCBPolicy": ("glm:choose", "glm:learn"),
        "EXP3Policy": ("weights:choose_mixed", "weights:learn_mixed"),
        "EXP3IXPolicy": ("weights:choose_implicit", "weights:learn_implicit"),
        "FPLPolicy": ("leader:choose", "leader:learn"),
        "UCB": ("baseline:choose", "indices:learn"),
    }
)


_CONSTANTS: Final[Mapping[str, str]] = MappingProxyType(
    {"FPLPolicy": "qbrixcore.policy.adversarial.fpl:gauss_nodes"}
)


class Steps(NamedTuple):
    """How a policy chooses and learns inside a compiled episode.

    ``constants(K)`` are arrays that the steps read behind the hyperparameters.
    """

    choose: Callable[..., None]
    learn: Callable[..., None]
    constants: Callable[[int], Sequence[NDArray[np.float64]]]


@functools.cache
def find_steps(policy: str) -> Steps | None:
    """The steps of a policy, compiled if need be, or None where it has none."""
    if policy not in _STEPS:
        return None
    choose, learn = (_load(f"{_PACKAGE}.{path}") for path in _STEPS[policy])
    constants = _load(_CONSTANTS[policy]) if policy in _CONSTANTS else _none
    return Steps(choose, learn, constants)


def _load(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _none(num_arms: int) -> Sequence[NDArray[np.float64]]:
    return ()
