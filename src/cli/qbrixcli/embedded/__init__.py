"""Real Redis-compatible and Postgres servers, started from wheels on loopback."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qbrixcli.embedded.postgres import Postgres
    from qbrixcli.embedded.valkey import Valkey

__all__ = ["Postgres", "Valkey"]


def __getattr__(name: str) -> object:
    # commands that start no server need not load what starts one
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)
