"""REST: what may be done with the paths that are answered in front of the router."""

from __future__ import annotations

from typing import Final

from litestar import Response
from litestar import route

from proxysvc.fast.app import FEEDBACK
from proxysvc.fast.app import FEEDBACK_BATCH
from proxysvc.fast.app import SELECT
from proxysvc.fast.app import SELECT_BATCH

PATHS: Final = [SELECT, FEEDBACK, SELECT_BATCH, FEEDBACK_BATCH]


@route(PATHS, http_method=["OPTIONS"], include_in_schema=False)
async def get_methods() -> Response[None]:
    """Tell the methods, as the framework does for paths of its own."""
    return Response(None, status_code=204, headers={"Allow": "OPTIONS, POST"})
