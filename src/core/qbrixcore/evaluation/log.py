"""Logged choices with the probabilities they were made with.

Shapes: N rows, K arms, D features.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidFeedback

Reals = NDArray[np.float64]


class Log(msgspec.Struct, frozen=True, eq=False):
    """N choices between K arms, in the order in which they were made.

    ``arms`` is int64 (N,), ``rewards`` float64 (N,), ``contexts`` float32 (N, D), D
    being 0 where nothing was known. ``propensities`` is float64 (N,): the probability
    with which the choice of each row was made, in (0, 1].
    """

    num_arms: int
    arms: NDArray[np.int64]
    rewards: Reals
    propensities: Reals
    contexts: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        arms: ArrayLike,
        rewards: ArrayLike,
        propensities: ArrayLike,
        contexts: ArrayLike | None = None,
        num_arms: int | None = None,
    ) -> Log:
        """A log from columns of equal length.

        ``num_arms`` is by default one more than the largest arm. Raises
        InvalidFeedback.
        """
        columns = {
            "rewards": np.ascontiguousarray(rewards, dtype=np.float64),
            "propensities": np.ascontiguousarray(propensities, dtype=np.float64),
        }
        chosen = np.ascontiguousarray(arms, dtype=np.int64)
        if chosen.ndim != 1 or not chosen.size:
            raise InvalidFeedback("a log needs a row")
        count = chosen.size
        features = np.empty((count, 0), dtype=np.float32)
        if contexts is not None:
            features = np.ascontiguousarray(contexts, dtype=np.float32)
        arms_known = int(chosen.max()) + 1 if num_arms is None else num_arms
        for name, column in columns.items():
            if column.shape != (count,) or not np.isfinite(column).all():
                raise InvalidFeedback(f"{name} must be {count} finite numbers")
        if features.ndim != 2 or len(features) != count:
            raise InvalidFeedback(f"contexts must have {count} rows")
        if not np.isfinite(features).all():
            raise InvalidFeedback("every feature must be finite")
        if chosen.min() < 0 or chosen.max() >= arms_known:
            raise InvalidFeedback(f"arms must be from 0 to {arms_known - 1}")
        weights = columns["propensities"]
        if weights.min() <= 0.0 or weights.max() > 1.0:
            raise InvalidFeedback("propensities must be in (0, 1]")
        return cls(arms_known, chosen, contexts=features, **columns)

    def __len__(self) -> int:
        return self.arms.size

    @property
    def reward_type(self) -> str:
        """Binary, bounded or continuous, whichever fits all rewards first."""
        if np.isin(self.rewards, (0.0, 1.0)).all():
            return "binary"
        inside = self.rewards.min() >= 0.0 and self.rewards.max() <= 1.0
        return "bounded" if inside else "continuous"

    def rows(self, which: slice | NDArray[np.intp]) -> Log:
        """Some of the rows."""
        return Log(
            self.num_arms,
            self.arms[which],
            self.rewards[which],
            self.propensities[which],
            self.contexts[which],
        )

    def feedback(self) -> Feedback:
        """All rows, for a policy to learn."""
        return Feedback(self.arms, self.rewards, self.propensities, self.contexts)
