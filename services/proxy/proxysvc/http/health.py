"""REST: whether this process lives and is ready, and what it is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

import msgspec
from litestar import Response
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec

from proxysvc.readiness import Readiness

VERSION: Final = version("qbrix-proxy")
SUMMARY: Final = "A self-hosted decision engine on multi-armed bandits."


class Status(msgspec.Struct):
    """One word."""

    status: str


class ReadyStatus(msgspec.Struct, omit_defaults=True):
    """One word, and what works in part only: it is no reason to go elsewhere."""

    status: str
    degraded: list[str] = []


class Info(msgspec.Struct):
    """What answers here."""

    name: str
    description: str
    version: str


@get("/health", tags=("service",), security=[])
async def get_health() -> Status:
    """Tell that the process lives."""
    return Status("healthy")


@get(
    "/health/ready",
    tags=("service",),
    security=[],
    responses={503: ResponseSpec(ReadyStatus, description="starting or stopping")},
)
async def get_readiness(
    readiness: NamedDependency[Readiness],
) -> Response[ReadyStatus]:
    """Tell whether to send requests here: started, and not stopping."""
    told = ReadyStatus(readiness.word, readiness.degraded)
    return Response(told, status_code=200 if readiness.ready else 503)


@get("/info", tags=("service",), security=[])
async def get_info() -> Info:
    """Tell what this is."""
    return Info("qbrix", SUMMARY, VERSION)
