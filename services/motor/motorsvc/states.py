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
from motorsvc.flight import Flight
from motorsvc.flight import Seconds
from motorsvc.flight import in_flight
from qbrixcore.errors import CorruptState
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.prepared import Prepared
from qbrixstore.redis import RedisParamBackend

# bytes to check or to copy that take a good part of 1 ms
DECODE_IN_THREAD: Final = 256 * 1024
# nanoseconds of preparing that are done at once: a thread costs about as much, and to
# get the interpreter back from a busy loop it waits for milliseconds
PREPARE_AT_ONCE: Final = 250_000
_DRAW_NS: Final = 250  # a choice from prepared probabilities, whatever the arms
_ARM_NS: Final = 100  # a posterior draw, the dearest thing done once per arm
_CELL_NS: Final = 0.6  # a multiplication and addition of a quadratic form


class Ready(msgspec.Struct, frozen=True, eq=False, gc=False):
    """An experiment that can be decided at once."""

    agent: Agent
    stored: Stored
    arms: Arms
    prepared: Prepared | None
    ahead: Ahead | None = None
    flight: Flight | None = None

    def of(self, agent: Agent) -> Ready:
        """The same state under another definition, nothing worked out for it yet."""
        arms = _matching(agent, self.stored)
        return Ready(agent, self.stored, arms, None, None, self.flight)

    def cost_ns(self, choices: int) -> float:
        """A generous estimate of what ``choices`` selections take."""
        if self.ahead is not None:
            return choices * _DRAW_NS
        header = self.stored.header
        arm = _ARM_NS + _CELL_NS * header.dim * header.dim
        return choices * header.num_arms * arm


class StateSource:
    """States as Redis has them, with what can be worked out before a select."""

    def __init__(
        self,
        params: RedisParamBackend,
        agents: SoftCache[Agent],
        in_flight_sec: Seconds,
    ) -> None:
        self._params = params
        self._agents = agents
        self._in_flight_sec = in_flight_sec

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
            job = (agent, stored, arms)
            if agent.policy.preparing_ns(stored.state, arms.active) > PREPARE_AT_ONCE:
                prepared = await asyncio.to_thread(_prepared, *job)
            else:
                prepared = _prepared(*job)
        ahead = None
        if prepared is not None and prepared.reached is not None:
            # draws from probabilities: no choice depends on any other, or on a context
            ahead = Ahead()
        flight = await self._flight(agent, stored, held)
        return Ready(agent, stored, arms, prepared, ahead, flight)

    async def _flight(
        self, agent: Agent, stored: Stored, held: Ready | None
    ) -> Flight | None:
        before = None if held is None else held.flight
        if held is not None and held.stored is stored:
            return before
        job = (agent.policy, stored, self._in_flight_sec, before)
        header = stored.header
        if 8 * header.num_arms * header.dim * header.dim > DECODE_IN_THREAD:
            return await asyncio.to_thread(in_flight, *job)
        return in_flight(*job)

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
