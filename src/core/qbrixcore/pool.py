"""Arms, and the pool that experiments share them through."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Arm(msgspec.Struct, frozen=True):
    """One option. ``index`` is its position in the pool: append-only, never reused."""

    id: str
    name: str
    index: int
    is_active: bool = True
    metadata: Mapping[str, object] = {}


class Pool(msgspec.Struct, frozen=True):
    """The arms that experiments choose between, ordered by index."""

    id: str
    name: str
    arms: tuple[Arm, ...]

    def __post_init__(self) -> None:
        if [arm.index for arm in self.arms] != list(range(len(self.arms))):
            raise ValueError("arms must be ordered by index, from 0, without gaps")

    @classmethod
    def of(cls, *names: str) -> Pool:
        """A pool of new active arms, each name its own id.

        >>> [arm.index for arm in Pool.of("red", "green").arms]
        [0, 1]
        """
        arms = tuple(Arm(id=name, name=name, index=i) for i, name in enumerate(names))
        return cls(id="pool", name="pool", arms=arms)
