"""What is due for Postgres: written in time, or later, and never forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import Shelf
from tests.cortex.samples import defined
from tests.cortex.samples import experiment

from cortexsvc import keeping
from cortexsvc.keeping import Keeper
from cortexsvc.states import Held
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixstore.postgres.snapshots import Snapshot

KEY = (TENANT, "e1")


class Away(Shelf):
    """A shelf that takes nothing for a while."""

    away = True

    async def keep(self, snapshots: Sequence[Snapshot]) -> None:
        if self.away:
            raise Unavailable("postgres is away")
        await super().keep(snapshots)


def held(name: str = "e1") -> Held:
    stored = defined(experiment(name))[1]
    return Held(stored, len(codec.encode(stored)))


async def test_what_postgres_does_not_take_stays_due(shard: Shard) -> None:
    shelf = Away()
    keeper = Keeper(shelf, 60.0)
    keeper.note(KEY, held(), 5)
    assert await keeper.write(shard.params) == 0
    assert keeper.waiting
    shelf.away = False
    await keeper.write(shard.params)
    assert not keeper.waiting
    assert list(shelf.kept) == [(*KEY, 0)]


async def test_what_is_not_in_memory_is_read_or_counted_as_lost(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BYTES_HELD", held().size)
    await shard.define(experiment(), experiment("e2"))
    shelf = Shelf()
    keeper = Keeper(shelf, 60.0)
    keeper.note(KEY, held(), 5)
    keeper.note((TENANT, "e2"), held("e2"), 3)
    keeper.note((TENANT, "e2"), held("e2"), 4)
    assert await keeper.write(shard.params) == 0
    assert {name for _, name, _ in shelf.kept} == {"e1", "e2"}

    keeper.note(KEY, held(), 5)
    keeper.note((TENANT, "e2"), held("e2"), 3)
    keeper.note((TENANT, "e2"), held("e2"), 4)
    assert await keeper.write(None) == 7
    assert not keeper.waiting


async def test_many_are_written_in_several_parts(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ROWS_A_WRITE", 3)
    shelf = Shelf()
    keeper = Keeper(shelf, 60.0)
    for number in range(10):
        keeper.note((TENANT, f"e{number}"), held(f"e{number}"), 1)
    await keeper.write(None)
    assert len(shelf.kept) == 10


async def test_only_what_can_be_read_is_gone_back_to(shard: Shard) -> None:
    shelf = Shelf()
    keeper = Keeper(shelf, 60.0)
    await keeper.set_aside(KEY, held().stored)
    found = await keeper.find(KEY, 0)
    assert isinstance(found, codec.Stored)
    assert found.header.policy == "BetaTSPolicy"
    assert await keeper.find(KEY, 1) == "it is not kept"
    shelf.kept[*KEY, 2] = b"garbage"
    assert "truncated" in str(await keeper.find(KEY, 2))
