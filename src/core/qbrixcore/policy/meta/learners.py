"""Which policies run side by side, given what is known of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from typing import Protocol

import msgspec


class Learner(msgspec.Struct, frozen=True, kw_only=True):
    """One policy among several that share a log.

    ``policy`` and ``params`` say how it chooses. Without context, ``memory`` is what a
    reward is worth to it one reward later.
    """

    name: str
    policy: str
    params: Mapping[str, float] = {}
    memory: float = 1.0


class Setting(Protocol):
    """What the choice of learners depends on."""

    @property
    def reward_type(self) -> str: ...

    @property
    def dim(self) -> int: ...


# how long learners remember: for ever, some 500 rewards, some 50
MEMORIES: Final = (1.0, 0.998, 0.98)
# widths of the linear upper bounds, in standard deviations of the rewards
ALPHAS: Final = (1.0, 0.25)


def memories(setting: Setting) -> tuple[float, ...]:
    """What a reward is worth one reward later to those that ignore the context.

    Beside ones that read it only the one that forgets nothing runs.
    """
    return MEMORIES[:1] if setting.dim else MEMORIES


def plain(setting: Setting) -> tuple[Learner, ...]:
    """Those that ignore the context."""
    if setting.reward_type == "continuous":
        return tuple(
            Learner(name=_named("gaussian_ts", m), policy="GaussianTSPolicy", memory=m)
            for m in memories(setting)
        )
    return tuple(
        Learner(name="beta_ts", policy="BetaTSPolicy")
        if m == 1.0
        else Learner(
            name=_named("discounted_ts", m),
            policy="DiscountedTSPolicy",
            params={"gamma": m},
            memory=m,
        )
        for m in memories(setting)
    )


def linear(setting: Setting) -> tuple[Learner, ...]:
    """Those that read the context."""
    if not setting.dim:
        return ()
    return tuple(
        Learner(
            name=_named("lin_ucb", alpha),
            policy="LinUCBPolicy",
            params={"dim": setting.dim, "alpha": alpha},
        )
        for alpha in ALPHAS
    )


def learners(setting: Setting) -> tuple[Learner, ...]:
    """All of them, in the order in which the state keeps them."""
    return plain(setting) + linear(setting)


def _named(name: str, value: float) -> str:
    return name if value == 1.0 else f"{name}_{value:g}"
