"""Choosing: one kernel call for many contexts of one experiment."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from motorsvc.agents import Agent
from motorsvc.cache import Key
from motorsvc.cache import SoftCache
from motorsvc.states import Ready
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import MissingState

LONGEST_ON_LOOP: Final = 1_000_000  # estimated nanoseconds
THREADS: Final = 2

Contexts = NDArray[np.float32]
Choices = tuple[NDArray[np.int64], NDArray[np.float64]]


class Selector:
    """Finds the state of an experiment and runs its policy on it."""

    def __init__(
        self,
        agents: SoftCache[Agent],
        states: SoftCache[Ready],
        seed: int | None,
        *,
        weigh: bool = False,
    ) -> None:
        """``weigh`` asks for propensities even where they cost more than the choice."""
        self._weigh = weigh
        self._agents = agents
        self._states = states
        self._seeds = np.random.SeedSequence(seed)
        self._rng = np.random.default_rng(self._seeds.spawn(1)[0])
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="select")

    def warm(self, key: Key, version: int) -> Ready | None:
        """The experiment if it is in memory in this definition version or a newer."""
        agent = self._agents.peek(key)
        if agent is None or agent.definition.version < version:
            return None
        ready = self._states.peek(key)
        return None if ready is None else self._current(key, agent, ready)

    async def ready(self, key: Key, version: int) -> Ready:
        """The experiment, read from Redis if need be.

        Raises ExperimentNotFound, MissingState, CorruptState, Overloaded, Unavailable.
        """
        agent = await self._agents.get(key)
        if agent is None or agent.definition.version < version:
            agent = await self._agents.refresh(key)
        if agent is None:
            raise _not_found(key)
        ready = await self._states.get(key)
        if ready is None:
            # both go when an experiment is deleted; the news of it may still be coming
            if await self._agents.refresh(key) is None:
                raise _not_found(key)
            raise MissingState(f"experiment {key[1]} has no stored parameters")
        return self._current(key, agent, ready)

    def choose(self, ready: Ready, contexts: Contexts) -> Choices:
        """Arms (N,) and propensities (N,), NaN where not computed.

        Raises InvalidContext.
        """
        if ready.ahead is None:
            return _choose(ready, contexts, self._rng, self._weigh)
        return ready.ahead.take(
            len(contexts),
            lambda count: _choose(ready, _blank(count), self._rng, self._weigh),
        )

    async def choose_aside(self, ready: Ready, contexts: Contexts) -> Choices:
        """The same in a thread, where it would take the loop for too long."""
        if ready.cost_ns(len(contexts)) <= LONGEST_ON_LOOP:
            return self.choose(ready, contexts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, self._choose_in_thread, ready, contexts
        )

    def close(self) -> None:
        """Start nothing more in threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _current(self, key: Key, agent: Agent, ready: Ready) -> Ready:
        if ready.agent is agent:
            return ready
        # the definition has changed and the params have not
        self._states.renew(key)
        return ready.of(agent)

    def _choose_in_thread(self, ready: Ready, contexts: Contexts) -> Choices:
        # kernels release the interpreter, and a generator is not safe to share
        rng: np.random.Generator | None = getattr(self._local, "rng", None)
        if rng is None:
            rng = self._local.rng = np.random.default_rng(self._seeds.spawn(1)[0])
        return _choose(ready, contexts, rng, self._weigh)


def _not_found(key: Key) -> ExperimentNotFound:
    return ExperimentNotFound(f"experiment not found: {key[1]}")


def _blank(count: int) -> Contexts:
    return np.empty((count, 0), dtype=np.float32)


def _choose(
    ready: Ready, contexts: Contexts, rng: np.random.Generator, weigh: bool
) -> Choices:
    agent, flight = ready.agent, ready.flight
    if flight is None:
        state, in_flight = ready.stored.state, ready.arms.none_in_flight
    else:
        account = flight.level()
        state, in_flight = account.state, account.in_flight
    choices: Choices = agent.policy.select_many(
        agent.hyper,
        state,
        contexts,
        ready.arms.active,
        in_flight,
        rng,
        ready.prepared,
        weigh,
    )
    if flight is not None:
        flight.add(choices[0], contexts)
    return choices
