"""REST: what may be done with the paths that are answered in front of the router."""

from __future__ import annotations

from litestar import Response
from litestar import route

from proxysvc.fast.app import FEEDBACK
from proxysvc.fast.app import SELECT


@route([SELECT, FEEDBACK], http_method=["OPTIONS"], include_in_schema=False)
async def get_methods() -> Response[None]:
    """Tell the methods, as the framework does for paths of its own."""
    return Response(None, status_code=204, headers={"Allow": "OPTIONS, POST"})
