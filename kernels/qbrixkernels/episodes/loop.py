"""The loop of an episode: choose, hear the reward, learn when the params refresh.

Shapes: K arms, D features, B steps, M motors, R steps between two refreshes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import write
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import HYPER
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import LOG
from qbrixkernels.episodes.step import RNG
from qbrixkernels.episodes.step import STATE
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


class World(NamedTuple):
    """B steps as they would go for any choice.

    ``contexts`` (B, D); ``rewards`` (B, K), what each arm would pay; ``answered``
    (B,), whether the reward of the choice is ever heard; ``motors`` (B,), who chooses.
    """

    contexts: NDArray[np.float32]
    rewards: NDArray[np.float64]
    answered: NDArray[np.bool_]
    motors: NDArray[np.int64]


class Waiting(NamedTuple):
    """What the params do not account for yet.

    ``clock`` (2,): choices since the last refresh, and rewards heard since. Every
    choice of a motor is in flight until the rewards heard after it are learned:
    ``counts`` (2, M, K) holds those in flight now, and those that remain so at the
    next refresh because nothing has been heard after them; ``gram`` (2, M, K, D, D) is
    the same for x xᵀ. Both may be empty, for rules that are not told.
    """

    clock: NDArray[np.int64]
    counts: NDArray[np.float64]
    gram: NDArray[np.float64]


WORLD = types.NamedTuple(
    (write(SINGLE, 2), write(REAL, 2), write(BOOL, 1), write(INT, 1)), World
)
WAITING = types.NamedTuple((write(INT, 1), write(REAL, 3), write(REAL, 5)), Waiting)


@part
def note(
    waiting: Waiting, which: int, motor: int, arm: int, x: NDArray[np.float32]
) -> None:
    """Count a choice in flight."""
    if waiting.counts.size:
        waiting.counts[which, motor, arm] += 1.0
    if waiting.gram.size:
        for i in range(x.size):
            for j in range(x.size):
                square = np.float64(x[i]) * np.float64(x[j])
                waiting.gram[which, motor, arm, i, j] += square


@part
def forget(row: NDArray[np.float64]) -> None:
    """Set a contiguous array to zero."""
    flat = row.reshape(row.size)
    for i in range(flat.size):
        flat[i] = 0.0


@part
def become(row: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    """Copy a contiguous array into another."""
    flat, source = row.reshape(row.size), other.reshape(row.size)
    for i in range(flat.size):
        flat[i] = source[i]


@part
def hear(
    heard: Log, n: int, arm: int, reward: float, p: float, x: NDArray[np.float32]
) -> None:
    """Write down the nth reward since the last refresh."""
    heard.arms[n] = arm
    heard.rewards[n] = reward
    heard.propensities[n] = p
    for i in range(x.size):
        heard.vectors[n, i] = x[i]


@part
def first(heard: Log, n: int) -> Log:
    """The first n rewards."""
    return Log(
        heard.arms[:n], heard.rewards[:n], heard.propensities[:n], heard.vectors[:n]
    )


@kernel(
    VOID(
        types.FunctionType(CHOOSE),
        types.FunctionType(LEARN),
        STATE,
        HYPER,
        RNG,
        WORLD,
        WAITING,
        LOG,
        write(INT, 1),
        write(REAL, 1),
    )
)
def play(
    choose: Callable[[State, NDArray[np.float64], Ask], None],
    learn: Callable[[State, NDArray[np.float64], Log], None],
    state: State,
    hyper: NDArray[np.float64],
    rng: np.random.Generator,
    world: World,
    waiting: Waiting,
    heard: Log,
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Play the next B steps, in place, and fill ``arms`` and ``propensities`` (B,).

    Whenever R choices have been made, the rewards among ``heard`` (R,) are learned.
    """
    size, width = world.rewards.shape[1], world.contexts.shape[1]
    clock, motor = waiting.clock, -1
    told, wide = waiting.counts.size > 0, waiting.gram.size > 0
    active, untold = np.ones(size, dtype=np.bool_), np.zeros(size)
    narrow = np.zeros((0, width, width))
    x = np.empty((1, width), dtype=np.float32)
    arm, p = np.empty(1, dtype=np.int64), np.empty(1)
    ask = Ask(x, active, untold, narrow, rng, arm, p)
    for t in range(arms.size):
        if motor != world.motors[t]:
            motor = world.motors[t]
            counts = waiting.counts[0, motor] if told else untold
            gram = waiting.gram[0, motor] if wide else narrow
            ask = Ask(x, active, counts, gram, rng, arm, p)
        for i in range(width):
            x[0, i] = world.contexts[t, i]
        choose(state, hyper, ask)
        arms[t], propensities[t] = arm[0], p[0]
        note(waiting, 0, motor, arm[0], x[0])
        if world.answered[t]:
            hear(heard, clock[1], arm[0], world.rewards[t, arm[0]], p[0], x[0])
            clock[1] += 1
            forget(waiting.counts[1])
            forget(waiting.gram[1])
        else:
            note(waiting, 1, motor, arm[0], x[0])
        clock[0] += 1
        if clock[0] == heard.arms.size:
            if clock[1] > 0:
                learn(state, hyper, first(heard, clock[1]))
                become(waiting.counts[0], waiting.counts[1])
                become(waiting.gram[0], waiting.gram[1])
            clock[:] = 0
