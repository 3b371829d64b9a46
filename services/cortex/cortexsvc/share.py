"""Which shards a cortex trains on, when there are several of it."""

from __future__ import annotations

import re
from typing import NamedTuple
from typing import Self


class Share(NamedTuple):
    """Every shard that is ``ordinal`` modulo the number of ``replicas``."""

    ordinal: int = 0
    replicas: int = 1

    @classmethod
    def of(cls, name: str, replicas: int) -> Self:
        """That of a consumer, whose name ends in its ordinal.

        Raises ValueError when it does not, and there are others.
        """
        found = re.search(r"[0-9]+$", name)
        if found is None and replicas > 1:
            raise ValueError(
                f"CONSUMER_NAME: got {name!r}, wants one that ends in a number"
                f" with REPLICAS={replicas}"
            )
        return cls(int(found.group()) % replicas if found else 0, replicas)

    def shards(self, count: int) -> range:
        """Its shards of so many; none if there are fewer than replicas."""
        return range(self.ordinal, count, self.replicas)
