"""Index policies account for choices in flight, so that delay costs them little."""

from __future__ import annotations

import pytest
from bench import delay

HORIZON = 20_000
WAYS = ("one by one", "delayed", "not told", "4 motors")


@pytest.fixture(scope="module")
def indices() -> list[delay.Row]:
    rows = delay.measure(delay.NINE_ARMS, delay.INDICES, HORIZON, runs=4, ways=WAYS)
    return list(rows)


def regret(row: delay.Row, way: str) -> float:
    return float(row.regrets[way].mean[-1])


@pytest.mark.parametrize("place", range(len(delay.INDICES)), ids=delay.INDICES)
def test_delay_costs_an_index_policy_little(
    indices: list[delay.Row], place: int
) -> None:
    row = indices[place]
    assert row.policy == delay.INDICES[place]
    for way in ("delayed", "4 motors"):
        assert regret(row, way) <= row.allowed, (way, row.allowed)


def test_what_is_in_flight_makes_the_difference(indices: list[delay.Row]) -> None:
    told = sum(regret(row, "delayed") for row in indices)
    assert told < 0.9 * sum(regret(row, "not told") for row in indices)


def test_delay_costs_linear_regressions_little() -> None:
    [row] = delay.measure(
        delay.TEN_LINEAR, ["LinUCBPolicy"], HORIZON, runs=2, ways=WAYS[:2]
    )
    assert regret(row, "delayed") <= row.allowed
