"""Choices drawn ahead are handed out once each, and few are wasted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from motorsvc.ahead import MOST
from motorsvc.ahead import Ahead
from motorsvc.ahead import Choices


class Source:
    """Draws 0, 1, 2, … and remembers how many at a time."""

    def __init__(self) -> None:
        self.drawn: list[int] = []

    def draw(self, count: int) -> Choices:
        start = sum(self.drawn)
        self.drawn.append(count)
        numbers = np.arange(start, start + count)
        return numbers, numbers / 1e6


def taken(ahead: Ahead, source: Source, counts: list[int]) -> list[int]:
    seen: list[int] = []
    for count in counts:
        arms, chances = ahead.take(count, source.draw)
        assert len(arms) == len(chances) == count
        assert (chances == arms / 1e6).all()
        seen += arms.tolist()
    return seen


@given(st.lists(st.integers(1, 256), max_size=60))
def test_no_choice_is_handed_out_twice(counts: list[int]) -> None:
    seen = taken(Ahead(), Source(), counts)
    assert seen == sorted(set(seen))


@given(st.lists(st.integers(1, 256), min_size=1, max_size=60))
def test_no_more_is_drawn_than_three_times_what_was_used(counts: list[int]) -> None:
    source = Source()
    taken(Ahead(), source, counts)
    assert sum(source.drawn) <= 3 * sum(counts)


def test_single_choices_are_drawn_in_growing_numbers() -> None:
    source = Source()
    assert taken(Ahead(), source, [1] * 200) == list(range(200))
    assert source.drawn == [1, 2, 4, 8, 16, 32, MOST, MOST, MOST]


def test_the_first_choice_draws_no_other() -> None:
    source = Source()
    taken(Ahead(), source, [1])
    assert source.drawn == [1]
