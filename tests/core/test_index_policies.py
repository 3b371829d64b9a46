"""Index policies through their public methods: frames, masks, choices in flight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

INDICES = (
    "UCB1TunedPolicy",
    "KLUCBPolicy",
    "KLUCBPlusPolicy",
    "MOSSPolicy",
    "MOSSAnyTimePolicy",
)
ARMS = 4


class Play:
    """A policy that has learned some rewards, the last arm the best."""

    def __init__(self, name: str, each: int = 50) -> None:
        spec = find_spec(name)
        self.policy = implementation(spec)
        self.hyper = spec.validate(spec.example)
        self.rng = np.random.default_rng(3)
        arms = np.repeat(np.arange(ARMS), each)
        rewards = (self.rng.random(arms.size) < (arms + 1) / 5).astype(np.float64)
        prior: Any = spec.prior(ARMS, self.hyper)
        self.state = self.policy.fold(self.hyper, prior, Feedback.of(arms, rewards))

    def select(
        self,
        count: int,
        in_flight: InFlight | None = None,
        active: list[bool] | None = None,
    ) -> Chosen:
        return self.policy.select_many(
            self.hyper,
            self.state,
            np.empty((count, 0), dtype=np.float32),
            np.array(active or [True] * ARMS),
            in_flight or InFlight.none(ARMS),
            self.rng,
        )


@pytest.mark.parametrize("name", INDICES)
def test_one_frame_equals_single_choices_in_flight(name: str) -> None:
    play = Play(name)
    whole, _ = play.select(300)
    counts, singles = np.zeros(ARMS), []
    for _ in range(300):
        arms, _ = play.select(1, InFlight(counts))
        singles.append(int(arms[0]))
        counts = counts + (np.arange(ARMS) == arms[0])
    assert whole.tolist() == singles
    assert len(set(singles)) > 1, "nothing in flight was counted"


@pytest.mark.parametrize("name", INDICES)
def test_a_new_arm_is_taken_once_and_then_for_an_average_one(name: str) -> None:
    play = Play(name, each=2000)
    pulls, total = play.state.pulls.copy(), play.state.total.copy()
    pulls[0] = total[0] = 0
    arrays = {**play.state.arrays(), "pulls": pulls, "total": total}
    play.state = type(play.state)(num_arms=ARMS, **arrays)
    arms, p = play.select(200)
    assert arms[0] == 0 and p[0] == 1.0
    # explored as an arm of middling mean is, not with the whole frame
    assert 1 < np.count_nonzero(arms == 0) < 100


@pytest.mark.parametrize("name", INDICES)
def test_an_inactive_arm_is_out_of_the_race(name: str) -> None:
    arms, p = Play(name).select(60, active=[True, True, False, False])
    assert set(arms.tolist()) <= {0, 1} and (p > 0).all()


@pytest.mark.parametrize("name", INDICES)
def test_counts_in_flight_of_any_layout_are_taken(name: str) -> None:
    strided = np.arange(2.0 * ARMS)[::2]
    arms, _ = Play(name).select(3, InFlight(strided))
    again, _ = Play(name).select(3, InFlight(strided.copy()))
    assert arms.tolist() == again.tolist()


def test_means_of_choices_in_flight_are_those_learned() -> None:
    # so many in flight that confidence is nothing: the best mean wins
    play = Play("KLUCBPolicy")
    arms, _ = play.select(1, InFlight(np.full(ARMS, 1e9)))
    assert arms[0] == ARMS - 1


def test_moss_needs_its_horizon() -> None:
    spec = find_spec("MOSSPolicy")
    horizon = spec.params[0]
    assert (horizon.name, horizon.type, horizon.required) == (
        "horizon",
        "integer",
        True,
    )
    assert horizon.constraints["gt"] == 0
    assert spec.validate({"horizon": 500.0}) == spec.validate({"horizon": 500})
