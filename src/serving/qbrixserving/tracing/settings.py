"""Where spans go, as every service is told."""

from __future__ import annotations

from typing import Annotated
from typing import Literal

import msgspec


class TracingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The same variables for all services, since a trace runs through all of them."""

    to: Annotated[
        Literal["off", "otlp"],
        msgspec.Meta(
            description="where spans of requests go; one value for all",
            extra={"env": "TRACING"},
        ),
    ] = "off"
    endpoint: Annotated[
        str,
        msgspec.Meta(
            pattern="^https?://",
            description="OTLP over HTTP: the address that takes spans",
            extra={"env": "TRACING_ENDPOINT"},
        ),
    ] = "http://127.0.0.1:4318/v1/traces"
    ratio: Annotated[
        float,
        msgspec.Meta(
            ge=0.0,
            le=1.0,
            description="share of the requests without a traceparent that are traced",
            extra={"env": "TRACING_RATIO"},
        ),
    ] = 0.01
