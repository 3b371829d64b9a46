"""All trainers of this process, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import TYPE_CHECKING

from cortexsvc import pacing
from cortexsvc.beside import Companion
from cortexsvc.catalog import Catalog
from cortexsvc.catalog import Registry
from cortexsvc.chronicle import Chronicle
from cortexsvc.gathering import Pace
from cortexsvc.keeping import Keeper
from cortexsvc.lapsing import Lapsing
from cortexsvc.looking import look
from cortexsvc.mending import Backup
from cortexsvc.mending import Mender
from cortexsvc.metrics import CortexMetrics
from cortexsvc.recording import Recorder
from cortexsvc.share import Share
from cortexsvc.trainer import Trainer
from qbrixcore.errors import Unavailable
from qbrixcore.errors import UnknownPolicy
from qbrixcore.param import build
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import implementation
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixserving.background import cancelled
from qbrixserving.background import watched
from qbrixstore.redis import keys
from qbrixstore.redis.changes import Changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import FOLLOW_SEC
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend
from qbrixstore.redis.refusals import LayoutMismatch

if TYPE_CHECKING:
    from cortexsvc.spans import Spans

logger = get_logger(__name__)
WARM_PAUSE_SEC = 0.1
STANDBY_SEC = 5.0
MOVING_SEC = 0.25

OpenStore = Callable[[], Awaitable[Layout]]


class Learning:
    """Trains on its share of the shards of the log.

    ``trainers`` are those of its share, ``gauges`` of every shard, in order. They stay
    empty until the store has told its layout.
    """

    def __init__(
        self,
        client: RedisClient,
        registry: Registry,
        name: str,
        pace: Pace,
        keeper: Keeper,
        open_store: OpenStore,
        metrics: CortexMetrics,
        chronicle: Chronicle | None = None,
        share: Share = Share(),  # noqa: B008 (immutable)
        spans: Spans | None = None,
        backup: Callable[[Layout], Backup] | None = None,
    ) -> None:
        """``open_store`` says what layout the store has, filling an emptied one.

        ``chronicle`` takes the decision log, None if there is to be none. ``backup``
        has what single experiments of a layout may lack.
        """
        self.trainers: list[Trainer] = []
        self.gauges: list[ShardGauges] = []
        self.started = asyncio.Event()  # every shard is owned or stood by for
        self._client = client
        self._registry = registry
        self._name = name
        self._pace = pace
        self._keeper = keeper
        self._open_store = open_store
        self._chronicle = chronicle
        self._metrics = metrics
        self._share = share
        self._spans = spans
        self._backup = backup
        self._lost = 0
        self._left: Layout | None = None  # one that is no more
        self._knew = False
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Train for the duration of the block; the batch in hand is still committed."""
        task = watched(self._run_on(), "training")
        try:
            yield
        finally:
            self._stop.set()
            for trainer in self.trainers:
                trainer.hurry()
            await asyncio.wait([task])

    async def _run_on(self) -> None:
        backoff = pacing.Backoff(self._stop)
        while not self._stop.is_set():
            try:
                await self._run()
            except Exception:
                logger.exception("training interrupted")
                await backoff.pause()

    async def _run(self) -> None:
        layout = await self._layout()
        if layout is None:
            return
        params = RedisParamBackend(self._client, layout)
        definitions = Definitions(self._client, layout)
        catalog = Catalog(definitions, self._registry)
        watch = watched(self._watch(catalog, layout), "following definitions")
        self.gauges = [
            ShardGauges(self._client, layout, shard) for shard in range(layout.shards)
        ]
        mender = self._mender(layout, params)
        self.trainers = [
            self._trainer(layout, catalog, shard, mender)
            for shard in self._share.shards(layout.shards)
        ]
        try:
            await self._warm(definitions)
            looking = look(self.trainers, self.gauges, self._keeper, self._metrics)
            async with (
                background(looking, "looking at the log"),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(self._keeper.run(params, self._stop))
                for trainer in self.trainers:
                    group.create_task(trainer.run())
                if mender is not None:
                    group.create_task(mender.run(self._stop))
                group.create_task(self._follow(layout))
                group.create_task(self._announce())
                group.create_task(self._warm_rest())
            await self._keeper.write(params)
        except* LayoutMismatch:
            self._left = layout
            self._knew = any(trainer.owned for trainer in self.trainers)
        finally:
            await cancelled(watch)

    async def _follow(self, layout: Layout) -> None:
        """Raises LayoutMismatch once the store has another layout."""
        while not await pacing.wait(self._stop, FOLLOW_SEC):
            with suppress(Unavailable):
                now = await Layout.read(self._client)
                if now != layout:
                    break
        if not self._stop.is_set():
            raise LayoutMismatch("the store has another layout")

    async def _leave(self, layout: Layout) -> None:
        """Find out what became of a layout. Raises Unavailable until that is known."""
        if await layout.stands(self._client):
            while not await pacing.wait(self._stop, MOVING_SEC):
                if not await Layout.is_moving(self._client):
                    break
            logger.info("the store is divided anew")
            return
        logger.warning("the store was emptied")
        if not self._knew:
            # whoever owned the log knows more than postgres does
            await pacing.wait(self._stop, STANDBY_SEC)
            self._knew = True
        await self._rescue()

    async def _rescue(self) -> None:
        """Keep what is in memory, so that the store is filled with that.

        Raises Unavailable while Postgres does not take it.
        """
        lost = await self._keeper.write(None)
        if lost:
            self._lost += lost
            logger.error("%d rewards learned since their snapshots are lost", lost)
        if self._keeper.waiting:
            raise Unavailable("postgres does not take what was learned")

    def _mender(self, layout: Layout, params: RedisParamBackend) -> Mender | None:
        if self._backup is None:
            return None
        backup = self._backup(layout)
        return Mender(backup, layout, self._owns, self._keeper, params)

    def _owns(self, shard: int) -> bool:
        return any(one.owner and one.shard == shard for one in self.trainers)

    def _trainer(
        self, layout: Layout, catalog: Catalog, shard: int, mender: Mender | None
    ) -> Trainer:
        consumer = RedisStreamConsumer(
            self._client, layout, self._name, shard, trims=self._chronicle is None
        )
        return Trainer(
            consumer,
            RedisParamBackend(self._client, layout),
            catalog,
            self._pace,
            self._stop,
            self._keeper,
            self._companions(layout, shard),
            self._metrics,
            self._spans,
            mender,
        )

    def _companions(self, layout: Layout, shard: int) -> list[Companion]:
        lapsing = Lapsing(self._client, layout, shard, self._metrics)
        companions: list[Companion] = [lapsing]
        if self._chronicle is not None:
            recorder = Recorder(self._client, layout, shard, self._chronicle)
            companions.append(recorder)
        return companions

    async def _layout(self) -> Layout | None:
        backoff = pacing.Backoff(self._stop)
        while not self._stop.is_set():
            try:
                if self._left is not None:
                    await self._leave(self._left)
                layout = await self._open_store()
                self._left = None
                await self._count_lost(layout)
                return layout
            except Unavailable as error:
                logger.warning("waits for the store: %s", error)
                await backoff.pause()
        return None

    async def _count_lost(self, layout: Layout) -> None:
        if self._lost:
            command = ("HINCRBY", layout.meta(0), "lost", self._lost)
            await self._client.execute(*command)
            self._lost = 0

    async def _warm(self, definitions: Definitions) -> None:
        """Load the kernels in use before the first batch needs them.

        One in any case: the first brings the compiler along.
        """
        await asyncio.to_thread(build.fingerprint)
        with suppress(Unavailable):
            for policy in sorted(await definitions.policies()) or list(SPECS)[:1]:
                with suppress(UnknownPolicy):
                    await asyncio.to_thread(implementation, policy)

    async def _warm_rest(self) -> None:
        """Load every other, so that no first feedback of an experiment waits for it."""
        for policy in SPECS:
            if self._stop.is_set():
                return
            with suppress(UnknownPolicy):
                await asyncio.to_thread(implementation, policy)
            await pacing.wait(self._stop, WARM_PAUSE_SEC)

    async def _announce(self) -> None:
        for trainer in self.trainers:
            while not (trainer.reached.is_set() or self._stop.is_set()):
                await pacing.wait(trainer.reached, 0.5)
        self.started.set()

    async def _watch(self, catalog: Catalog, layout: Layout) -> None:
        while True:
            try:
                changes = Changes(self._client, layout)
                async for change in changes.listen(keys.DEFINITIONS):
                    catalog.forget(change)
            except Exception:
                logger.exception("news of definitions interrupted")
                catalog.forget(None)
                await asyncio.sleep(pacing.LONGEST_SEC)
