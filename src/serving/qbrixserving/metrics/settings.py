"""Where metrics are served, as every service is told."""

from __future__ import annotations

from typing import Annotated

import msgspec

MetricsHost = Annotated[
    str, msgspec.Meta(description="address the port for metrics binds to")
]
MetricsPort = Annotated[
    int,
    msgspec.Meta(ge=0, le=65_535, description="HTTP port for metrics, 0 for none"),
]
