"""How many gates are kept, and how often what is kept is compared with its source."""

from __future__ import annotations

from typing import Annotated

import msgspec


class GateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Changes are told of at once; these are the net below that."""

    cache_maxsize: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="experiments and their gates in memory, per worker"
        ),
    ] = 20_000
    cache_ttl: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="how often those in memory are compared with Redis, seconds",
        ),
    ] = 60
    redis_ttl: Annotated[
        int,
        msgspec.Meta(
            ge=1, description="how often those in Redis are with Postgres, seconds"
        ),
    ] = 300
