"""Problems pay what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.errors import Invalid
from qbrixcore.simulation.adversarial import Adversarial
from qbrixcore.simulation.contextual import Linear
from qbrixcore.simulation.contextual import Logistic
from qbrixcore.simulation.problem import BLOCK
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.stochastic import Bernoulli
from qbrixcore.simulation.stochastic import Categorical
from qbrixcore.simulation.stochastic import Drifting
from qbrixcore.simulation.stochastic import Gaussian

STEPS = 2 * BLOCK + 5
PROBLEMS = {
    "bernoulli": Bernoulli([0.1, 0.5, 1.0]),
    "gaussian": Gaussian([-1.0, 0.0, 3.0], deviation=2.0),
    "categorical": Categorical([[0.5, 0.0, 0.5], [0.1, 0.8, 0.1]], [0.0, 0.2, 1.0]),
    "drifting": Drifting([0.2, 0.9], speed=0.02),
    "linear": Linear.random(3, 4, seed=2),
    "logistic": Logistic.random(3, 4, seed=2),
    "adversarial": Adversarial.constrained(4, 1000),
}


def drawn(problem: Problem, seed: int, steps: int = STEPS) -> Block:
    blocks = list(problem.blocks(np.random.default_rng(seed), steps))
    assert max(len(block.rewards) for block in blocks) <= BLOCK
    return Block(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_shapes_and_types(problem: Problem) -> None:
    block = drawn(problem, 1)
    assert block.contexts.shape == (STEPS, problem.dim)
    assert block.contexts.dtype == np.float32
    assert block.means.shape == block.rewards.shape == (STEPS, problem.num_arms)
    assert block.rewards.dtype == np.float64
    if problem.reward_type == "binary":
        assert set(np.unique(block.rewards)) <= {0.0, 1.0}
    if problem.reward_type == "bounded":
        assert 0.0 <= block.rewards.min() <= block.rewards.max() <= 1.0


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_rewards_have_their_means_and_no_memory(problem: Problem) -> None:
    block = drawn(problem, 3)
    errors = block.rewards - block.means
    scale = errors.std(axis=0) + 1e-12
    assert np.all(np.abs(errors.mean(axis=0)) <= 5 * scale / np.sqrt(STEPS))
    echo = (errors[1:] * errors[:-1]).mean(axis=0)
    assert np.all(np.abs(echo) <= 5 * scale**2 / np.sqrt(STEPS))


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_an_episode_follows_from_its_seed(problem: Problem) -> None:
    again, other = drawn(problem, 4), drawn(problem, 5)
    for ours, theirs in zip(drawn(problem, 4), again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if not problem.hindsight:
        assert not np.array_equal(again.rewards, other.rewards)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_a_shorter_episode_is_the_start_of_a_longer_one(problem: Problem) -> None:
    for short, long in zip(drawn(problem, 4, 100), drawn(problem, 4), strict=True):
        np.testing.assert_array_equal(short, long[:100])


def test_gaussian_noise_has_its_deviation() -> None:
    block = drawn(Gaussian([0.0, 1.0], deviation=2.0), 1)
    assert abs((block.rewards - block.means).std() - 2.0) < 0.05


def test_categorical_outcomes_come_with_their_weights() -> None:
    rewards = drawn(Categorical([[0.2, 0.3, 0.5]]), 1).rewards[:, 0]
    found = [(rewards == value).mean() for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(found, [0.2, 0.3, 0.5], atol=0.03)


def test_drift_moves_at_its_speed_within_bounds() -> None:
    means = drawn(Drifting([0.5, 0.95], speed=0.01), 1).means
    steps = np.diff(means[:100, 0])
    assert 0.006 < steps.std() < 0.014
    assert means.min() >= 0.0
    assert means.max() <= 1.0
    assert np.abs(means[-1] - means[0]).max() > 0.05


def test_logistic_means_are_sigmoid_of_the_scores() -> None:
    problem = Logistic([[2.0, 0.0], [0.0, -1.0]])
    block = drawn(problem, 1)
    scores = block.contexts.astype(np.float64) @ problem.weights.T
    np.testing.assert_allclose(block.means, 1 / (1 + np.exp(-scores)), rtol=1e-12)


def test_a_sequence_starts_over() -> None:
    sequence = np.array([[0.0, 1.0], [0.5, 0.25], [1.0, 0.0]])
    rewards = drawn(Adversarial(sequence), 0, 7).rewards
    np.testing.assert_array_equal(rewards, sequence[[0, 1, 2, 0, 1, 2, 0]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Bernoulli([]),
        lambda: Bernoulli([0.5, 1.2]),
        lambda: Bernoulli([0.5, float("nan")]),
        lambda: Gaussian([0.0], deviation=-1.0),
        lambda: Categorical([[0.5, 0.4]]),
        lambda: Categorical([[0.5, 0.5]], [0.0, 0.5, 1.0]),
        lambda: Drifting([0.5], speed=2.0),
        lambda: Linear.random(0, 3),
        lambda: Linear([[1.0]], deviation=-0.1),
        lambda: Adversarial([[0.5, 2.0]]),
        lambda: Adversarial.constrained(1, 10),
        lambda: Adversarial.constrained(2, 10, gap=1.1),
    ],
)
def test_what_cannot_be_is_refused(make: type[Problem]) -> None:
    with pytest.raises(Invalid):
        make()
