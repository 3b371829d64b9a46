"""Choosing by drawn scores, against a slow twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qbrixkernels import choice


def slow(scores: list[float], active: list[bool], tie: float) -> int:
    """One of the best active arms, picked by ``tie`` in [0, 1)."""
    top = max(s for s, on in zip(scores, active, strict=True) if on)
    equal = [
        k
        for k, (s, on) in enumerate(zip(scores, active, strict=True))
        if on and s == top
    ]
    return equal[int(tie * len(equal))]


@given(st.data())
def test_best_equals_the_slow_twin(data: st.DataObject) -> None:
    arms = data.draw(st.integers(1, 6))
    some = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, np.inf])
    row = st.lists(some, min_size=arms, max_size=arms)
    rows = data.draw(st.lists(row, min_size=1, max_size=8))
    active = data.draw(
        st.lists(st.booleans(), min_size=arms, max_size=arms).filter(any)
    )
    ties = data.draw(
        st.lists(
            st.floats(0, 1, exclude_max=True), min_size=len(rows), max_size=len(rows)
        )
    )
    out = np.empty(len(rows), dtype=np.int64)
    choice.best(np.array(rows), np.array(active), np.array(ties), out)
    assert out.tolist() == [slow(r, active, t) for r, t in zip(rows, ties, strict=True)]


def test_not_a_number_never_picks_an_inactive_arm() -> None:
    out = np.empty(1, dtype=np.int64)
    scores = np.array([[5.0, np.nan, np.nan]])
    choice.best(scores, np.array([False, True, True]), np.zeros(1), out)
    assert out[0] in (1, 2)
