"""Training on one shard: own it, read a batch, learn it, commit it, again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING
from typing import Final
from typing import ParamSpec
from typing import TypeVar

from cortexsvc import ownership
from cortexsvc import pacing
from cortexsvc.beside import Companion
from cortexsvc.catalog import Catalog
from cortexsvc.catalog import Learnable
from cortexsvc.catalog import Verdict
from cortexsvc.course import Kept
from cortexsvc.gathering import Gatherer
from cortexsvc.gathering import Pace
from cortexsvc.keeping import Keeper
from cortexsvc.mending import Mender
from cortexsvc.metrics import CortexMetrics
from cortexsvc.sorting import Key
from cortexsvc.sorting import Sorted
from cortexsvc.states import Held
from cortexsvc.states import States
from cortexsvc.training import Outcome
from cortexsvc.training import State
from cortexsvc.training import Training
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.batch import order
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.params import RedisParamBackend
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch

if TYPE_CHECKING:
    from cortexsvc.spans import Spans

logger = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# below this a batch takes less time than handing it to a thread is worth
EVENTS_INLINE: Final = 64
STANDBY_SEC: Final = 0.5


class Trainer:
    """The only writer of the params of its shard, as long as it holds the fence."""

    def __init__(
        self,
        consumer: RedisStreamConsumer,
        params: RedisParamBackend,
        catalog: Catalog,
        pace: Pace,
        stop: asyncio.Event,
        keeper: Keeper,
        companions: Sequence[Companion] = (),
        metrics: CortexMetrics | None = None,
        spans: Spans | None = None,
        mender: Mender | None = None,
    ) -> None:
        self.owner = False
        self.reached = asyncio.Event()  # the store has answered once
        self.handled: dict[str, int] = {}  # events by experiment since the start
        self._consumer = consumer
        self._params = params
        self._catalog = catalog
        self._gatherer = Gatherer(consumer, pace)
        self._stop = stop
        self._keeper = keeper
        self._companions = companions
        self._metrics = metrics or CortexMetrics()
        self._spans = spans
        self._mender = mender
        self._backoff = pacing.Backoff(stop)
        self._states = States()
        self._progress = asyncio.Condition()

    @property
    def shard(self) -> int:
        """Which one it trains on."""
        return self._consumer.shard

    @property
    def owned(self) -> bool:
        """Whether it owns the shard, or did once."""
        return self._consumer.fence > 0

    async def run(self) -> None:
        """Train until told to stop; whatever fails is tried again.

        Raises LayoutMismatch when the store is not the one it was.
        """
        takeover = True
        while not self._stop.is_set():
            try:
                owner = await self._consumer.acquire(takeover=takeover)
            except LayoutMismatch:
                raise
            except Unavailable as error:
                logger.warning("shard %d not acquired: %s", self._consumer.shard, error)
                await self._backoff.pause()
                continue
            self.reached.set()
            if not owner:
                await pacing.wait(self._stop, STANDBY_SEC)
                continue
            await self._own()
            # who lost the lease must not take it back from its successor by name
            takeover = False
        with suppress(Unavailable):
            await self._consumer.release()

    async def _own(self) -> None:
        shard, fence = self._consumer.shard, self._consumer.fence
        logger.info("owns shard %d with fence %d", shard, fence)
        self._states.clear()
        self.owner = True
        try:
            async with ownership.kept(self._consumer) as lost, self._accompanied():
                while not (self._stop.is_set() or lost.is_set()):
                    await self._step()
        except Fenced:
            lost.set()
        finally:
            self.owner = False
        if lost.is_set():
            logger.warning("lost shard %d with fence %d", shard, fence)

    @asynccontextmanager
    async def _accompanied(self) -> AsyncIterator[None]:
        """Have what is done beside the training done meanwhile."""
        async with AsyncExitStack() as stack:
            for one in self._companions:
                work = background(one.run(self._consumer), type(one).__name__)
                await stack.enter_async_context(work)
            yield

    async def _step(self) -> None:
        try:
            batch = await self._gatherer.next()
            if batch.entries:
                await self._handle(batch)
            self._backoff.reset()
        except Fenced:
            raise
        except Unavailable as error:
            logger.warning("goes back to the committed position: %s", error)
            await self._recover()
        except Exception:
            logger.exception("unexpected error, goes back to the committed position")
            await self._recover()

    async def _recover(self) -> None:
        """What was in hand may or may not be committed: only the store knows."""
        self._states.clear()
        self._metrics.interrupted()
        while not self._stop.is_set():
            await self._backoff.pause()
            try:
                await self._consumer.resync()
                return
            except Fenced:
                raise
            except Unavailable as error:
                logger.warning("position of the log unknown: %s", error)

    async def _handle(self, batch: Batch) -> None:
        began, since = perf_counter(), time.time_ns()
        sorted_batch = await self._off_loop(batch.events, Sorted, batch)
        verdicts = await self._catalog.verdicts(list(sorted_batch.groups))
        states = await self._load(verdicts)
        restorable = await self._restorable(sorted_batch, states)
        training = Training(sorted_batch, self._consumer.fence, restorable)
        outcome = await self._off_loop(batch.events, training.run, verdicts, states)
        await self._set_aside(outcome, states)
        self._metrics.trained(began, batch)
        began = perf_counter()
        await self._consumer.commit(batch, outcome.updates, outcome.tally)
        self._metrics.committed(began, batch, outcome)
        if self._spans is not None:
            self._spans.learned(since, sorted_batch)
        await self._committed(sorted_batch, outcome)

    async def _restorable(
        self, batch: Sorted, states: Mapping[Key, State]
    ) -> dict[Key, Kept]:
        """The earlier states that control events will ask for."""
        found: dict[Key, Kept] = {}
        for key, group in batch.groups.items():
            state = states.get(key)
            if group.controls and isinstance(state, Stored):
                wanted = group.restored(state.header.generation)
                found[key] = {one: await self._keeper.find(key, one) for one in wanted}
        return found

    async def _set_aside(self, outcome: Outcome, states: Mapping[Key, State]) -> None:
        """Keep what a new generation replaces, so that there is a way back."""
        for update in outcome.updates:
            if update.generation > update.expected[0]:
                key = (update.tenant, update.experiment)
                replaced = states[key]
                if isinstance(replaced, Stored):
                    await self._keeper.set_aside(key, replaced)

    async def _load(self, verdicts: Mapping[Key, Verdict]) -> dict[Key, State]:
        states: dict[Key, State] = {}
        missing = []
        for key, verdict in verdicts.items():
            if isinstance(verdict, Learnable):
                kept = self._states.get(key)
                if kept is None:
                    missing.append(key)
                else:
                    states[key] = kept
        encoded = await self._params.get_many(missing)
        if None in encoded and self._mender is not None:
            lost = [key for key, data in zip(missing, encoded, strict=True) if not data]
            if await self._mender.mend(lost):
                encoded = await self._params.get_many(missing)
        for key, data in zip(missing, encoded, strict=True):
            if data is not None:
                states[key] = self._decoded(key, data)
        return states

    def _decoded(self, key: Key, data: bytes) -> State:
        try:
            stored = codec.decode(data)
        except CorruptState as error:
            return f"unreadable params: {error}"
        self._states.keep(key, Held(stored, len(data)))
        return stored

    async def _committed(self, batch: Sorted, outcome: Outcome) -> None:
        for key, held in outcome.states.items():
            self._states.keep(key, held)
        for update in outcome.updates:
            key = (update.tenant, update.experiment)
            self._keeper.note(key, outcome.states[key], update.learned)
        self._gatherer.committed(sum(held.size for held in outcome.states.values()))
        for (_, experiment), group in batch.groups.items():
            before = self.handled.get(experiment, 0)
            self.handled[experiment] = before + len(group)
        async with self._progress:
            self._progress.notify_all()

    async def flush(self, through: str) -> None:
        """Return once the log is handled up to a stream id, without waiting to fill.

        Raises Unavailable when another cortex owns the shard.
        """
        async with self._progress:
            while order(self._consumer.position) < order(through):
                if not self.owner:
                    raise Unavailable("another cortex owns this part of the log")
                self._gatherer.hurry()
                with suppress(TimeoutError):
                    async with asyncio.timeout(STANDBY_SEC):
                        await self._progress.wait()

    def hurry(self) -> None:
        """Let no batch wait to fill."""
        self._gatherer.hurry()

    async def _off_loop(
        self, events: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if events <= EVENTS_INLINE:
            return call(*args, **kwargs)
        return await asyncio.to_thread(call, *args, **kwargs)
