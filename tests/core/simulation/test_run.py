"""Regret of many runs: what is counted, what depends on what."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.errors import Invalid
from qbrixcore.errors import InvalidParams
from qbrixcore.errors import UnknownPolicy
from qbrixcore.simulation.adversarial import Adversarial
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.contextual import Linear
from qbrixcore.simulation.contextual import Logistic
from qbrixcore.simulation.curve import Ledger
from qbrixcore.simulation.problem import BLOCK
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.run import simulate
from qbrixcore.simulation.stochastic import Bernoulli
from qbrixcore.simulation.stochastic import Drifting
from qbrixcore.simulation.stochastic import Gaussian
from qbrixcore.simulation.traffic import Traffic

MEANS = [0.2, 0.5, 0.9]


def contestants(problem: Problem, *names: str) -> list[Contestant]:
    return [Contestant.of(name, problem, 1000) for name in names]


def test_uniform_choice_loses_the_mean_gap_at_every_step() -> None:
    problem = Bernoulli(MEANS)
    [curve] = simulate(problem, contestants(problem, "RandomPolicy"), 1000, 200)
    assert curve.checkpoints.tolist() == [10, 100, 500, 1000]
    gap = 0.9 - np.mean(MEANS)
    assert np.all(np.abs(curve.mean - gap * curve.checkpoints) < 4 * curve.stderr)
    # of one step: the deviation of the gaps themselves
    deviation = np.std(0.9 - np.array(MEANS)) * np.sqrt(curve.checkpoints / 200)
    np.testing.assert_allclose(curve.stderr, deviation, rtol=0.25)


def test_regret_in_hindsight_is_against_one_arm() -> None:
    # the second arm is best over all steps, and best at no time before step 3
    sequence = np.array([[0.6, 0.5], [0.6, 0.5], [0.0, 1.0]])
    problem = Adversarial(sequence)
    ledger = Ledger(problem, np.array([1, 2, 3]))
    [block] = problem.blocks(np.random.default_rng(0), 3)
    ledger.enter(block, (np.array([1, 1, 1]), np.ones(3)))
    np.testing.assert_allclose(ledger.noted, [0.1, 0.2, 0.0], atol=1e-12)


def test_checkpoints_may_lie_in_any_block() -> None:
    problem = Gaussian([0.0, 1.0])
    rng = np.random.default_rng(1)
    points = np.array([1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
    ledger, arms, lost = Ledger(problem, points), [], []
    for block in problem.blocks(rng, 2 * BLOCK + 7):
        chosen = rng.integers(0, 2, len(block.rewards))
        ledger.enter(block, (chosen, np.ones(len(chosen))))
        arms.append(chosen)
    lost = np.cumsum(np.concatenate(arms) == 0)
    np.testing.assert_allclose(ledger.noted, lost[points - 1])


def test_results_depend_on_the_seed_alone() -> None:
    problem = Bernoulli(MEANS)
    pair = contestants(problem, "BetaTSPolicy", "EXP3Policy")
    first = simulate(problem, pair, 1000, 6, seed=3, threads=1)
    again = simulate(problem, pair[1:], 1000, 6, seed=3, threads=4)
    other = simulate(problem, pair[1:], 1000, 6, seed=4)
    np.testing.assert_array_equal(first[1].totals, again[0].totals)
    assert not np.array_equal(first[1].totals, other[0].totals)


def test_every_run_has_its_own_stream() -> None:
    problem = Bernoulli(MEANS)
    [curve] = simulate(problem, contestants(problem, "RandomPolicy"), 1000, 40)
    assert np.unique(curve.totals[:, -1]).size > 30
    longer = simulate(problem, contestants(problem, "RandomPolicy"), 1000, 41)
    np.testing.assert_array_equal(longer[0].totals[:40], curve.totals)


def test_delay_costs_what_is_not_known_in_time() -> None:
    problem = Bernoulli(MEANS)
    beta = contestants(problem, "BetaTSPolicy")

    def lost(traffic: Traffic) -> float:
        [curve] = simulate(problem, beta, 1000, 40, traffic=traffic)
        return float(curve.mean[-1])

    window = 500 * (0.9 - np.mean(MEANS))
    at_once, late = lost(Traffic()), lost(Traffic(delay=500))
    # the first window is blind, what follows is nearly as good as without delay
    assert 0.9 * window < late < 1.1 * window + 2 * at_once
    rare = lost(Traffic(feedback=0.05))
    assert rare > 2 * at_once
    nothing = lost(Traffic(feedback=0.0))
    np.testing.assert_allclose(nothing, 2 * window, rtol=0.05)


def test_motors_know_only_their_own_choices_in_flight() -> None:
    # blind for 300 steps: a motor takes three arms in turn, two of which cost 0.8
    problem = Bernoulli([0.1, 0.1, 0.9])
    tuned = contestants(problem, "UCB1TunedPolicy")

    def lost(motors: int, told: bool) -> set[int]:
        traffic = Traffic(delay=300, motors=motors, told=told)
        [curve] = simulate(problem, tuned, 300, 20, traffic=traffic)
        return {round(total / 0.8) for total in curve.totals[:, -1]}

    assert lost(1, True) == {200}
    assert lost(3, True) <= set(range(197, 204))
    assert len(lost(3, True)) > 1
    # without that all arms tie, and every choice is a guess
    assert max(lost(1, False)) > 203


def test_drift_is_followed_by_those_who_forget() -> None:
    problem = Drifting([0.5] * 5, speed=0.02)
    pair = contestants(problem, "DiscountedTSPolicy", "BetaTSPolicy")
    forgetful, loyal = simulate(problem, pair, 5000, 20)
    assert forgetful.mean[-1] < 0.7 * loyal.mean[-1]


def test_an_adversary_fools_those_who_trust_in_chance() -> None:
    problem = Adversarial.constrained(4, 5000)
    names = ("EXP3Policy", "UCB1TunedPolicy", "RandomPolicy")
    careful, trusting, uniform = simulate(
        problem, contestants(problem, *names), 5000, 10
    )
    assert careful.mean[-1] < 0.5 * uniform.mean[-1] < 0.5 * trusting.mean[-1]


def test_contextual_policies_use_the_context() -> None:
    problem = Linear.random(5, 4, seed=1)
    linear, blind = simulate(
        problem, contestants(problem, "LinUCBPolicy", "EpsilonPolicy"), 2000, 5
    )
    assert linear.mean[-1] < 0.2 * blind.mean[-1]


@pytest.mark.parametrize(
    ("name", "problem", "params", "why"),
    [
        ("LinUCBPolicy", Bernoulli(MEANS), {}, "there are none"),
        ("LinUCBPolicy", Linear.random(2, 3), {"dim": 4}, "there are 3 features"),
        ("BetaTSPolicy", Gaussian([0.0, 1.0]), {}, "pays continuous ones"),
        ("KLUCBPolicy", Bernoulli(MEANS), {"c": -1.0}, "c"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, problem: Problem, params: dict[str, object], why: str
) -> None:
    with pytest.raises(InvalidParams, match=why):
        Contestant.of(name, problem, 100, params)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(UnknownPolicy):
        Contestant.of("UCB2", Bernoulli(MEANS), 100)


def test_missing_parameters_come_from_the_problem() -> None:
    moss = Contestant.of("MOSSPolicy", Bernoulli(MEANS), 1234)
    assert getattr(moss.hyper, "horizon", None) == 1234
    linear = Contestant.of("LinUCBPolicy", Logistic.random(2, 5), 10)
    assert getattr(linear.hyper, "dim", None) == 5
    for problem in (Linear.random(2, 5), Bernoulli(MEANS)):
        meta = Contestant.of("MetaBanditPolicy", problem, 10)
        assert getattr(meta.hyper, "reward_type", None) == problem.reward_type
        assert getattr(meta.hyper, "dim", None) == problem.dim


@pytest.mark.parametrize(
    ("horizon", "runs", "checkpoints"),
    [(0, 10, None), (10, 1, None), (10, 10, [11]), (10, 10, [0])],
)
def test_a_simulation_needs_steps_and_runs(
    horizon: int, runs: int, checkpoints: list[int] | None
) -> None:
    problem = Bernoulli(MEANS)
    with pytest.raises(Invalid):
        simulate(
            problem,
            contestants(problem, "RandomPolicy"),
            horizon,
            runs,
            checkpoints=checkpoints,
        )


@pytest.mark.parametrize(
    "options", [{"delay": 0}, {"motors": 0}, {"feedback": 1.5}, {"feedback": -0.1}]
)
def test_traffic_is_checked(options: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        Traffic(**options)  # type: ignore[arg-type]
