"""Definitions made executable."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from motorsvc.cache import Key
from motorsvc.families import Families
from motorsvc.families import Policy
from qbrixcore.context import InFlight
from qbrixcore.definition import Definition
from qbrixcore.errors import Unavailable
from qbrixstore.redis import Definitions


class Arms(msgspec.Struct, frozen=True, eq=False):
    """Which arms of a state of K arms may be chosen: a bool mask (K,)."""

    active: NDArray[np.bool_]
    none_in_flight: InFlight


class Agent:
    """A definition with the code and the hyperparameters that run it."""

    __slots__ = ("_arms", "definition", "hyper", "policy")

    def __init__(self, definition: Definition, policy: Policy, hyper: Any) -> None:
        self.definition = definition
        self.policy = policy
        self.hyper = hyper
        self._arms: dict[int, Arms] = {}

    def arms(self, num_arms: int) -> Arms:
        """The arms that definition and a state of ``num_arms`` both know."""
        arms = self._arms.get(num_arms)
        if arms is None:
            active = np.zeros(num_arms, dtype=np.bool_)
            known = self.definition.arms[:num_arms]
            active[: len(known)] = [arm.active for arm in known]
            arms = self._arms[num_arms] = Arms(active, InFlight.none(num_arms))
        return arms


class AgentSource:
    """Agents as Redis defines them."""

    def __init__(self, definitions: Definitions, families: Families) -> None:
        self._definitions = definitions
        self._families = families

    async def load(self, key: Key, held: Agent | None) -> Agent | None:
        """The agent, the one held if it is unchanged. Raises Unavailable."""
        definition = await self._definitions.get(*key)
        if definition is None:
            return None
        if held is not None and held.definition == definition:
            return held
        policy = await self._families.load(definition.policy)
        try:
            hyper = msgspec.convert(definition.hyper, policy.spec.hyper)
        except msgspec.ValidationError as error:
            raise Unavailable(f"this motor cannot run {policy.spec.name}") from error
        return Agent(definition, policy, hyper)
