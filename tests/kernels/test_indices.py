"""Optimistic indices against slow twins in the words of the papers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import divergence
from qbrixkernels import indices

Reals = NDArray[np.float64]
Index = Callable[["Arm", float, int], float]


@dataclass
class Arm:
    """What is known of one arm: ``played`` includes choices in flight."""

    pulls: int
    played: float
    mean: float
    square: float


@dataclass
class Case:
    """The arrays of K arms and what a frame of choices needs."""

    total: Reals
    squares: Reals
    pulls: NDArray[np.int64]
    active: NDArray[np.bool_]
    in_flight: Reals
    ties: Reals

    def select(
        self, kernel: Any, *rule: Any, squares: bool = False
    ) -> tuple[NDArray[np.int64], Reals]:
        """The choices of a kernel, with its parameters in ``rule``."""
        count = len(self.ties)
        arms, p = np.empty(count, dtype=np.int64), np.empty(count)
        sums = (self.total, self.squares) if squares else (self.total,)
        kernel(
            *sums, self.pulls, *rule, self.active, self.in_flight, self.ties, arms, p
        )
        return arms, p

    def arms(self) -> dict[int, Arm]:
        """The active arms; an arm nothing is known of is an average one."""
        learned = int(self.pulls.sum())
        average = float(self.total.sum()) / learned if learned else 0.5
        return {
            k: Arm(
                int(self.pulls[k]),
                float(self.pulls[k] + self.in_flight[k]),
                float(self.total[k] / self.pulls[k]) if self.pulls[k] else average,
                float(self.squares[k] / self.pulls[k]) if self.pulls[k] else math.inf,
            )
            for k in np.flatnonzero(self.active).tolist()
        }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    arms = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    most = draw(st.sampled_from([1, 30, 100_000]))
    pulls = rng.integers(0, most + 1, arms)
    means = rng.choice([0.0, 0.01, 0.3, 0.5, 0.99, 1.0], arms)
    flying = rng.integers(0, 40, arms) * rng.integers(0, 2, arms)
    active = rng.random(arms) < 0.8
    active[rng.integers(arms)] = True
    return Case(
        total=pulls * means,
        squares=pulls * means * rng.choice([0.5, 1.0], arms),
        pulls=pulls,
        active=active,
        in_flight=flying * draw(st.sampled_from([0.0, 1.0])),
        ties=rng.random(25),
    )


def check(case: Case, index: Index, chosen: tuple[NDArray[np.int64], Reals]) -> None:
    """Each row takes a largest index of the slow twin, and says how many tie."""
    arms, t = case.arms(), float(case.pulls.sum() + case.in_flight.sum())
    for arm, p in zip(*chosen, strict=True):
        scores = {
            k: index(known, t, len(arms)) if known.played else math.inf
            for k, known in arms.items()
        }
        top = max(scores.values())
        assert scores[arm] == top or top - scores[arm] < 1e-9, scores
        # the same arm twice ties; what rounding alone separates may or may not
        close = [k for k, s in scores.items() if s == top or top - s < 1e-9]
        twins = [k for k, known in arms.items() if known == arms[int(arm)]]
        equal = round(1.0 / p)
        assert p == 1.0 / equal and len(twins) <= equal <= len(close)
        arms[int(arm)].played += 1
        t += 1


def tuned(arm: Arm, t: float, alpha: float) -> float:
    """UCB1-Tuned, section 4 of Auer et al."""
    log_t = math.log(max(t, 1.0))
    variance = max(arm.square - arm.mean**2, 0.0) + math.sqrt(2 * log_t / arm.played)
    return arm.mean + math.sqrt(alpha / 2 * log_t / arm.played * min(0.25, variance))


def moss(arm: Arm, reach: float, arms: int) -> float:
    """MOSS; ``reach`` is the horizon, or t."""
    return max(math.log(reach / (arms * arm.played)), 0.0) / arm.played


def kl(p: float, q: float) -> float:
    """The divergence of Bernoulli variables, 0 log 0 being 0."""
    first = p * math.log(p / q) if p else 0.0
    return first + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)


def upper(p: float, budget: float) -> float:
    """The largest q with kl(p, q) <= budget, by bisection."""
    low, high = p, 1.0
    if p == 1.0:
        return 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if middle == 1.0 or kl(p, middle) > budget:
            high = middle
        else:
            low = middle
    return low


@given(cases(), st.floats(0.01, 10))
def test_tuned_equals_the_slow_twin(case: Case, alpha: float) -> None:
    chosen = case.select(indices.select_tuned, alpha, squares=True)
    check(case, lambda arm, t, _: tuned(arm, t, alpha), chosen)


@given(cases(), st.sampled_from([1.0, 1000.0, 1e7]))
def test_moss_equals_the_slow_twin(case: Case, horizon: float) -> None:
    def index(arm: Arm, t: float, arms: int) -> float:
        return arm.mean + math.sqrt(moss(arm, horizon, arms))

    check(case, index, case.select(indices.select_moss, horizon))


@given(cases(), st.floats(0.1, 3))
def test_moss_anytime_equals_the_slow_twin(case: Case, alpha: float) -> None:
    def index(arm: Arm, t: float, arms: int) -> float:
        return arm.mean + math.sqrt((1 + alpha) / 2 * moss(arm, t, arms))

    check(case, index, case.select(indices.select_moss_anytime, alpha))


@given(cases(), st.sampled_from([0.0, 0.5, 3.0]), st.booleans())
def test_kl_equals_the_slow_twin(case: Case, c: float, plus: bool) -> None:
    def index(arm: Arm, t: float, _: int) -> float:
        reach = math.log(max(t / arm.played if plus else t, 1.0))
        budget = reach + c * math.log(max(reach, 1.0))
        return upper(arm.mean, budget / arm.played)

    check(case, index, case.select(divergence.select, c, plus))


def test_tuned_has_the_cap_of_one_quarter() -> None:
    # rewards of 0 and 1: the variance bound is far above 1/4 after few plays
    case = Case(
        total=np.array([2.0, 1.0]),
        squares=np.array([2.0, 1.0]),
        pulls=np.array([4, 1]),
        active=np.ones(2, dtype=np.bool_),
        in_flight=np.zeros(2),
        ties=np.zeros(1),
    )
    log_t = math.log(5)
    uncapped = 0.5 + math.sqrt(log_t / 4 * (0.25 + math.sqrt(2 * log_t / 4)))
    assert uncapped > 1 > tuned(Arm(4, 4.0, 0.5, 0.5), 5.0, 2.0)
    # the other arm lies between the two, so that the cap decides
    case.total[1], case.squares[1], case.pulls[1] = 20.0, 20.0, 21
    arms, _ = case.select(indices.select_tuned, 2.0, squares=True)
    assert arms.tolist() == [1]


@pytest.mark.parametrize(
    ("kernel", "rule", "squares"),
    [
        (indices.select_tuned, (2.0,), True),
        (indices.select_moss, (1e4,), False),
        (indices.select_moss_anytime, (1.35,), False),
        (divergence.select, (0.0, False), False),
        (divergence.select, (0.0, True), False),
    ],
)
class TestEveryIndex:
    """What all rules share."""

    def test_a_first_frame_takes_the_arms_in_turn(
        self, kernel: Any, rule: tuple[Any, ...], squares: bool
    ) -> None:
        rng = np.random.default_rng(0)
        case = _blank(4, rng.random(12))
        arms, p = case.select(kernel, *rule, squares=squares)
        rounds = arms.reshape(3, 4)
        assert (np.sort(rounds, axis=1) == np.arange(4)).all()
        assert p.tolist() == [1 / 4, 1 / 3, 1 / 2, 1.0] * 3

    def test_arms_in_flight_are_not_new(
        self, kernel: Any, rule: tuple[Any, ...], squares: bool
    ) -> None:
        case = _blank(3, np.full(1, 0.5))
        case.in_flight[:] = [2.0, 0.0, 1.0]
        arms, p = case.select(kernel, *rule, squares=squares)
        assert arms.tolist() == [1] and p.tolist() == [1.0]

    def test_ties_are_settled_evenly_among_active_arms(
        self, kernel: Any, rule: tuple[Any, ...], squares: bool
    ) -> None:
        chosen = []
        for tie in (np.arange(300) + 0.5) / 300:
            case = _blank(4, np.array([tie]))
            case.pulls[:], case.total[:] = 10, 4.0
            case.squares[:] = 4.0
            case.active[1] = False
            arms, p = case.select(kernel, *rule, squares=squares)
            assert p.tolist() == [1 / 3]
            chosen.append(int(arms[0]))
        assert np.bincount(chosen, minlength=4).tolist() == [100, 0, 100, 100]

    def test_a_state_that_is_not_a_number_still_chooses_an_active_arm(
        self, kernel: Any, rule: tuple[Any, ...], squares: bool
    ) -> None:
        case = _blank(3, np.full(4, 0.9))
        case.pulls[:] = 5
        case.total[:] = case.squares[:] = np.nan
        case.active[:] = [False, True, False]
        arms, _ = case.select(kernel, *rule, squares=squares)
        assert (arms == 1).all()


def _blank(arms: int, ties: Reals) -> Case:
    return Case(
        total=np.zeros(arms),
        squares=np.zeros(arms),
        pulls=np.zeros(arms, dtype=np.int64),
        active=np.ones(arms, dtype=np.bool_),
        in_flight=np.zeros(arms),
        ties=ties,
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), max_size=50))
def test_folds_equal_the_slow_twin(log: list[tuple[int, float]]) -> None:
    slow_total, slow_squares, slow_pulls = [0.0] * 4, [0.0] * 4, [0] * 4
    for arm, reward in log:
        slow_total[arm] += reward
        slow_squares[arm] += reward * reward
        slow_pulls[arm] += 1
    arms = np.array([arm for arm, _ in log], dtype=np.int64)
    rewards = np.array([reward for _, reward in log], dtype=np.float64)
    total, squares = np.zeros(4), np.zeros(4)
    pulls = np.zeros(4, dtype=np.int64)
    indices.fold_squares(total, squares, pulls, arms, rewards)
    assert total.tolist() == slow_total and squares.tolist() == slow_squares
    assert pulls.tolist() == slow_pulls
    again, counted = np.zeros(4), np.zeros(4, dtype=np.int64)
    indices.fold(again, counted, arms, rewards)
    assert again.tolist() == slow_total and counted.tolist() == slow_pulls
