"""States ready to choose from, as versions and definitions come and go."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from motorsvc.agents import Agent
from motorsvc.agents import Arms
from motorsvc.ahead import Ahead
from motorsvc.cache import Key
from motorsvc.cache import SoftCache
from qbrixcore.errors import CorruptState
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.base import Prepared
from qbrixstore.redis import RedisParamBackend

DECODE_IN_THREAD: Final = 256 * 1024  # bytes whose checksum takes a good part of 1 ms
_ARM_NS: Final = 100  # a posterior draw, the dearest thing done once per arm
_CELL_NS: Final = 0.6  # a multiplication and addition of a quadratic form


class Ready(msgspec.Struct, frozen=True, eq=False, gc=False):
    """An experiment that can be decided at once."""

    agent: Agent
    stored: Stored
    arms: Arms
    prepared: Prepared | None
    ahead: Ahead | None = None

    def of(self, agent: Agent) -> Ready:
        """The same state under another definition, nothing worked out for it yet."""
        arms = _matching(agent, self.stored)
        return Ready(agent, self.stored, arms, None)

    def cost_ns(self, choices: int) -> float:
        """A generous estimate of what ``choices`` selections take."""
        header = self.stored.header
        arm = _ARM_NS + _CELL_NS * header.dim * header.dim
        return choices * header.num_arms * arm


class StateSource:
    """States as Redis has them, with what can be worked out before a select."""

    def __init__(self, params: RedisParamBackend, agents: SoftCache[Agent]) -> None:
        self._params = params
        self._agents = agents

    async def load(self, key: Key, held: Ready | None) -> Ready | None:
        """The current state, ``held`` itself if it is that.

        Raises Unavailable, Overloaded, CorruptState.
        """
        agent = await self._agents.get(key)
        if agent is None:
            return None
        stored = await self._stored(key, None if held is None else held.stored)
        if stored is None:
            return None
        if held is not None and held.agent is agent and held.stored is stored:
            return held
        arms = _matching(agent, stored)
        prepared = None
        if agent.policy.prepares:
            prepared = await asyncio.to_thread(_prepared, agent, stored, arms)
        if prepared is None:
            return Ready(agent, stored, arms, None)
        # probabilities that are known beforehand: no choice depends on any other, nor
        # on the context, unless only part of them is known
        ahead = None if stored.header.dim else Ahead(stored.header.num_arms)
        return Ready(agent, stored, arms, prepared, ahead)

    async def _stored(self, key: Key, held: Stored | None) -> Stored | None:
        if held is not None:
            version = (held.header.generation, held.header.version)
            if await self._params.version(*key) == version:
                return held
        data = await self._params.get_bytes(*key)
        if data is None:
            return None
        if len(data) > DECODE_IN_THREAD:
            return await asyncio.to_thread(codec.decode, data)
        return codec.decode(data)


def _prepared(agent: Agent, stored: Stored, arms: Arms) -> Prepared | None:
    try:
        return agent.policy.prepare(agent.hyper, stored.state, arms.active)
    except InvalidContext:
        # no arm is active: selecting says so
        return None


def _matching(agent: Agent, stored: Stored) -> Arms:
    header, definition = stored.header, agent.definition
    if (header.policy, header.dim) != (definition.policy, definition.dim):
        raise CorruptState(
            f"the parameters of {definition.experiment} are of {header.policy} with "
            f"{header.dim} features, not {definition.policy} with {definition.dim}"
        )
    arms = agent.arms(header.num_arms)
    if not arms.active.any() and any(arm.active for arm in definition.arms):
        raise Unavailable("the arms that are active have not reached the state yet")
    return arms
