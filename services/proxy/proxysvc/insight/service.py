"""What callers can learn about their experiments."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.inputs import check_id
from proxysvc.insight.told import ArmInsight
from proxysvc.insight.told import Overview
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Invalid
from qbrixcore.experiment import Experiment
from qbrixstore.cells import Cell
from qbrixstore.cells import CellId
from qbrixstore.cells import Held
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.rollups import ALWAYS
from qbrixstore.postgres.rollups import ExperimentRollups
from qbrixstore.postgres.rollups import Span
from qbrixstore.postgres.sketches import Sketches
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.counts import HOURS_A_DAY
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.counts import hour_of
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

LATEST_MS: Final = 2**53  # what every client can say


class InsightService:
    """Counts of the caller's experiments, from Postgres and, for the last hours, Redis.

    Both methods raise InsufficientScopes, Invalid, ExperimentNotFound, Unavailable.
    ``start_ms`` and ``end_ms`` (milliseconds since 1970) narrow the counts to the hours
    they touch, unique contexts to the days.
    """

    def __init__(
        self, engine: AsyncEngine, client: RedisClient, layout: Layout
    ) -> None:
        self._engine = engine
        self._client = client
        self._layout = layout
        self._counts = Counts(client, layout)
        self._params = RedisParamBackend(client, layout)

    async def overview(
        self,
        caller: Principal,
        experiment_id: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Overview:
        """Everything counted of an experiment, and where its learning stands."""
        key = _key(caller, experiment_id)
        span = _span(start_ms, end_ms)
        _, by_arm = await self._counted(key, span)
        counted = Cell()
        for cell in by_arm.values():
            counted.add(cell)
        days = None if span == ALWAYS else _days(span)
        version = await self._params.version(*key)
        gauges = ShardGauges(
            self._client, self._layout, self._layout.shard_of(experiment_id)
        )
        totals = await gauges.totals(experiment_id)
        counters = await gauges.counters()
        return Overview(
            experiment_id=experiment_id,
            counted=counted,
            unique_contexts=await self._contexts(key, days, counted),
            generation=version[0] if version else None,
            param_version=version[1] if version else None,
            learned=totals[experiment_id].learned if totals else 0,
            waiting=max(counters["events"] - counters["handled"], 0),
        )

    async def arms(
        self,
        caller: Principal,
        experiment_id: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> list[ArmInsight]:
        """Each arm of an experiment, in the order of its pool."""
        key = _key(caller, experiment_id)
        experiment, by_arm = await self._counted(key, _span(start_ms, end_ms))
        stored = await self._params.get(*key)
        pulls = stored.state.pulls.tolist() if stored else []
        return [
            ArmInsight(
                index=arm.index,
                name=arm.name,
                counted=by_arm.get(arm.index, Cell()),
                pulls=pulls[arm.index] if arm.index < len(pulls) else 0,
            )
            for arm in experiment.pool.arms
        ]

    async def _contexts(self, key: Key, days: range | None, counted: Cell) -> int:
        found = await self._counts.unique_contexts(key, days)
        if not found and counted.selections and days is None:
            # redis may have been emptied since
            async with get_session(self._engine, key[0]) as session:
                sketches = await Sketches(session).get([key])
            if key in sketches:
                await self._counts.merge_contexts(key, sketches[key])
                found = await self._counts.unique_contexts(key)
        return found

    async def _counted(
        self, key: Key, span: Span
    ) -> tuple[Experiment, Mapping[int, Cell]]:
        """The experiment, and what was counted of its arms."""
        # redis first: what is moved to postgres meanwhile is then read there
        [live] = await self._counts.read([key])
        tenant, experiment_id = key
        async with get_session(self._engine, tenant) as session:
            found = await Experiments(session, tenant).get(experiment_id)
            rollups = ExperimentRollups(session, tenant)
            lately = Span(_turn(live, span), span.end)
            before = Span(span.first, lately.first)
            by_arm = await rollups.before(experiment_id, before)
            cells = await rollups.hours(experiment_id, lately)
        for cell_id, cell in _newest(live, cells).items():
            if lately.first <= cell_id.hour < lately.end:
                by_arm.setdefault(cell_id.arm, Cell()).add(cell)
        return found.experiment, by_arm


def _newest(live: Live, stored: Mapping[CellId, Held]) -> dict[CellId, Cell]:
    """Each cell as of its highest revision: absolute counts, so one of them is all."""
    newest = dict(stored)
    for cell_id, held in live.cells.items():
        known = stored.get(cell_id)
        if known is None or known.revision < held.revision:
            newest[cell_id] = held
    return {cell_id: held.cell for cell_id, held in newest.items()}


def _turn(live: Live, span: Span) -> int:
    """The hour from which on Redis knows more than Postgres, within the span."""
    first = min((cell_id.hour for cell_id in live.cells), default=span.end)
    return min(max(first, span.first), span.end)


def _key(caller: Principal, experiment_id: str) -> Key:
    scopes.require(caller, scopes.METRIC_READ)
    check_id(experiment_id, ExperimentNotFound)
    return caller.tenant_id, experiment_id


def _span(start_ms: int | None, end_ms: int | None) -> Span:
    for moment in (start_ms, end_ms):
        if moment is not None and not 0 <= moment <= LATEST_MS:
            raise Invalid("times are milliseconds since 1970")
    if start_ms is None and end_ms is None:
        return ALWAYS
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise Invalid("start_ms is after end_ms")
    first = 0 if start_ms is None else hour_of(start_ms)
    end = ALWAYS.end if end_ms is None else min(hour_of(end_ms) + 1, ALWAYS.end)
    return Span(min(first, end), end)


def _days(span: Span) -> range:
    last = min(span.end, hour_of(_now_ms()) + 1)
    return range(span.first // HOURS_A_DAY, -(-last // HOURS_A_DAY))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
