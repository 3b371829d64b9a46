"""From one number of shards to another, without losing or repeating anything.

1. The pointer notes what is to come, every shard is marked as draining: nothing is
   appended or defined any more, what waits is learned and recorded.
2. A shard in which nothing waits is closed, to commits as well.
3. Everything is copied to a layout of another number.
4. The pointer names that layout, which is when it is in use, and the old one goes.

Up to the fourth step everything is still where it was: whoever begins anew forgets the
copy, and rolling back opens the old layout again.
"""

from __future__ import annotations

import asyncio
from typing import Final
from typing import NamedTuple

from qbrixcore.errors import Conflict
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import FOLLOW_SEC
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.moving.copying import Copier
from qbrixstore.redis.moving.shards import purge

logger = get_logger(__name__)

_BEGIN: Final = Script("begin")
_FINISH: Final = Script("finish")
_MARK: Final = Script("mark")
_SEAL: Final = Script("seal")
DRAIN_SEC: Final = 60.0
LOOK_SEC: Final = 0.05


class Unfinished(NamedTuple):
    """A layout that was to come, or one that has to go."""

    number: int
    shards: int


class StillWaiting(Unavailable):
    """events wait to be learned"""


class NothingToDo(Conflict):
    """the store has that many shards"""


async def migrate(
    client: RedisClient, shards: int, drain_sec: float = DRAIN_SEC
) -> tuple[Layout, int]:
    """Divide the store into ``shards``; the layout in use now, and the keys carried.

    What an earlier attempt left is forgotten first. When it fails everything is as it
    was before. Raises StillWaiting when nobody learns what waits within
    ``drain_sec``, NothingToDo, UnknownFamily, CorruptState, Unavailable, and Moved
    when somebody else began another attempt.
    """
    await clean(client)
    old = await Layout.read(client)
    left = await unfinished(client)
    if left is None and old.shards == shards:
        raise NothingToDo(f"the store has {shards} shards")
    if left is not None:
        await purge(client, *left)
    number = int(await client.call(_BEGIN, [keys.LAYOUT], [old.number, shards]))
    new = Layout(number, shards, old.incarnation)
    try:
        await _drain(client, old, drain_sec)
        copier = Copier(client, old, new)
        await copier.run()
        await client.call(_FINISH, [keys.LAYOUT], [new.number, 1])
    except BaseException:
        await _give_up(client, old, new)
        raise
    await clean(client)
    return new, copier.copied


async def roll_back(client: RedisClient) -> Unfinished | None:
    """Give up what an interrupted migration left, and use the store as before.

    None when there was nothing to give up. Raises Unavailable.
    """
    await clean(client)
    left = await unfinished(client)
    if left is not None:
        await _reopen(client, await Layout.read(client), left)
    return left


async def unfinished(client: RedisClient) -> Unfinished | None:
    """The layout to come of an interrupted migration. Raises Unavailable."""
    return await _noted(client, "to", "to_shards")


async def clean(client: RedisClient) -> None:
    """Forget the layout that was in use before. Raises Unavailable."""
    left = await _noted(client, "old", "old_shards")
    if left is not None:
        await purge(client, *left)
        # who has not heard yet may have written what nobody will read
        await asyncio.sleep(2 * FOLLOW_SEC)
        await purge(client, *left)
        await client.execute("HDEL", keys.LAYOUT, "old", "old_shards")


async def _noted(client: RedisClient, *fields: str) -> Unfinished | None:
    number, shards = await client.execute("HMGET", keys.LAYOUT, *fields)
    return None if number is None else Unfinished(int(number), int(shards))


async def _drain(client: RedisClient, old: Layout, drain_sec: float) -> None:
    for shard in range(old.shards):
        names = [old.meta(shard)]
        await client.call(_MARK, names, [old.draining, old.mark, *_closed(old)])
    deadline = asyncio.get_running_loop().time() + drain_sec
    # nobody who still has to learn may meet a closed shard
    for marks in ((old.draining, old.draining), (old.draining, old.sealed)):
        for shard in range(old.shards):
            names = [old.meta(shard), old.log(shard), old.choices(shard)]
            while any(waiting := await client.call(_SEAL, names, marks)):
                if asyncio.get_running_loop().time() > deadline:
                    raise StillWaiting(
                        f"shard {shard} still has {waiting[0]} entries to learn or"
                        f" record and {waiting[1]} of selections to record:"
                        " does its cortex run?"
                    )
                await asyncio.sleep(LOOK_SEC)


async def _give_up(client: RedisClient, old: Layout, new: Layout) -> None:
    left = Unfinished(new.number, new.shards)
    try:
        # whoever began another attempt decides what the shards are open for
        if await unfinished(client) == left:
            await _reopen(client, old, left)
    except QbrixError as error:
        logger.error("the migration has to be rolled back by hand: %s", error)


async def _reopen(client: RedisClient, old: Layout, left: Unfinished) -> None:
    for shard in range(old.shards):
        await client.call(_MARK, [old.meta(shard)], [old.mark, old.mark, *_closed(old)])
    await purge(client, *left)
    await client.call(_FINISH, [keys.LAYOUT], [left.number, 0])


def _closed(layout: Layout) -> tuple[str, str]:
    return layout.draining, layout.sealed
