"""The composition root: the only file in proxysvc that builds a worker.

    postgres ── authenticator ── accounts, pools, experiments ─┐
    redis ── definitions ── publishing ── relay ───────────────┼── http, grpc
    motor, feedback log ── selection ──────────────────────────┘

Built left to right, closed right to left: calls in flight finish, then the feedback
that waits is appended, then streams and stores are closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterable
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from typing import Final
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.accounts.assembly import Directory
from proxysvc.accounts.assembly import assemble
from proxysvc.accounts.bearer import Bearers
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.usage import UsageMeter
from proxysvc.arms import ArmService
from proxysvc.asgi import ASGIApp
from proxysvc.auth import Authenticator
from proxysvc.bridge import bridged
from proxysvc.deciding import deciding
from proxysvc.definitions import DefinitionCache
from proxysvc.development import development_principal
from proxysvc.experiments import ExperimentService
from proxysvc.fast.app import FastPath
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.behind import in_front_of
from proxysvc.fast.direct import directly
from proxysvc.gates.comparing import MemoryCheck
from proxysvc.gates.comparing import RedisCheck
from proxysvc.gates.service import GateService
from proxysvc.grpc.server import serve_proxy
from proxysvc.http.bounds import Bounds
from proxysvc.http.cors import VARY
from proxysvc.http.cors import with_cors
from proxysvc.http.metering import metered
from proxysvc.http.routes import rest_api
from proxysvc.insight.assembly import insights
from proxysvc.insight.counting import Counting
from proxysvc.lifespan import Lifespan
from proxysvc.metrics import ProxyMetrics
from proxysvc.opening import layout_of
from proxysvc.opening import note_schema
from proxysvc.pools import PoolService
from proxysvc.publishing import Publishing
from proxysvc.rates.bank import CallBank
from proxysvc.readiness import Readiness
from proxysvc.relay import Relay
from proxysvc.rsgi import RSGIApp
from proxysvc.selection import Selection
from proxysvc.settings import ProxySettings
from proxysvc.stream.assembly import motors
from proxysvc.turns import Turns
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixserving.metrics.board import Board
from qbrixserving.metrics.serving import exposed
from qbrixserving.tracing.opening import traced
from qbrixstore.postgres import init_db
from qbrixstore.redis import keys
from qbrixstore.redis.calls import CallBudgets
from qbrixstore.redis.changes import Changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.params import RedisParamBackend
from qbrixstore.redis.usage import Usage

if TYPE_CHECKING:
    from qbrixserving.tracing.tracer import Tracer

logger = get_logger(__name__)

SLACK: Final = 0.5
SHORTEST_STOP: Final = 1.5  # seconds for connections to drain
LONGEST_STOP: Final = 3.0


class Worker(NamedTuple):
    """A running worker: what answers HTTP, and the port that answers gRPC.

    ``served`` answers as ``http`` does, with the hot path ahead of all else. ``drain``
    makes it unready, ``hurry`` cuts off requests that are slow to arrive.
    """

    http: ASGIApp
    served: RSGIApp
    grpc_port: int
    drain: Callable[[], None]
    hurry: Callable[[], None]


class HotState(NamedTuple):
    """What the hot path reads of a worker."""

    authenticator: Authenticator
    selection: Selection


def create_app(settings: ProxySettings, board: Board | None = None) -> Lifespan:
    """The application that Granian runs in each worker; builds nothing before that."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Worker]:
        async with proxy(settings, board) as worker:
            yield worker

    # selects under way are answered, and the supervisor's patience is not used up
    patience = settings.request_timeout_ms / 1_000 + SLACK
    return Lifespan(start, min(max(patience, SHORTEST_STOP), LONGEST_STOP))


