"""Compiled episodes are the public methods, draw for draw."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.errors import Invalid
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import find_spec
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.contextual import Linear
from qbrixcore.simulation.contextual import Logistic
from qbrixcore.simulation.plain import PlainPlayer
from qbrixcore.simulation.player import make_player
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.steps import _STEPS
from qbrixcore.simulation.steps import find_steps
from qbrixcore.simulation.stochastic import Bernoulli
from qbrixcore.simulation.traffic import Traffic

STEPS = 700
TRAFFIC = {
    "at once": Traffic(),
    "refreshes": Traffic(delay=37),
    "motors": Traffic(delay=25, motors=3),
    "lost rewards": Traffic(delay=10, motors=2, feedback=0.2),
    "untold": Traffic(delay=37, told=False),
    "rare": Traffic(feedback=0.3),
}


def problem_for(name: str) -> Problem:
    if name != "UCB" and find_spec(name).contextual:
        binary = "continuous" not in find_spec(name).reward_types
        return (Logistic if binary else Linear).random(4, 3, seed=1)
    return Bernoulli([0.2, 0.45, 0.5, 0.8])


@pytest.mark.parametrize("traffic", TRAFFIC.values(), ids=TRAFFIC)
@pytest.mark.parametrize("name", _STEPS)
def test_compiled_play_equals_the_public_methods(name: str, traffic: Traffic) -> None:
    problem = problem_for(name)
    contestant = Contestant.of(name, problem, STEPS)
    assert find_steps(name) is not None
    fast = make_player(contestant, problem, traffic, np.random.default_rng(5))
    slow = PlainPlayer(contestant, problem, traffic, np.random.default_rng(5))
    assert not isinstance(fast, PlainPlayer)
    world, way = np.random.default_rng(6), np.random.default_rng(7)
    seen: set[int] = set()
    for _ in range(2):
        for block in problem.blocks(world, STEPS):
            journey = traffic.draw(way, len(block.rewards))
            arms, propensities = fast.play(block, journey)
            known, expected = slow.play(block, journey)
            np.testing.assert_array_equal(arms, known)
            np.testing.assert_allclose(propensities, expected, rtol=1e-12)
            seen.update(arms.tolist())
    assert len(seen) == problem.num_arms


def test_every_step_belongs_to_a_policy() -> None:
    assert set(_STEPS) <= {*SPECS, "UCB"}


def test_a_policy_without_steps_is_played_through_its_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("qbrixcore.simulation.player.find_steps", lambda name: None)
    problem = Bernoulli([0.1, 0.9])
    contestant = Contestant.of("BetaTSPolicy", problem, STEPS)
    player = make_player(contestant, problem, Traffic(), np.random.default_rng(0))
    assert isinstance(player, PlainPlayer)


@pytest.mark.parametrize(
    ("arms", "dim", "reward"), [(3, 0, 1.0), (2, 1, 1.0), (2, 0, 1.5), (2, 0, np.nan)]
)
def test_nothing_reaches_a_kernel_that_the_problem_did_not_promise(
    arms: int, dim: int, reward: float
) -> None:
    problem = Bernoulli([0.1, 0.9])
    contestant = Contestant.of("DirichletTSPolicy", problem, STEPS)
    player = make_player(contestant, problem, Traffic(), np.random.default_rng(0))
    rewards = np.full((5, arms), reward)
    block = Block(np.zeros((5, dim), dtype=np.float32), rewards, rewards)
    with pytest.raises(Invalid):
        player.play(block, Traffic().draw(np.random.default_rng(1), 5))
