"""Who a rollout takes in: stable, growing, and not the same in every experiment."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.proxy.gates.samples import EXPERIMENT

from proxysvc.gates.rollout import Rollout

PERCENTAGES = st.floats(0, 100)
# no order of scripts or planes is favoured, and lone surrogates are ids too
IDS = st.text(st.characters(exclude_categories=()), max_size=40)


@given(IDS, PERCENTAGES, PERCENTAGES)
def test_nobody_leaves_while_the_percentage_grows(
    context_id: str, one: float, other: float
) -> None:
    smaller, larger = sorted((one, other))
    if context_id in Rollout(EXPERIMENT, smaller):
        assert context_id in Rollout(EXPERIMENT, larger)


@given(IDS)
def test_the_ends_are_nobody_and_everybody(context_id: str) -> None:
    assert context_id not in Rollout(EXPERIMENT, 0)
    assert context_id in Rollout(EXPERIMENT, 100)


@given(st.text(max_size=40), PERCENTAGES)
def test_it_is_the_documented_hash(context_id: str, percentage: float) -> None:
    text = f"{EXPERIMENT}:{context_id}".encode()
    place = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    share = place / 2**64 * 100
    if abs(share - percentage) > 1e-9:
        assert (context_id in Rollout(EXPERIMENT, percentage)) is (share < percentage)


@pytest.mark.parametrize(
    ("context_id", "first"),
    [("", 5), ("user-1", 11), ("user-2", 81), ("größe", 20)],
)
def test_it_is_the_same_for_ever(context_id: str, first: int) -> None:
    taken = [p for p in range(101) if context_id in Rollout(EXPERIMENT, p)]
    assert taken == list(range(first, 101))


def test_shares_are_as_asked_and_independent() -> None:
    ids = [f"user-{number}" for number in range(20_000)]
    mine, other = Rollout(EXPERIMENT, 30), Rollout("f" * 32, 30)
    inside = {id_ for id_ in ids if id_ in mine}
    # five standard deviations of a binomial
    assert abs(len(inside) - 6_000) < 325
    both = sum(id_ in other for id_ in inside)
    assert abs(both - 0.3 * len(inside)) < 180
