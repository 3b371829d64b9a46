"""Pools keep arms in index order."""

from __future__ import annotations

import pytest

from qbrixcore.pool import Arm
from qbrixcore.pool import Pool


def test_indices_have_no_gaps() -> None:
    with pytest.raises(ValueError, match="ordered by index"):
        Pool("p", "p", (Arm("a", "a", 1),))
