"""Errors by which a script of the store refuses: its first word says which.

QbrixError
├── Unavailable
│   ├── LayoutMismatch   QBRIX_LAYOUT  the shard has another layout, or none
│   ├── Fenced           QBRIX_FENCED  another owner took the shard
│   └── Moved            QBRIX_MOVED   log position or a version is not as expected
├── Conflict
│   └── OlderVersion     QBRIX_OLDER   what is stored is newer
└── Overloaded           QBRIX_FULL    too many events wait to be learned
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from qbrixcore.errors import Conflict
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable


class LayoutMismatch(Unavailable):
    """the store has another layout"""


class Fenced(Unavailable):
    """another consumer owns the shard"""


class Moved(Unavailable):
    """the store changed since it was read"""


class OlderVersion(Conflict):
    """a newer version is stored"""


REFUSALS: Final[Mapping[str, type[QbrixError]]] = MappingProxyType(
    {
        "QBRIX_LAYOUT": LayoutMismatch,
        "QBRIX_FENCED": Fenced,
        "QBRIX_MOVED": Moved,
        "QBRIX_OLDER": OlderVersion,
        "QBRIX_FULL": Overloaded,
    }
)
