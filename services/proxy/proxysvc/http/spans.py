"""Spans of HTTP requests, named by route and not by address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from typing import cast

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.trace import get_current_span

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from qbrixserving.tracing.tracer import Tracer

TEMPLATE: Final = "path_template"  # where litestar says which route it took
PROBES: Final = "/health$,/health/ready$"


def with_spans(app: ASGIApp, tracer: Tracer, fast: Iterable[str]) -> ASGIApp:
    """``app``, each request but probes a span.

    ``fast`` are the paths that are answered before they get to the router.
    """
    known = frozenset(fast)

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def renaming(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"]
                route = path if path in known else scope.get(TEMPLATE)
                if route:
                    span = get_current_span()
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
            await send(message)

        await app(scope, receive, renaming)

    spans = OpenTelemetryMiddleware(
        named,
        excluded_urls=PROBES,
        default_span_details=lambda scope: (scope["method"], {}),
        tracer_provider=tracer.provider,
        exclude_spans=["receive", "send"],
    )
    return cast(ASGIApp, spans)