@asynccontextmanager
async def proxy(
    settings: ProxySettings, board: Board | None = None
) -> AsyncIterator[Worker]:
    """One worker with everything it needs. Raises Unavailable without a store.

    Its metrics are those of all workers that share the ``board``.
    """
    metrics = ProxyMetrics()
    async with AsyncExitStack() as stack:
        engine = init_db(settings.postgres)
        stack.push_async_callback(engine.dispose)
        await note_schema(engine)
        redis = await stack.enter_async_context(RedisClient(settings.redis))
        layout = await layout_of(redis, engine, settings.shards)
        follow = background(layout.follow(redis), "following the store")
        await stack.enter_async_context(follow)
        bearers = Bearers(
            settings.jwt.keys(strong=settings.env == "prod"),
            settings.jwt.access_token_expire_minutes * 60,
        )
        plans = Plans.parse(settings.plan_limits)
        bank = CallBank(CallBudgets(redis, layout), plans)
        await stack.enter_async_context(bank.running())
        authenticator = await _authenticator(settings, engine, bearers, bank)
        stack.push_async_callback(authenticator.close)

        changes = Changes(redis, layout)
        herald = Herald(engine, changes, authenticator)
        await stack.enter_async_context(herald.listening())
        meter = UsageMeter(engine, Usage(redis, layout), authenticator)
        await stack.enter_async_context(meter.running())
        accounts = assemble(
            engine, bearers, plans, herald, meter, settings.open_to_strangers
        )

        definitions = Definitions(redis, layout)
        gate = settings.gate
        cache = DefinitionCache(definitions, maxsize=gate.cache_maxsize)
        await stack.enter_async_context(cache.following(changes))
        memory = MemoryCheck(definitions, cache, gate.cache_ttl)
        await stack.enter_async_context(memory.running())
        publishing = Publishing(redis, definitions, cache)
        params = RedisParamBackend(redis, layout)
        stored = RedisCheck(engine, definitions, params, publishing, gate.redis_ttl)
        relay = Relay(engine, publishing, [herald.relay_batch, stored.relay_batch])
        await stack.enter_async_context(relay.running())

        counting = Counting(metrics.selected)
        tracer = await stack.enter_async_context(traced(settings.tracing, "proxy"))
        motor = await stack.enter_async_context(motors(settings, tracer))
        told = await stack.enter_async_context(
            insights(engine, redis, layout, counting, motor)
        )
        selection = await stack.enter_async_context(
            deciding(
                settings,
                cache,
                redis,
                layout,
                counting,
                motor,
                metrics.appended,
                metrics.delivers,
                str if tracer is None else tracer.current,
            )
        )
        pools = PoolService(engine, relay.wake)
        arms = ArmService(engine, publishing, settings.max_state_bytes, relay.wake)
        experiments = ExperimentService(
            engine,
            publishing,
            settings.max_state_bytes,
            relay.wake,
            plans,
            settings.token_ttl_sec,
        )
        gates = GateService(engine, publishing, cache, relay.wake)
        readiness = Readiness(
            lambda: motor.motors, lambda: changes.age(keys.DEFINITIONS)
        )
        grpc = await stack.enter_async_context(
            serve_proxy(
                settings,
                authenticator,
                pools,
                experiments,
                gates,
                accounts,
                selection,
                readiness,
                metrics.meter,
                tracer,
            )
        )
        arrivals = Arrivals()
        await stack.enter_async_context(background(arrivals.run(), "cutting bodies"))
        bounds = Bounds(
            Turns(settings.max_control_in_flight), settings.control_timeout_ms / 1_000
        )
        rest = rest_api(
            authenticator,
            pools,
            arms,
            experiments,
            gates,
            accounts,
            told,
            readiness,
            arrivals,
            bounds,
        )
        hot = HotState(authenticator, selection)
        fast = FastPath(hot, arrivals, metrics.http)
        origins = settings.cors_origins
        everything = with_cors(in_front_of(metered(rest, metrics), fast), origins)
        http = _spans(everything, tracer, fast.routes)
        served = bridged(http)
        if tracer is None:
            served = directly(fast, served, *((VARY,) if origins else ()))
        metrics.watch(authenticator, cache, changes, motor)
        listening = settings.metrics_host, settings.metrics_port
        await stack.enter_async_context(exposed(metrics.sheet, *listening, board))
        readiness.start()
        await grpc.health.set_ready(True)

        def drain() -> None:
            readiness.drain()
            grpc.health.drain()

        stack.callback(drain)
        yield Worker(http, served, grpc.port, drain, arrivals.hurry)


async def _authenticator(
    settings: ProxySettings, engine: AsyncEngine, bearers: Bearers, bank: CallBank
) -> Authenticator:
    find = Directory(engine).find
    if settings.auth == "on":
        return Authenticator(find, bearers.read_access, budget_of=bank.of)
    logger.warning("authentication is off: every call acts as the development user")
    anonymous = await development_principal(engine)
    return Authenticator(
        find, bearers.read_access, anonymous=anonymous, budget_of=bank.of
    )


def _spans(app: ASGIApp, tracer: Tracer | None, fast: Iterable[str]) -> ASGIApp:
    if tracer is None:
        return app
    from proxysvc.http.spans import with_spans

    return with_spans(app, tracer, fast)
