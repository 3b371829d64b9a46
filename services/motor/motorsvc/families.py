"""Kernel families, compiled or loaded from the cache when first needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from typing import Final

from qbrixcore.errors import Unavailable
from qbrixcore.errors import UnknownPolicy
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixlog import get_logger

logger = get_logger(__name__)

Policy = type[BasePolicy[Any]]
PAUSE: Final = 0.1  # seconds for the loop to itself between two imports


class Families:
    """Implementations by policy name; importing one compiles its kernels.

    One thread does all the importing, so the loop goes on and compilers do not compete.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Policy] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compile")

    async def load(self, name: str) -> Policy:
        """The implementation. Raises Unavailable where this build has none."""
        policy = self._loaded.get(name)
        if policy is None:
            loop = asyncio.get_running_loop()
            policy = await loop.run_in_executor(self._thread, self._import, name)
        return policy

    async def warm(self, in_use: Iterable[str]) -> None:
        """Load those in use, and one in any case: the first brings the compiler along.

        Names that this build does not have are left out.
        """
        for name in sorted(in_use) or list(SPECS)[:1]:
            try:
                await self.load(name)
            except Unavailable as error:
                logger.warning("%s", error)

    async def warm_rest(self) -> None:
        """Load every other, with pauses, so that no first select waits for one."""
        for name in SPECS:
            await self.load(name)
            await asyncio.sleep(PAUSE)

    def close(self) -> None:
        """Import nothing more; an import under way is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _import(self, name: str) -> Policy:
        if name in self._loaded:
            return self._loaded[name]
        start = time.perf_counter()
        try:
            policy = implementation(find_spec(name))
        except UnknownPolicy as error:
            raise Unavailable(f"this motor has no policy {name!r}") from error
        logger.info("%s is compiled after %.2f s", name, time.perf_counter() - start)
        self._loaded[name] = policy
        return policy
