"""Counts of workers in Redis: each batch once, whatever is repeated."""

from __future__ import annotations

import msgspec
import pytest
from tests.store.redis.samples import Dump

from qbrixcore.errors import CorruptState
from qbrixstore.cells import Cell
from qbrixstore.cells import CellId
from qbrixstore.cells import Group
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import keys
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.refusals import LayoutMismatch

KEY = ("t", "e1")
HOUR = 495_000


@pytest.fixture
def counts(client: RedisClient, layout: Layout) -> Counts:
    return Counts(client, layout)


def group(
    arms: dict[int, Cell],
    contexts: list[str] | None = None,
    hour: int = HOUR,
    experiment: str = "e1",
) -> Group:
    return Group("t", experiment, hour, arms, contexts or [])


def batch(number: int, *groups: Group, issuer: str = "one") -> Batch:
    return Batch(issuer, number, groups)


def bare(cell: Cell) -> Cell:
    return Cell(*msgspec.structs.astuple(cell)[:8])


async def cells(counts: Counts) -> dict[tuple[int, int], Cell]:
    [read] = await counts.read([KEY])
    return {(one.hour, one.arm): bare(held.cell) for one, held in read.cells.items()}


FIRST = Cell(3, 1, 2, 1.25, 0.25, 1.0, 1_000, 3_000)
SECOND = Cell(2, 0, 1, -0.5, -0.5, -0.5, 500, 2_000)
BOTH = Cell(5, 1, 3, 0.75, -0.5, 1.0, 500, 3_000)


async def test_batches_add_up_as_cells_do(counts: Counts) -> None:
    assert await counts.add(batch(1, group({0: FIRST})))
    assert await counts.add(batch(1, group({0: SECOND}), issuer="two"))
    here = Cell()
    here.add(FIRST)
    here.add(SECOND)
    assert here == BOTH
    assert await cells(counts) == {(HOUR, 0): BOTH}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Cell(selections=1, first_ms=5, last_ms=6), Cell(0, 0, 1, 2.0, 2.0, 2.0)),
        (Cell(), FIRST),
        (FIRST, FIRST),
    ],
)
async def test_what_a_cell_lacks_counts_for_nothing(
    counts: Counts, one: Cell, other: Cell
) -> None:
    sums = []
    for order in ((one, other), (other, one)):
        total = Cell()
        for number, cell in enumerate(order, start=1):
            total.add(cell)
            await counts.add(batch(number, group({0: cell}), issuer=str(len(sums))))
        sums.append(total)
    assert sums[0] == sums[1]
    total.add(sums[0])
    assert await cells(counts) == {(HOUR, 0): total}


async def test_a_repeated_batch_changes_nothing(counts: Counts, dump: Dump) -> None:
    one = batch(7, group({0: FIRST, 4: SECOND}, ["a", "b"]))
    assert await counts.add(one)
    before = await dump()
    assert not await counts.add(one)
    assert not await counts.add(batch(6, group({1: FIRST})))
    assert await dump() == before
    assert await counts.add(batch(8, group({0: SECOND})))
    assert await cells(counts) == {(HOUR, 0): BOTH, (HOUR, 4): SECOND}


async def test_the_revision_of_a_cell_tells_when_it_changed(counts: Counts) -> None:
    await counts.add(batch(1, group({0: FIRST, 1: FIRST})))
    await counts.add(batch(2, group({1: SECOND})))
    [read] = await counts.read([KEY])
    revisions = {one.arm: held.revision for one, held in read.cells.items()}
    assert revisions == {0: 1, 1: 2}
    assert read.revision == 2


