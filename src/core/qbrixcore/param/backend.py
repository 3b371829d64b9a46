"""Where param states are kept between calls."""

from __future__ import annotations

import abc

from qbrixcore.param.codec import Stored


class BaseParamBackend(abc.ABC):
    """A store of param states. Each state is replaced whole."""

    @abc.abstractmethod
    async def get(self, tenant: str, experiment: str) -> Stored | None:
        """The state last put, or None. Raises Unavailable or CorruptState."""

    @abc.abstractmethod
    async def put(self, tenant: str, experiment: str, stored: Stored) -> None:
        """Replace the state. Raises Unavailable."""


class InMemoryParamBackend(BaseParamBackend):
    """A dictionary: for one process, and gone with it."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], Stored] = {}

    async def get(self, tenant: str, experiment: str) -> Stored | None:
        return self._states.get((tenant, experiment))

    async def put(self, tenant: str, experiment: str, stored: Stored) -> None:
        self._states[tenant, experiment] = stored
