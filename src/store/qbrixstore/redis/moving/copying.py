"""Carrying what the shards of a layout hold to those of another one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import Final
from typing import NamedTuple

from qbrixcore.errors import InvalidFeedback
from qbrixstore.redis import keys
from qbrixstore.redis.awaited import decode_batch
from qbrixstore.redis.batch import following
from qbrixstore.redis.batch import order
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.moving.families import Family
from qbrixstore.redis.moving.families import Name
from qbrixstore.redis.moving.families import family_of
from qbrixstore.redis.moving.families import totals
from qbrixstore.redis.moving.shards import pages

_READ: Final = Script("read")
_JOIN: Final = Script("join")
AT_ONCE: Final = 16  # keys on their way: a state may have megabytes
ROWS_A_CALL: Final = 500
LETTERS_A_READ: Final = 500
START: Final = "0-0"

Pairs = list[tuple[bytes, bytes]]


class Held(NamedTuple):
    """What a key holds, and for how many milliseconds; below 0 for ever."""

    kind: bytes
    expiry: int
    value: Any

    def rows(self) -> tuple[str, list[tuple[bytes, ...]]]:
        """Its rows as the command takes them that writes them."""
        if self.kind == b"set":
            return "SADD", [(row,) for row in self.value]
        if self.kind == b"hash":
            return "HSET", list(_pairs(self.value))
        return "ZADD", [(score, row) for row, score in _pairs(self.value)]


class Copier:
    """Copies everything from one layout to another that nobody uses yet.

    What it reads does not change meanwhile, except that keys expire. Every method
    raises Unavailable; UnknownFamily before anything of an unknown kind is left out.
    """

    def __init__(self, client: RedisClient, old: Layout, new: Layout) -> None:
        self.copied = 0  # keys
        self._client = client
        self._old = old
        self._new = new
        self._room = asyncio.Semaphore(AT_ONCE)
        self._spread_out: set[str] = set()  # a key may be found twice

    async def run(self) -> None:
        """Copy all that there is."""
        await self._join_meta()
        await self._start_logs()
        await self._join_letters()
        for shard in range(self._old.shards):
            prefix = keys.prefix(self._old.number, shard)
            async for page in pages(self._client, self._old.number, shard):
                await self._carry_all([(key, Name.of(key, prefix)) for key in page])

    async def _carry_all(self, page: Sequence[tuple[str, Name]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for key, name in page:
                    group.create_task(self._carry(key, name))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _carry(self, key: str, name: Name) -> None:
        family = family_of(name)
        if family.rule in ("drained", "joined"):
            return
        async with self._room:
            held = Held(*await self._client.call(_READ, [key], []))
            if held.kind == b"none":  # it expired
                return
            self.copied += 1
            if family.rule == "rows":
                await self._spread(key, name, family, held)
            elif family.rule in ("bits", "numbers"):
                await self._join(name, family.rule, held)
            elif family.rule == "union":
                await self._write(("SADD", to, *held.value) for to in self._all(name))
            else:
                first = family.rule == "first"
                shard = 0 if first else self._new.shard_of(name.experiment)
                await self._put(self._key(shard, name), held)

    async def _put(self, to: str, held: Held) -> None:
        commands: list[Command] = []
        if held.kind == b"string":
            commands.append(("SET", to, held.value))
        else:
            commands += (("HSET", to, *some) for some in _cut(held.value))
        if held.expiry > 0:
            commands.append(("PEXPIRE", to, held.expiry))
        await self._write(commands)

    async def _spread(self, key: str, name: Name, family: Family, held: Held) -> None:
        """Each row to the shard of its experiment, to shard 0 if it has none."""
        if key in self._spread_out:
            return
        self._spread_out.add(key)
        command, rows = held.rows()
        by_shard: dict[int, list[tuple[bytes, ...]]] = {}
        for row in rows:
            # the score of a sorted set stands before its row
            experiment = family.of(row[1] if command == "ZADD" else row[0])
            shard = self._new.shard_of(experiment) if experiment else 0
            by_shard.setdefault(shard, []).append(row)
        for shard, some in by_shard.items():
            flat = [part for row in some for part in row]
            to = self._key(shard, name)
            await self._write((command, to, *part) for part in _cut(flat))
            if name.family == "awaited":
                await self._count_awaited(shard, [row for _, row in some])

    async def _count_awaited(self, shard: int, rows: Iterable[bytes]) -> None:
        batches = (decode_batch(row) for row in rows)
        count = sum(len(batch.selections) if batch else 1 for batch in batches)
        meta = self._new.meta(shard)
        await self._client.execute("HINCRBY", meta, "awaited", count)

    async def _join(self, name: Name, rule: str, held: Held) -> None:
        for to in self._all(name):
            names = [to, f"{to}:spare"]
            args = [held.value, held.expiry, rule]
            await self._client.call(_JOIN, names, args)

    async def _join_meta(self) -> None:
        replies = await self._client.pipeline(
            [("HGETALL", self._old.meta(shard)) for shard in range(self._old.shards)]
        )
        metas = [{k.decode(): v for k, v in _pairs(reply)} for reply in replies]
        for shard, counters in enumerate(totals(metas, self._new.shards)):
            fields: list[Argument] = ["layout", self._new.mark]
            for field, count in counters.items():
                fields += (field, count)
            await self._client.execute("HSET", self._new.meta(shard), *fields)

    async def _start_logs(self) -> None:
        """Empty logs whose entries come behind all that was learned."""
        last = START
        for shard in range(self._old.shards):
            log = self._old.log(shard)
            if await self._client.execute("EXISTS", log):
                told = dict(_pairs(await self._client.execute("XINFO", "STREAM", log)))
                last = max(last, told[b"last-generated-id"].decode(), key=order)
        for shard in range(self._new.shards):
            log = self._new.log(shard)
            create = ("XGROUP", "CREATE", log, keys.GROUP, last, "MKSTREAM")
            await self._client.execute(*create)
            if last != START:
                await self._client.execute("XSETID", log, last)

    async def _join_letters(self) -> None:
        """Dead letters in the order of their times, each at its new shard."""
        rows: list[tuple[str, list[bytes]]] = []
        for shard in range(self._old.shards):
            rows += await self._letters(self._old.dead(shard))
        last: dict[int, str] = {}
        for id_, fields in sorted(rows, key=lambda row: order(row[0])):
            shard = self._home(fields)
            before = last.get(shard, START)
            last[shard] = id_ if order(id_) > order(before) else following(before)
            to = self._new.dead(shard)
            await self._client.execute("XADD", to, last[shard], *fields)

    async def _letters(self, key: str) -> list[tuple[str, list[bytes]]]:
        found: list[tuple[str, list[bytes]]] = []
        start = "-"
        while rows := await self._client.execute(
            "XRANGE", key, start, "+", "COUNT", LETTERS_A_READ
        ):
            found += [(id_.decode(), fields) for id_, fields in rows]
            start = following(found[-1][0])
        return found

    def _home(self, fields: list[bytes]) -> int:
        [event] = decode_many([dict(_pairs(fields))[b"event"]])
        if isinstance(event, InvalidFeedback):
            return 0
        return self._new.shard_of(event.experiment)

    async def _write(self, commands: Iterable[Command]) -> None:
        await self._client.pipeline(list(commands))

    def _all(self, name: Name) -> list[str]:
        return [self._key(shard, name) for shard in range(self._new.shards)]

    def _key(self, shard: int, name: Name) -> str:
        return keys.prefix(self._new.number, shard) + name.suffix


def _pairs(flat: Sequence[Any]) -> Pairs:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _cut(flat: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Parts with an even number of elements."""
    for start in range(0, len(flat), 2 * ROWS_A_CALL):
        yield flat[start : start + 2 * ROWS_A_CALL]