async def test_contexts_are_counted_once_each(counts: Counts) -> None:
    many = [f"somebody {i}" for i in range(4_000)]
    await counts.add(batch(1, group({0: FIRST}, many)))
    await counts.add(batch(2, group({1: FIRST}, many, hour=HOUR + 24)))
    found = await counts.unique_contexts(KEY)
    assert abs(found - 4_000) < 4_000 * 0.05
    day = HOUR // 24
    assert await counts.unique_contexts(KEY, range(day, day + 2)) == found
    assert await counts.unique_contexts(KEY, range(day + 1, day + 2)) == found
    assert await counts.unique_contexts(KEY, range(day + 2, day + 9)) == 0
    assert await counts.unique_contexts(KEY, range(0)) == 0


async def test_experiments_are_ahead_until_settled(counts: Counts) -> None:
    await counts.add(batch(1, group({0: FIRST}), group({0: FIRST}, experiment="e2")))
    assert set(await counts.ahead(0, 10)) == {KEY, ("t", "e2")}
    [read] = await counts.read([KEY])
    await counts.settle(read, [])
    assert await counts.ahead(0, 10) == [("t", "e2")]
    assert await cells(counts) == {(HOUR, 0): FIRST}
    await counts.add(batch(2, group({0: SECOND})))
    assert set(await counts.ahead(0, 10)) == {KEY, ("t", "e2")}


async def test_settling_what_went_on_meanwhile_loses_nothing(counts: Counts) -> None:
    await counts.add(batch(1, group({0: FIRST, 1: FIRST})))
    [read] = await counts.read([KEY])
    await counts.add(batch(2, group({0: SECOND})))
    await counts.settle(read, list(read.cells))
    assert await counts.ahead(0, 10) == [KEY]
    assert await cells(counts) == {(HOUR, 0): BOTH}


async def test_a_cell_begun_anew_is_another_cell(counts: Counts) -> None:
    await counts.add(batch(1, group({0: FIRST})))
    [read] = await counts.read([KEY])
    await counts.settle(read, list(read.cells))
    assert await cells(counts) == {}
    await counts.add(batch(2, group({0: SECOND})))
    [again] = await counts.read([KEY])
    [old], [new] = read.cells, again.cells
    assert isinstance(old, CellId)
    assert old[:2] == new[:2]
    assert old.source != new.source
    assert again.revision > read.revision


async def test_an_emptied_store_counts_as_another_source(
    client: RedisClient, layout: Layout, counts: Counts
) -> None:
    await counts.add(batch(1, group({0: FIRST})))
    [old] = (await counts.read([KEY]))[0].cells
    await client.execute("FLUSHALL")
    layout.incarnation = (await Layout.ensure(client)).incarnation
    assert await counts.add(batch(2, group({0: FIRST})))
    [new] = (await counts.read([KEY]))[0].cells
    assert old.source != new.source


async def test_an_experiment_that_is_gone_leaves_only_days(
    client: RedisClient, counts: Counts
) -> None:
    await counts.add(batch(1, group({0: FIRST}, ["a"])))
    await counts.forget(KEY)
    assert await counts.ahead(0, 10) == []
    assert await cells(counts) == {}
    assert await counts.unique_contexts(KEY) == 0
    kept = keys.contexts(1, 0, *KEY, str(HOUR // 24))
    assert await client.execute("TTL", kept) > 0


async def test_everything_but_contexts_ever_expires(
    client: RedisClient, counts: Counts
) -> None:
    await counts.add(batch(1, group({0: FIRST}, ["a"])))
    for name in (keys.counts(1, 0, *KEY), keys.counter_of(1, 0, "one")):
        assert await client.execute("TTL", name) > 0


async def test_another_layout_refuses(client: RedisClient, counts: Counts) -> None:
    await client.execute("HSET", keys.meta(1, 0), "layout", "2.4")
    with pytest.raises(LayoutMismatch):
        await counts.add(batch(1, group({0: FIRST})))


async def test_unreadable_counts_are_said_to_be(
    client: RedisClient, counts: Counts
) -> None:
    await counts.add(batch(1, group({0: FIRST})))
    await client.execute("HSET", keys.counts(1, 0, *KEY), f"{HOUR}:0", b"\xc1")
    with pytest.raises(CorruptState):
        await counts.read([KEY])
