"""Filling an emptied Redis from Postgres: definitions, and params as last kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Invalid
from qbrixcore.param import codec
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Origin
from qbrixcore.param.codec import Stored
from qbrixlog import get_logger
from qbrixstore.postgres import system_session
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

logger = get_logger(__name__)

# versions only grow: more than could be committed between two snapshots
AHEAD: Final = 1_000_000

Key = tuple[str, str]  # tenant, experiment


class Rebuilt(msgspec.Struct):
    """What became of the experiments whose params were missing."""

    restored: int = 0  # from a snapshot
    blank: int = 0  # from the prior: there was none
    unusable: int = 0


async def open_store(
    client: RedisClient, engine: AsyncEngine, shards: int = 1
) -> Layout:
    """The layout of the store, which is filled before anybody sees one.

    ``shards`` is what an empty one gets.

    Safe to call from several processes at once. Raises Unavailable.
    """
    layout, opened = await Layout.prepare(client, shards)
    if layout.shards != shards:
        logger.warning(
            "the store has %d shards, not CORTEX_SHARDS=%d: it keeps them until"
            " qbrix shards migrate",
            layout.shards,
            shards,
        )
    if not opened:
        rebuilt = await rebuild(client, engine, layout, emptied=True)
        await layout.open(client)
        if rebuilt != Rebuilt():
            logger.warning(
                "redis was empty: %d experiments go on from snapshots, %d from the"
                " prior, %d are unusable; what was learned after a snapshot is lost",
                rebuilt.restored,
                rebuilt.blank,
                rebuilt.unusable,
            )
    return layout


async def rebuild(
    client: RedisClient,
    engine: AsyncEngine,
    layout: Layout,
    *,
    emptied: bool = False,
) -> Rebuilt:
    """Bring Redis level with Postgres; what it has of its own stays.

    ``emptied`` says that this layout is new, and so are its logs. Raises Unavailable.
    """
    definitions = Definitions(client, layout)
    params = RedisParamBackend(client, layout)
    rebuilt = Rebuilt()
    async for key in _experiments(engine):
        missing = await params.version(*key) is None
        if not missing and await definitions.get(*key) is not None:
            continue
        begun = layout if emptied else None
        await _attempt(engine, definitions, key, begun, rebuilt)
    return rebuilt


class Backup:
    """What Postgres has of the experiments of a store that lacks some.

    Every method raises Unavailable.
    """

    def __init__(
        self, client: RedisClient, engine: AsyncEngine, layout: Layout
    ) -> None:
        self._engine = engine
        self._definitions = Definitions(client, layout)
        self._params = RedisParamBackend(client, layout)

    async def experiments(self) -> list[Key]:
        """All there are, as tenant and experiment."""
        return [key async for key in _experiments(self._engine)]

    async def lacking(self, keys: Sequence[Key]) -> list[Key]:
        """Those that are defined in Redis, and have no params there."""
        versions = await self._params.versions(keys)
        missing = [
            key for key, version in zip(keys, versions, strict=True) if version is None
        ]
        found = await self._definitions.get_many(missing)
        return [
            key
            for key, definition in zip(missing, found, strict=True)
            if isinstance(definition, Definition)
        ]

    async def restore(self, keys: Sequence[Key]) -> None:
        """Put back the params of these: of the newest snapshot, or the prior."""
        rebuilt = Rebuilt()
        for key in keys:
            # the log goes on where it was, and does not say from where on it counts
            await _attempt(self._engine, self._definitions, key, None, rebuilt)


async def _attempt(
    engine: AsyncEngine,
    definitions: Definitions,
    key: Key,
    layout: Layout | None,
    rebuilt: Rebuilt,
) -> None:
    try:
        await _restore(engine, definitions, key, layout, rebuilt)
    except (Invalid, CorruptState) as error:
        rebuilt.unusable += 1
        logger.error("experiment %s cannot be rebuilt: %s", key[1], error)


async def _experiments(engine: AsyncEngine) -> AsyncIterator[Key]:
    query = select(ExperimentRow.tenant_id, ExperimentRow.id).order_by(ExperimentRow.id)
    async with system_session(engine) as session:
        rows = (await session.execute(query)).all()
    for row in rows:
        yield row.tenant_id, row.id


async def _restore(
    engine: AsyncEngine,
    definitions: Definitions,
    key: Key,
    layout: Layout | None,
    rebuilt: Rebuilt,
) -> None:
    async with system_session(engine) as session:
        definition = await Outbox(session).current(*key)
        if definition is None:
            return
        data, highest = await Snapshots(session).for_rebuild(
            *key, definition.generation, definition.restored
        )
    stored = codec.first(definition) if data is None else codec.decode(data)
    again = _again(stored, definition, highest, layout)
    await definitions.publish(definition, again)
    if data is None:
        rebuilt.blank += 1
        logger.info("experiment %s starts from the prior", key[1])
    else:
        rebuilt.restored += 1
        logger.info(
            "experiment %s goes on from version %d, learned until %d",
            key[1],
            stored.header.version,
            stored.header.learned_through_ms,
        )


def _again(
    stored: Stored, definition: Definition, highest: int, layout: Layout | None
) -> Stored:
    """The state as the beginning of another log, that of a layout if it is named.

    Raises CorruptState.
    """
    header = stored.header
    if header.policy != definition.policy:
        raise CorruptState(f"the snapshot is of {header.policy}")
    header = msgspec.structs.replace(
        header,
        fence=0,
        generation=definition.generation,
        version=highest + AHEAD,
        learned_through="0-0",
        origin=None if layout is None else _origin(header, layout),
        builds=(),
    )
    return Stored(header, stored.state)


def _origin(header: Header, layout: Layout) -> Origin:
    return Origin(
        definition=header.definition,
        num_arms=header.num_arms,
        hyper=header.hyper,
        restored=header.version or None,
        since=layout.incarnation,
    )
