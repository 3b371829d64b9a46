"""An experiment: a pool of arms and the policy that chooses between them."""

from __future__ import annotations

import msgspec

from qbrixcore.pool import Pool


class Experiment(msgspec.Struct, frozen=True):
    """A pool and a policy, as a person configured them.

    ``policy_params`` is what was given, before defaults: the policy's spec validates it
    and derives the rest. ``reward_window_sec`` bounds how late a reward may come;
    ``default_reward`` is then learned of a selection for which none came.
    ``generation`` counts how often what was learned was replaced: by the prior, or by
    what was known as of the params version ``restored``.
    """

    id: str
    name: str
    pool: Pool
    policy: str
    policy_params: dict[str, object] = {}
    enabled: bool = True
    gate: dict[str, object] | None = None
    reward_window_sec: int | None = None
    generation: int = 0
    restored: int | None = None
    default_reward: float | None = None
