"""The composition root: the only file in cortexsvc that builds anything.

    settings ── redis ─┬─ learning ── servicer ── server
           └─ postgres ┘

Closed in the order: unready, the batch in hand committed and the lease released, the
server, the stores.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from cortexsvc.catalog import PostgresRegistry
from cortexsvc.chronicle import Chronicle
from cortexsvc.chronicle import Portion
from cortexsvc.chronicle import PostgresChronicle
from cortexsvc.gathering import Pace
from cortexsvc.keeping import Keeper
from cortexsvc.keeping import PostgresArchive
from cortexsvc.learning import Learning
from cortexsvc.metrics import CortexMetrics
from cortexsvc.servicer import SERVICE
from cortexsvc.servicer import CortexServicer
from cortexsvc.settings import CortexSettings
from qbrixproto import common_pb2
from qbrixproto import cortex_pb2_grpc
from qbrixserving.background import background
from qbrixserving.health import Health
from qbrixserving.metrics.serving import exposed
from qbrixserving.processes import CannotStart
from qbrixserving.registration import Methods
from qbrixserving.server import Served
from qbrixserving.server import serve_grpc
from qbrixserving.tracing.opening import traced
from qbrixstore.postgres import init_db
from qbrixstore.rebuild import Backup
from qbrixstore.rebuild import open_store
from qbrixstore.redis.client import RedisClient

if TYPE_CHECKING:
    from cortexsvc.spans import Spans
    from qbrixserving.tracing.tracer import Tracer

WITHOUT_PYARROW: Final = "EVENT_LOG=parquet needs qbrix-store[parquet] installed"


@asynccontextmanager
async def cortex(settings: CortexSettings) -> AsyncIterator[Served]:
    """A running cortex; yields its port and readiness. Raises CannotStart."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(RedisClient(settings.redis))
        engine = init_db(settings.postgres)
        stack.push_async_callback(engine.dispose)
        archive = PostgresArchive(engine, settings.snapshots_kept)
        metrics = CortexMetrics()
        tracer = await stack.enter_async_context(traced(settings.tracing, "cortex"))
        learning = Learning(
            client,
            PostgresRegistry(engine),
            settings.consumer_name,
            _pace(settings),
            Keeper(archive, settings.snapshot_interval_sec),
            lambda: open_store(client, engine, settings.shards),
            metrics,
            _chronicle(settings, engine),
            settings.share,
            _spans(tracer),
            lambda layout: Backup(client, engine, layout),
        )
        served: Served | None = None

        def answer() -> common_pb2.HealthCheckResponse:
            return (
                served.health.answer() if served else common_pb2.HealthCheckResponse()
            )

        def register(server: Methods) -> None:
            servicer = CortexServicer(learning, answer)
            cortex_pb2_grpc.add_CortexServiceServicer_to_server(servicer, server)

        served = await stack.enter_async_context(
            serve_grpc(
                settings.grpc_host,
                settings.grpc_port,
                [SERVICE],
                register,
                meter=metrics.meter,
            )
        )
        await stack.enter_async_context(
            exposed(metrics.sheet, settings.metrics_host, settings.metrics_port)
        )
        await stack.enter_async_context(learning.running())
        await stack.enter_async_context(_ready_when(learning, served.health))
        yield served


def _spans(tracer: Tracer | None) -> Spans | None:
    if tracer is None:
        return None
    from cortexsvc.spans import Spans

    return Spans(tracer)


def _chronicle(settings: CortexSettings, engine: AsyncEngine) -> Chronicle | None:
    if settings.event_log == "off":
        return None
    if settings.event_log == "postgres":
        return PostgresChronicle(engine, settings.event_log_days)
    try:
        from cortexsvc.filing import ENTRIES_A_FILE
        from cortexsvc.filing import ParquetChronicle
    except ImportError as error:
        raise CannotStart(f"{error}: {WITHOUT_PYARROW}") from error
    return ParquetChronicle(
        Path(settings.event_log_dir),
        settings.event_log_days,
        Portion(seconds=settings.event_log_file_sec, entries=ENTRIES_A_FILE),
    )


def _pace(settings: CortexSettings) -> Pace:
    return Pace(
        events=settings.batch_size,
        fill_sec=settings.batch_timeout_ms / 1_000,
        flush_sec=settings.flush_interval_sec,
    )


@asynccontextmanager
async def _ready_when(learning: Learning, health: Health) -> AsyncIterator[None]:
    async def announce() -> None:
        await learning.started.wait()
        await health.set_ready(True)

    try:
        async with background(announce(), "telling of readiness"):
            yield
    finally:
        await health.set_ready(False)
