"""Choices drawn from prepared probabilities are the choices of the rule itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy import leading
from qbrixcore.policy.prepared import Prepared
from qbrixcore.policy.prepared import drawn
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixkernels.maximum import LEAST_CHANCE

RULES: list[tuple[str, dict[str, object]]] = [
    ("BetaTSPolicy", {}),
    ("DiscountedTSPolicy", {"gamma": 0.999}),
    ("GaussianTSPolicy", {}),
    ("DirichletTSPolicy", {}),
    ("FPLPolicy", {"eta": 20.0}),
    ("MetaBanditPolicy", {}),
]
LAST = 1.0 - 2**-53  # the largest level there is


class Learned:
    """A policy that has learned from a few rewards of each of K arms."""

    def __init__(self, name: str, params: dict[str, object], arms: int) -> None:
        spec = find_spec(name)
        self.policy = implementation(name)
        self.hyper = spec.validate(params)
        rng = np.random.default_rng(3)
        rows = 6 * arms
        chosen = rng.integers(0, arms, rows)
        levels = rng.uniform(0.2, 0.6, arms)
        rewards = (rng.random(rows) < levels[chosen]).astype(np.float64)
        nothing = np.empty((rows, 0), dtype=np.float32)
        log = Feedback(chosen, rewards, np.full(rows, 1 / arms), nothing)
        prior = spec.prior(arms, self.hyper)
        self.state: Any = self.policy.fold(self.hyper, prior, log)
        # every seventh arm is switched off
        self.active = np.arange(arms) % 7 != 1
        prepared = self.policy.prepare(self.hyper, self.state, self.active)
        assert prepared is not None
        self.prepared = prepared

    def counts(self, rows: int, prepared: Prepared | None) -> NDArray[np.int64]:
        """How often each arm was chosen in so many choices."""
        arms, p = self.policy.select_many(
            self.hyper,
            self.state,
            np.empty((rows, 0), dtype=np.float32),
            self.active,
            InFlight.none(self.active.size),
            np.random.default_rng(11),
            prepared,
        )
        if prepared is not None:
            assert (p == prepared.propensities[arms]).all()
        return np.bincount(arms, minlength=self.active.size)


def assert_as_often(counts: NDArray[np.int64], chances: NDArray[np.float64]) -> None:
    """Chi-square within its mean plus five deviations; rare arms count as one."""
    expected = counts.sum() * chances
    assert not counts[chances == 0.0].any()
    usual = expected >= 5.0
    seen = np.append(counts[usual], counts[~usual].sum())
    wanted = np.append(expected[usual], expected[~usual].sum() + 1e-9)
    cells = int((wanted >= 5.0).sum())
    if wanted[-1] < 5.0:
        assert seen[-1] < 30
        seen, wanted = seen[:-1], wanted[:-1]
    assert cells > 1
    distance = float((np.square(seen - wanted) / wanted).sum())
    assert distance < cells - 1 + 5.0 * np.sqrt(2.0 * (cells - 1)), distance


@pytest.mark.parametrize("arms", [8, 200])
@pytest.mark.parametrize(("name", "params"), RULES, ids=[name for name, _ in RULES])
def test_arms_come_up_as_often_as_told(
    name: str, params: dict[str, object], arms: int
) -> None:
    learned = Learned(name, params, arms)
    told = learned.prepared.propensities
    assert ((told > 0.0) == learned.active).all()
    assert told.sum() == pytest.approx(1.0, abs=1e-14)
    assert_as_often(learned.counts(200_000, learned.prepared), told)


@pytest.mark.parametrize("arms", [8, 200])
@pytest.mark.parametrize(("name", "params"), RULES, ids=[name for name, _ in RULES])
def test_and_as_often_as_by_the_rule_itself(
    name: str, params: dict[str, object], arms: int
) -> None:
    learned = Learned(name, params, arms)
    own = learned.counts(20_000, None)
    assert_as_often(own, learned.prepared.propensities)


def test_a_thousand_arms_against_a_dense_grid() -> None:
    rng = np.random.default_rng(4)
    pulls = rng.integers(0, 300, 1_000)
    wins = rng.binomial(pulls, rng.uniform(0.1, 0.3, 1_000))
    alpha, beta = 1.0 + wins, 1.0 + pulls - wins
    # log odds, where densities are smooth; none of it lies beyond
    places = np.linspace(-16.0, 16.0, 16_001)
    above, below = np.logaddexp(0.0, -places), np.logaddexp(0.0, places)
    logs = -np.outer(alpha, above) - np.outer(beta, below)
    masses = np.exp(logs - logs.max(axis=1, keepdims=True))
    masses /= masses.sum(axis=1, keepdims=True)
    shares = np.maximum(np.cumsum(masses, axis=1) - masses / 2.0, 1e-300)
    best = np.exp(np.log(shares).sum(axis=0)) / shares * masses
    expected = best.sum(axis=1)
    found = leading.of_betas(alpha, beta, np.ones(1_000, dtype=np.bool_))
    # the grid itself is as good as its step squared
    assert np.abs(found - expected).max() < 1e-6
    usual = expected > 1e-6
    np.testing.assert_allclose(found[usual], expected[usual], rtol=1e-4)


def test_an_arm_without_a_chance_is_never_drawn() -> None:
    prepared = Prepared.to_draw_from(np.array([0.0, 0.1, 0.0, 0.7, 0.0]))
    assert prepared.propensities.tolist() == pytest.approx([0, 1 / 8, 0, 7 / 8, 0])
    assert prepared.reached is not None
    levels = np.array([0.0, 0.1, 0.1249, 0.1251, 0.5, LAST])
    assert drawn(prepared.reached, levels).tolist() == [1, 1, 1, 3, 3, 3]


def test_the_rarest_arm_is_drawn_where_its_turn_comes() -> None:
    rest = 1.0 - LEAST_CHANCE
    first = Prepared.to_draw_from(np.array([LEAST_CHANCE, rest])).reached
    last = Prepared.to_draw_from(np.array([rest, LEAST_CHANCE])).reached
    assert first is not None and last is not None
    levels = np.array([0.0, 0.99 * LEAST_CHANCE, 1.01 * LEAST_CHANCE, LAST])
    assert drawn(first, levels).tolist() == [0, 0, 1, 1]
    assert drawn(last, 1.0 - levels[1:3]).tolist() == [1, 0]
    assert drawn(last, levels).tolist() == [0, 0, 0, 1]


def test_the_sum_of_many_is_one() -> None:
    chances = np.random.default_rng(0).random(10_000) ** 30
    chances[-3:] = 0.0
    prepared = Prepared.to_draw_from(chances)
    assert prepared.reached is not None
    assert (prepared.reached[-4:] == 1.0).all()
    assert (np.diff(prepared.reached) >= 0.0).all()
    assert drawn(prepared.reached, np.array([LAST])) <= 9_996
    # what is told is what is drawn, but for the rounding of sums
    told = np.diff(prepared.reached, prepend=0.0)
    np.testing.assert_allclose(told, prepared.propensities, rtol=0.0, atol=1e-13)


def test_chances_too_rough_to_choose_by_are_only_told() -> None:
    rough = Learned("DirichletTSPolicy", {"num_outcomes": 3, "prior": 0.2}, 4)
    assert rough.prepared.reached is None
    own, told = (rough.counts(300, given) for given in (None, rough.prepared))
    assert own.tolist() == told.tolist()
    fine = Learned("DirichletTSPolicy", {"num_outcomes": 3, "prior": 0.25}, 4)
    assert fine.prepared.reached is not None


@pytest.mark.parametrize(("name", "params"), RULES, ids=[name for name, _ in RULES])
def test_what_preparing_costs_grows_with_the_arms(
    name: str, params: dict[str, object]
) -> None:
    few, many = (Learned(name, params, arms) for arms in (8, 800))
    costs = [one.policy.preparing_ns(one.state, one.active) for one in (few, many)]
    assert 0.0 < costs[0] <= costs[1] / 100 or costs == [np.inf, np.inf]


def test_nothing_is_worked_out_for_arms_that_were_expected() -> None:
    auto = Learned("MetaBanditPolicy", {}, 8)
    everyone = np.ones(8, dtype=np.bool_)
    expected = auto.policy.preparing_ns(auto.state, everyone)
    assert 100 * expected < auto.policy.preparing_ns(auto.state, auto.active)
