"""REST: the API as a page that is drawn from its OpenAPI document."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from litestar import Response
from litestar import get

# scripts and styles of this origin, which ask this origin only
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "public, max-age=300",
}
_FILES: Final = files("proxysvc.http.page")


@get("/docs", include_in_schema=False, sync_to_thread=False)
def get_page() -> Response[bytes]:
    """The page."""
    return _PAGE


@get("/docs/page.js", include_in_schema=False, sync_to_thread=False)
def get_script() -> Response[bytes]:
    """What draws it."""
    return _SCRIPT


@get("/docs/style.css", include_in_schema=False, sync_to_thread=False)
def get_style() -> Response[bytes]:
    """How it looks."""
    return _STYLE


def _file(name: str, kind: str) -> Response[bytes]:
    content = _FILES.joinpath(name).read_bytes()
    return Response(content, media_type=kind, headers=_HEADERS)


_PAGE: Final = _file("index.html", "text/html")
_SCRIPT: Final = _file("page.js", "text/javascript")
_STYLE: Final = _file("style.css", "text/css")
