"""What was chosen lately, held in bounded space."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motorsvc.memory import LEAST
from motorsvc.memory import MOST
from motorsvc.memory import MOST_WORK
from motorsvc.memory import Memory

Frames = list[tuple[int, list[int]]]  # milliseconds since the last, arms

frames = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.integers(0, 9), min_size=1, max_size=9)),
    max_size=30,
)


def remembered(width: int, given: Frames) -> tuple[Memory, list[tuple[int, int]]]:
    """A memory of these choices, each with its number as all features; and a list."""
    memory, model = Memory(width), list[tuple[int, int]]()
    times = accumulate(pause for pause, _ in given)
    for ms, (_, arms) in zip(times, given, strict=True):
        numbers = np.arange(len(model), len(model) + len(arms), dtype=np.float32)
        contexts = np.repeat(numbers.reshape(-1, 1), width, axis=1)
        assert memory.add(ms, np.array(arms, dtype=np.int64), contexts) == len(model)
        model += [(ms, arm) for arm in arms]
    return memory, model


@pytest.mark.parametrize("width", [0, 3])
@given(given=frames, through=st.integers(0, 200), known=st.integers(0, 300))
def test_holds_what_came_later(
    width: int, given: Frames, through: int, known: int
) -> None:
    memory, model = remembered(width, given)
    assert memory.total == len(memory) == len(model)
    gone = memory.forget(through)
    assert gone == sum(ms <= through for ms, _ in model)
    first = max(gone, min(known, len(model)))
    (arms, contexts), total = memory.behind(min(known, len(model)))
    assert total == memory.total == len(model)
    assert arms.tolist() == [arm for _, arm in model[first:]]
    assert contexts.shape == (len(model) - first, width)
    for number, row in enumerate(contexts.tolist(), first):
        assert row == [number] * width


@pytest.mark.parametrize("width", [0, 10, 64, 1_024])
def test_holds_the_latest_when_there_are_many(width: int) -> None:
    memory, most = Memory(width), min(MOST, max(LEAST, MOST_WORK // (1 + width**2)))
    ones = np.ones(100, dtype=np.int64)
    contexts = np.zeros((100, width), dtype=np.float32)
    for ms in range(2 * MOST // 100 + 2):
        memory.add(ms, ms * ones, contexts)
        assert min(memory.total, most) <= len(memory) < 2 * most + 100
    (arms, _), _ = memory.behind(0)
    assert arms.tolist() == [n // 100 for n in range(memory.total)][-len(memory) :]
