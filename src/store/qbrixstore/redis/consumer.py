"""The reading end of the feedback log: one fenced owner commits what it learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Final

import msgspec

from qbrixcore.errors import Unavailable
from qbrixstore.redis import keys
from qbrixstore.redis.batch import STATE_BYTES_A_PART
from qbrixstore.redis.batch import UPDATES_A_PART
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.batch import Typical
from qbrixstore.redis.batch import Update
from qbrixstore.redis.batch import following
from qbrixstore.redis.batch import parts
from qbrixstore.redis.changes import encode_changes
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.refusals import Fenced

_ACQUIRE = Script("acquire")
_RENEW = Script("renew")
_COMMIT = Script("commit")
LEASE_MS: Final = 3_000
BYTES_A_BATCH: Final = 16 * 2**20
DEAD_LETTERS_KEPT: Final = 100_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one script call and of what is kept and read at once."""

    state_bytes: int = STATE_BYTES_A_PART
    updates: int = UPDATES_A_PART
    dead_letters: int = DEAD_LETTERS_KEPT
    batch_bytes: int = BYTES_A_BATCH


class RedisStreamConsumer:
    """One shard of the log, read in order by whoever holds its fence.

    The group's position is the only record of how far the shard was handled; entries
    up to it are trimmed, unless that is left to another. Nothing is claimed or
    acknowledged one by one.
    """

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        name: str,
        shard: int = 0,
        *,
        lease_ms: int = LEASE_MS,
        bounds: Bounds = Bounds(),  # noqa: B008 (immutable)
        trims: bool = True,
    ) -> None:
        """Without ``trims`` what is committed stays until ``Tail`` forgets it."""
        self.shard = shard
        self.name = name
        self.lease_ms = lease_ms
        self.fence = 0
        self.position = "0-0"
        self._client = client
        self._layout = layout
        self._bounds = bounds
        self._trims = trims
        self._cursor = "0-0"
        self._typical = Typical()

    async def acquire(self, *, takeover: bool = True) -> bool:
        """Own the shard from here on. False while another consumer holds the lease.

        With ``takeover`` a lease in the own name counts as free: its holder was an
        earlier process. A process that lost its lease asks without. Raises Unavailable.
        """
        layout = self._layout
        fence, position = await self._client.call(
            _ACQUIRE,
            [layout.lease(self.shard), layout.meta(self.shard), layout.log(self.shard)],
            [layout.mark, self.name, self.lease_ms, int(takeover), keys.GROUP],
        )
        if not fence:
            return False
        self.fence = fence
        self._move(position.decode())
        return True

    async def renew(self) -> None:
        """Keep the lease for another term. Raises Fenced, Unavailable."""
        if not await self._lease(self.lease_ms):
            raise Fenced()

    async def release(self) -> None:
        """Give the lease up, if it is still ours. Raises Unavailable."""
        await self._lease(0)

    async def _lease(self, lease_ms: int) -> bool:
        layout = self._layout
        reply = await self._client.call(
            _RENEW,
            [layout.lease(self.shard), layout.meta(self.shard)],
            [self.fence, self.name, lease_ms],
        )
        return bool(reply)

    async def read(self, events: int, block_ms: int = 0) -> Batch:
        """The next whole entries, until they hold ``events`` events or are too large.

        Waits up to ``block_ms`` for a first entry. Reading again goes on behind what
        was read before, committed or not. Raises Unavailable.
        """
        batch = Batch(self._cursor, self._cursor)
        while (room := events - batch.events) > 0:
            space = self._bounds.batch_bytes - batch.size
            if space <= 0:
                break
            count = self._typical.fitting(room, space)
            entries = await self._entries(count, 0 if batch.entries else block_ms)
            drained = len(entries) < count
            kept = batch.add(entries, room, space)
            self._cursor = batch.end
            if entries:
                self._typical = Typical.of(entries)
            if drained or kept < len(entries):
                break
        return batch

    async def _entries(self, count: int, block_ms: int) -> list[Entry]:
        log = self._layout.log(self.shard)
        # a blocked read must come back before the connection's own timeout
        block_ms = min(block_ms, int(self._client.limits.reply * 500))
        block: list[Argument] = ["BLOCK", block_ms] if block_ms > 0 else []
        reply = await self._client.execute(
            "XREAD", "COUNT", count, *block, "STREAMS", log, self._cursor
        )
        rows: list[Any] = reply[0][1] if reply else []
        return [Entry(key.decode(), fields[1::2]) for key, fields in rows]

    async def commit(
        self,
        batch: Batch,
        updates: Sequence[Update] = (),
        tally: Tally = Tally(),  # noqa: B008 (immutable)
    ) -> None:
        """Write params, move the position behind the batch, trim, count and announce.

        All in one script; when the states are large the first of them go before, which
        is safe because each says what it has learned through. ``tally`` has the events
        that belong to no update. Raises Fenced, Moved, LayoutMismatch; after
        Unavailable it is unknown what was written: ``resync``.
        """
        runs = list(
            parts(updates, size=self._bounds.state_bytes, count=self._bounds.updates)
        )
        for run in runs[:-1]:
            await self._part(batch, run, Tally(), last=False)
        await self._part(batch, runs[-1], tally, last=True)
        self.position = batch.end

    async def _part(
        self,
        batch: Batch,
        updates: Sequence[Update],
        rest: Tally,
        last: bool,
    ) -> None:
        tallies = (rest, *(update.tally for update in updates))
        dead = [letter for tally in tallies for letter in tally.dead]
        layout, shard = self._layout, self.shard
        names = [
            layout.log(shard),
            layout.meta(shard),
            layout.dead(shard),
            layout.learned(shard),
            layout.learned_at(shard),
        ]
        args: list[Argument] = [
            layout.mark,
            self.fence,
            keys.GROUP,
            batch.start,
            batch.end if last else "",
            following(batch.end) if self._trims else "",
            batch.events,
            sum(tally.stale for tally in tallies),
            sum(tally.dropped for tally in tallies),
            layout.channel(shard, keys.PARAMS),
            encode_changes([(one.tenant, one.experiment) for one in updates]),
            self._bounds.dead_letters,
            len(dead),
        ]
        for one in updates:
            names.append(layout.params(one.tenant, one.experiment))
            args += (*one.expected, one.generation, one.version, one.state)
            args += (one.experiment, one.learned)
        for letter in dead:
            args += letter
        await self._client.call(_COMMIT, names, args)

    async def resync(self) -> None:
        """Learn from the store how far the shard was handled, and go on from there.

        Raises Fenced when the shard has another owner, Unavailable.
        """
        layout = self._layout
        fence, groups = await self._client.pipeline(
            [
                ("HGET", layout.meta(self.shard), "fence"),
                ("XINFO", "GROUPS", layout.log(self.shard)),
            ]
        )
        if fence is None or int(fence) != self.fence:
            raise Fenced()
        for group in groups:
            held = dict(zip(group[::2], group[1::2], strict=True))
            if held[b"name"] == keys.GROUP.encode():
                self._move(held[b"last-delivered-id"].decode())
                return
        raise Unavailable("the log has no consumer group")

    def _move(self, position: str) -> None:
        self.position = self._cursor = position
