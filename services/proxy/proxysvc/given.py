"""What callers give for a selection, and later for its reward, on either wire."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Protocol


class Given(Protocol):
    """A context as a caller gives it."""

    @property
    def id(self) -> str: ...

    @property
    def vector(self) -> Sequence[float] | None: ...

    @property
    def properties(self) -> Mapping[str, object] | None: ...

    @property
    def metadata(self) -> Mapping[str, object] | None: ...


class Rewarded(Protocol):
    """A selection, by its token, and what it was worth."""

    @property
    def request_id(self) -> str: ...

    @property
    def reward(self) -> float: ...
