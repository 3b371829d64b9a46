"""Decoded states kept between batches, the least recently used going first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from typing import NamedTuple

from cortexsvc.sorting import Key
from qbrixcore.param.codec import Stored

BYTES_KEPT: Final = 64 * 2**20


class Held(NamedTuple):
    """A state as it is stored, and how many bytes that takes."""

    stored: Stored
    size: int


class States:
    """States known to be what Redis holds, up to a number of bytes."""

    def __init__(self, limit: int = BYTES_KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._held: OrderedDict[Key, Held] = OrderedDict()

    def get(self, key: Key) -> Stored | None:
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held.stored

    def keep(self, key: Key, held: Held) -> None:
        self.forget([key])
        self._held[key] = held
        self._size += held.size
        while self._size > self._limit:
            _, old = self._held.popitem(last=False)
            self._size -= old.size

    def forget(self, keys: Iterable[Key]) -> None:
        for key in keys:
            held = self._held.pop(key, None)
            if held is not None:
                self._size -= held.size

    def clear(self) -> None:
        self._held.clear()
        self._size = 0
