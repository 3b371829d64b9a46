"""Where the numbers of selection tokens come from."""

from __future__ import annotations

import secrets


class Issuer:
    """Where tokens come from: for each shard a random 64-bit number and a counter.

    Made once in each worker process, after the fork, so that no two processes share
    a number. No two shards do either, so that a token stays one of a kind when shards
    are put together. Counters are dense, which keeps the marks of learned tokens
    compact.
    """

    __slots__ = ("_counts", "_numbers")

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._counts: list[int] = []

    def next(self, shard: int) -> tuple[int, int]:
        """Number and sequence of the next token."""
        try:
            sequence = self._counts[shard]
        except IndexError:
            self._grow(shard + 1)
            sequence = 0
        self._counts[shard] = sequence + 1
        return self._numbers[shard], sequence

    def next_many(self, shard: int, count: int) -> tuple[int, int]:
        """Number and first sequence of the next ``count`` tokens."""
        number, first = self.next(shard)
        self._counts[shard] = first + count
        return number, first

    def _grow(self, shards: int) -> None:
        missing = shards - len(self._counts)
        self._numbers += [secrets.randbits(64) for _ in range(missing)]
        self._counts += [0] * missing
