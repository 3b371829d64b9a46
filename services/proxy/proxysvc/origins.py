"""Origins of web pages, as browsers name them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

ANY: Final = "*"
_ORIGIN: Final = re.compile(r"https?://[^/\s,*?#@]+")


def check_origins(origins: Collection[str]) -> None:
    """Raises ValueError for what no browser sends as an origin."""
    for origin in origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"got {origin!r}, wants {ANY} or scheme://host[:port]")
