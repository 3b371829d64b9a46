"""Which motor answers an experiment: rendezvous hashing with bounded load.

Thaler and Ravishankar (1998), "Using name-based mappings to increase hit rates";
Mirrokni, Thorup and Zadimoghaddam (2018), "Consistent hashing with bounded loads".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from cachebox import LRUCache

SLACK: Final = 1.25
REMEMBERED: Final = 10_000


class Rendezvous:
    """Orders a fixed set of nodes for each key; nearly all keys keep their first node
    when another node comes or goes."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self._nodes = [node.encode() for node in nodes]
        self._orders: LRUCache[str, tuple[int, ...]] = LRUCache(REMEMBERED)

    def order(self, key: str) -> tuple[int, ...]:
        """Positions of the nodes, the preferred one first."""
        order = self._orders.get(key)
        if order is None:
            scores = [
                hashlib.blake2b(key.encode(), key=node[:64], digest_size=8).digest()
                for node in self._nodes
            ]
            order = tuple(
                sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
            )
            self._orders[key] = order
        return order


def bounded(order: Sequence[int], loads: Sequence[int]) -> int:
    """The first position in order whose load is at most 1.25 times the mean."""
    bound = SLACK * (sum(loads[node] for node in order) + 1) / len(order)
    for node in order:
        if loads[node] < bound:
            return node
    return order[0]
