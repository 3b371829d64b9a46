"""One episode of one policy, block by block."""

from __future__ import annotations

from typing import Any
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import Chosen
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.plain import PlainPlayer
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.steps import Steps
from qbrixcore.simulation.steps import find_steps
from qbrixcore.simulation.traffic import Journey
from qbrixcore.simulation.traffic import Traffic
from qbrixkernels.episodes.loop import Waiting
from qbrixkernels.episodes.loop import World
from qbrixkernels.episodes.loop import play
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


class Player(Protocol):
    """A policy in the middle of an episode."""

    def play(self, block: Block, journey: Journey) -> Chosen:
        """The arms of the next B steps, and their propensities, both (B,)."""


def make_player(
    contestant: Contestant, problem: Problem, traffic: Traffic, rng: np.random.Generator
) -> Player:
    """The fastest way to play this policy."""
    steps = find_steps(contestant.policy.spec.name)
    if steps is None:
        return PlainPlayer(contestant, problem, traffic, rng)
    return CompiledPlayer(steps, contestant, problem, traffic, rng)


class CompiledPlayer:
    """Plays whole blocks in one compiled call around the policy's own kernels.

    Chooses and learns exactly as ``PlainPlayer`` does from the same generator.
    """

    def __init__(
        self,
        steps: Steps,
        contestant: Contestant,
        problem: Problem,
        traffic: Traffic,
        rng: np.random.Generator,
    ) -> None:
        hyper = contestant.hyper
        prior = contestant.policy.spec.prior(problem.num_arms, hyper)
        self._steps = steps
        self._rewards = contestant.policy.spec.rewards_of(hyper)
        self._shape = (problem.num_arms, problem.dim)
        self._rng = rng
        self._state = flat(prior)
        constants = steps.constants(problem.num_arms)
        self._hyper = np.concatenate([numbers(hyper), *constants])
        told = traffic.motors if traffic.counts_in_flight else 0
        arms, dim, delay = problem.num_arms, problem.dim, traffic.delay
        wide = arms if prior.dim else 0
        self._waiting = Waiting(
            clock=np.zeros(2, dtype=np.int64),
            counts=np.zeros((2, told, arms)),
            gram=np.zeros((2, told, wide, dim, dim)),
        )
        self._heard = Log(
            arms=np.zeros(delay, dtype=np.int64),
            rewards=np.zeros(delay),
            propensities=np.zeros(delay),
            vectors=np.zeros((delay, dim), dtype=np.float32),
        )

    def play(self, block: Block, journey: Journey) -> Chosen:
        """The arms of the next B steps, and their propensities, both (B,).

        Raises Invalid when the block is not what its problem said.
        """
        count, (num_arms, dim) = len(block.rewards), self._shape
        contexts = np.ascontiguousarray(block.contexts, dtype=np.float32)
        rewards = np.ascontiguousarray(block.rewards, dtype=np.float64)
        if rewards.shape != (count, num_arms) or contexts.shape != (count, dim):
            raise Invalid(f"a block must have {num_arms} arms and {dim} features")
        if not self._rewards.fits(rewards).all():
            raise Invalid(f"every reward must be {self._rewards.text}")
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        play(
            self._steps.choose,
            self._steps.learn,
            self._state,
            self._hyper,
            self._rng,
            World(contexts, rewards, journey.answered, journey.motors),
            self._waiting,
            self._heard,
            arms,
            propensities,
        )
        return arms, propensities


def flat(state: BaseParamState) -> State:
    """Copies of a state's arrays, end to end: all float64 ones, and all int64 ones."""

    def joined(kind: type) -> NDArray[Any]:
        arrays = [a.ravel() for a in state.arrays().values() if a.dtype == kind]
        return np.concatenate([np.empty(0, dtype=kind), *arrays])

    return State(reals=joined(np.float64), counts=joined(np.int64))


def numbers(hyper: object) -> NDArray[np.float64]:
    """The parameters in the order declared, NaN for None."""
    values = msgspec.structs.astuple(hyper)  # type: ignore[arg-type]
    return np.array([np.nan if v is None else float(v) for v in values])
