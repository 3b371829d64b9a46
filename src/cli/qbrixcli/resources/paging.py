"""Lists that are longer than one answer."""

from __future__ import annotations

from typing import Any

from qbrixcli.resources.client import Api
from qbrixcli.resources.errors import ClientError

MOST_ROWS = 1_000


async def all_rows(
    api: Api,
    *segments: str,
    key: str,
    limit: int | None = None,
    offset: int = 0,
    **query: object,
) -> list[dict[str, Any]]:
    """Every row of a list under a key, or as many as wanted from an offset on.

    Rows that move to a later page, because others were made meanwhile, come once.
    """
    rows: dict[object, dict[str, Any]] = {}
    left = limit
    while left is None or left > 0:
        size = MOST_ROWS if left is None else min(MOST_ROWS, left)
        page = await api.get(*segments, limit=size, offset=offset, **query)
        found = page.get(key) if isinstance(page, dict) else None
        if not isinstance(found, list):
            raise ClientError(f"the server answered no list of {key}")
        rows |= {row.get("id", len(rows)): row for row in found}
        if len(found) < size:
            break
        offset += len(found)
        left = None if left is None else left - len(found)
    return list(rows.values())
