"""What cortex reads from its environment."""

from __future__ import annotations

from typing import Annotated

import msgspec

from cortexsvc.share import Share
from qbrixserving.event_log import DIRECTORY
from qbrixserving.event_log import EventLog
from qbrixserving.event_log import EventLogDir
from qbrixserving.metrics.settings import MetricsHost
from qbrixserving.metrics.settings import MetricsPort
from qbrixserving.tracing.settings import TracingSettings
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.config import Shards

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class CortexSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of cortex; ``read_settings`` fills them with prefix ``CORTEX_``."""

    grpc_host: Annotated[
        str, msgspec.Meta(description="address the gRPC port binds to")
    ] = "127.0.0.1"
    grpc_port: Annotated[Port, msgspec.Meta(description="gRPC port")] = 50_052
    metrics_host: MetricsHost = "127.0.0.1"
    metrics_port: MetricsPort = 9_452
    consumer_name: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description="name that owns the log; a restart under it continues at once",
        ),
    ] = "cortex-0"
    replicas: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="cortexes that divide the shards, by the number in their names",
        ),
    ] = 1
    shards: Shards = 1
    batch_size: Annotated[
        int, msgspec.Meta(ge=1, description="events that make a batch full")
    ] = 2_000
    batch_timeout_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="longest wait for a batch to fill, milliseconds"
        ),
    ] = 50
    flush_interval_sec: Annotated[
        float,
        msgspec.Meta(gt=0, description="longest age of an uncommitted event, seconds"),
    ] = 1.0
    snapshot_interval_sec: Annotated[
        float,
        msgspec.Meta(gt=0, description="how often params go to Postgres, seconds"),
    ] = 60.0
    snapshots_kept: Annotated[
        int, msgspec.Meta(ge=1, description="versions of params kept per experiment")
    ] = 10
    event_log: EventLog = "off"
    event_log_dir: EventLogDir = DIRECTORY
    event_log_file_sec: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            le=300,
            description="what waits so long makes a file of `EVENT_LOG=parquet`,"
            " seconds",
            extra={"env": "EVENT_LOG_FILE_SEC"},
        ),
    ] = 10.0
    event_log_days: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="days that are kept of the decision log besides today; 0: all",
            extra={"env": "EVENT_LOG_DAYS"},
        ),
    ] = 30
    tracing: TracingSettings = msgspec.field(default_factory=TracingSettings)
    redis: RedisSettings = msgspec.field(default_factory=RedisSettings)
    postgres: PostgresSettings = msgspec.field(default_factory=PostgresSettings)

    def __post_init__(self) -> None:
        _ = self.share

    @property
    def share(self) -> Share:
        """The shards that are this one's."""
        return Share.of(self.consumer_name, self.replicas)
