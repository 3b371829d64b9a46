"""The compiled steps of each policy."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from typing import Final
from typing import NamedTuple

_PACKAGE: Final = "qbrixkernels.episodes"

# how it chooses and learns; one without a line is played through its public methods
_STEPS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "BetaTSPolicy": ("beta:choose", "beta:learn"),
        "UCB1TunedPolicy": ("indices:choose_tuned", "indices:learn_squares"),
        "KLUCBPolicy": ("indices:choose_kl", "indices:learn"),
        "KLUCBPlusPolicy": ("indices:choose_kl_plus", "indices:learn"),
        "MOSSPolicy": ("indices:choose_moss", "indices:learn"),
        "MOSSAnyTimePolicy": ("indices:choose_moss_anytime", "indices:learn"),
        "EpsilonPolicy": ("chance:choose_epsilon", "chance:learn_epsilon"),
        "RandomPolicy": ("chance:choose_random", "chance:learn_random"),
        "LinUCBPolicy": ("ridge:choose_optimistic", "ridge:learn"),
        "EXP3Policy": ("weights:choose_mixed", "weights:learn_mixed"),
        "EXP3IXPolicy": ("weights:choose_implicit", "weights:learn_implicit"),
        "UCB": ("baseline:choose", "indices:learn"),
    }
)


class Steps(NamedTuple):
    """How a policy chooses and learns inside a compiled episode."""

    choose: Callable[..., None]
    learn: Callable[..., None]


@functools.cache
def find_steps(policy: str) -> Steps | None:
    """The steps of a policy, compiled if need be, or None where it has none."""
    if policy not in _STEPS:
        return None
    choose, learn = _STEPS[policy]
    return Steps(_load(choose), _load(learn))


def _load(path: str) -> Callable[..., None]:
    module, _, name = path.partition(":")
    loaded: Any = importlib.import_module(f"{_PACKAGE}.{module}")
    step: Callable[..., None] = getattr(loaded, name)
    return step
