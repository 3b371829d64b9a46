"""What the motor reads from its environment."""

from __future__ import annotations

from typing import Annotated

import msgspec

from qbrixserving.event_log import EventLog
from qbrixserving.metrics.settings import MetricsHost
from qbrixserving.metrics.settings import MetricsPort
from qbrixserving.tracing.settings import TracingSettings
from qbrixstore.redis.config import RedisSettings

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Size = Annotated[int, msgspec.Meta(ge=1)]


class MotorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the motor; ``read_settings`` fills them with the prefix ``MOTOR_``.

    The times to live are soft: what is older is served, and refreshed meanwhile.
    """

    grpc_host: Annotated[
        str, msgspec.Meta(description="address the gRPC port binds to")
    ] = "127.0.0.1"
    grpc_port: Annotated[
        Port, msgspec.Meta(description="gRPC port, 0 for any free one")
    ] = 50_051
    metrics_host: MetricsHost = "127.0.0.1"
    metrics_port: MetricsPort = 9_451
    param_cache_ttl: Annotated[
        Seconds, msgspec.Meta(description="seconds until params are read again unasked")
    ] = 60.0
    param_cache_maxsize: Annotated[
        Size, msgspec.Meta(description="experiments whose params are kept")
    ] = 10_000
    agent_cache_ttl: Annotated[
        Seconds,
        msgspec.Meta(description="seconds until definitions are read again unasked"),
    ] = 300.0
    agent_cache_maxsize: Annotated[
        Size, msgspec.Meta(description="experiments whose definitions are kept")
    ] = 10_000
    in_flight_sec: Annotated[
        Seconds,
        msgspec.Meta(
            description="seconds that a choice counts as in flight, unless learned"
        ),
    ] = 60.0
    event_log: EventLog = "off"
    tracing: TracingSettings = msgspec.field(default_factory=TracingSettings)
    redis: RedisSettings = msgspec.field(default_factory=RedisSettings)
