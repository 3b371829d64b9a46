"""Counting in a worker, and how the counts get to Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import pytest
from tests.proxy.samples import definition

from proxysvc.insight import flushing
from proxysvc.insight.counting import CountedPublisher
from proxysvc.insight.counting import Counting
from proxysvc.insight.flushing import Flusher
from qbrixcore.definition import Definition
from qbrixcore.errors import Unavailable
from qbrixstore.cells import Cell
from qbrixstore.cells import Key
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import RedisStreamPublisher


class Line:
    """The way to the counts, which a test may cut before or behind the store."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.down = False
        self.mute = False
        self.sent: list[Batch] = []

    async def add(self, batch: Batch) -> bool:
        if self.down:
            raise Unavailable("cut")
        added = await self._counts.add(batch)
        self.sent.append(batch)
        if self.mute:
            raise Unavailable("no answer")
        return added


@pytest.fixture
def line(counts: Counts) -> Line:
    return Line(counts)


def event(made: Definition, arm: int, reward: float, sequence: int) -> FeedbackEvent:
    return FeedbackEvent(
        issuer=7,
        sequence=sequence,
        tenant=made.tenant,
        experiment=made.experiment,
        generation=0,
        arm=arm,
        reward=reward,
        propensity=None,
        vector=None,
        issued_ms=0,
        received_ms=0,
    )


def key_of(made: Definition) -> Key:
    return made.tenant, made.experiment


async def total(counts: Counts, made: Definition) -> dict[int, Cell]:
    """What Redis has counted, by arm."""
    [live] = await counts.read([key_of(made)])
    by_arm: dict[int, Cell] = {}
    for cell_id, held in live.cells.items():
        by_arm.setdefault(cell_id.arm, Cell()).add(held.cell)
    return by_arm


async def test_everything_counted_arrives(counts: Counts, line: Line) -> None:
    counting, made = Counting(), definition()
    flusher = Flusher(counting, line)
    for arm, is_default, who in ((0, False, "x"), (1, True, "y"), (0, False, "x")):
        counting.selected(made, arm, is_default, who)
    counting.selected(made, 0, False, "")
    counting.rewarded(event(made, 0, 0.25, 0))
    counting.rewarded(event(made, 0, 0.75, 1))
    await flusher.flush()
    found = await total(counts, made)
    one, other = found[0], found[1]
    assert (one.selections, one.defaults) == (3, 0)
    assert (one.feedback, one.reward_sum) == (2, 1.0)
    assert (one.reward_min, one.reward_max) == (0.25, 0.75)
    assert 0 < one.first_ms <= one.last_ms
    assert (other.selections, other.defaults, other.feedback) == (1, 1, 0)
    # nobody in particular is nobody
    assert await counts.unique_contexts(key_of(made)) == 2


async def test_many_count_as_each_alone() -> None:
    made, long = definition(), "x" * 100
    ids, arms = ["a", "b", "a", "", long, long, "c", ""], [0, 0, 0, 0, 0, 1, 1, 2]
    together, alone = Counting(), Counting()
    together.decided(made, arms, ids)
    for arm, context_id in zip(arms, ids, strict=True):
        alone.selected(made, arm, False, context_id)
    some, others = together.take(), alone.take()
    assert [place[2] for place in some] == [place[2] for place in others] == [0, 1, 2]
    for place, tally in some.items():
        other = others[place]
        assert (tally.policy, tally.contexts) == (other.policy, other.contexts)
        assert tally.selections == other.selections
        assert 0 < tally.first <= tally.last
        assert (tally.defaults, tally.feedback) == (0, 0)
    assert [tally.selections for tally in some.values()] == [5, 2, 1]


async def test_nothing_counted_sends_nothing(line: Line) -> None:
    await Flusher(Counting(), line).flush()
    assert line.sent == []


async def test_a_lost_answer_counts_once(counts: Counts, line: Line) -> None:
    counting, made = Counting(), definition()
    flusher = Flusher(counting, line)
    for round_ in range(3):
        counting.selected(made, 0, False, f"somebody {round_}")
        line.mute = True
        for _ in range(2):
            with pytest.raises(Unavailable):
                await flusher.flush()
        counting.selected(made, 1, False, "somebody else")
        line.mute = False
        await flusher.flush()
    found = await total(counts, made)
    assert {arm: cell.selections for arm, cell in found.items()} == {0: 3, 1: 3}


async def test_counts_wait_while_redis_is_away(counts: Counts, line: Line) -> None:
    counting, made = Counting(), definition()
    flusher = Flusher(counting, line)
    line.down = True
    for _ in range(5):
        counting.selected(made, 0, False, "somebody")
        with pytest.raises(Unavailable):
            await flusher.flush()
    line.down = False
    await flusher.flush()
    assert (await total(counts, made))[0].selections == 5
    assert flusher.dropped == 0


async def test_what_finds_no_room_is_dropped_and_told(
    counts: Counts, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "MOST_CELLS", 10)
    monkeypatch.setattr(flushing, "MOST_CONTEXTS", 5)
    counting, made = Counting(), definition()
    flusher = Flusher(counting, line)
    line.down = True
    for arm in range(12):
        counting.selected(made, arm, False, f"somebody {arm}")
    counting.rewarded(event(made, 11, 1.0, 0))
    with pytest.raises(Unavailable):
        await flusher.flush()
    assert flusher.dropped == 3
    # what has room goes on adding up
    counting.selected(made, 0, False, "somebody 0")
    with pytest.raises(Unavailable):
        await flusher.flush()
    line.down = False
    await flusher.flush()
    found = await total(counts, made)
    assert {arm: cell.selections for arm, cell in found.items()} == {
        arm: 2 if arm == 0 else 1 for arm in range(10)
    }
    assert await counts.unique_contexts(key_of(made)) == 5
    # and there is room again
    counting.selected(made, 11, False, "somebody 11")
    await flusher.flush()
    assert (await total(counts, made))[11].selections == 1


async def test_large_counts_go_in_parts(
    counts: Counts, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "CELLS_A_BATCH", 7)
    monkeypatch.setattr(flushing, "CONTEXTS_A_BATCH", 11)
    counting, flusher = Counting(), None
    flusher = Flusher(counting, line)
    many = [definition() for _ in range(5)]
    for made in many:
        for arm in range(9):
            for who in range(4):
                counting.selected(made, arm, False, f"{arm} {who}")
    await flusher.flush()
    for batch in line.sent:
        assert sum(len(group.arms) for group in batch.groups) <= 7
        assert sum(len(group.contexts) for group in batch.groups) <= 11
    assert [batch.number for batch in line.sent] == list(range(1, len(line.sent) + 1))
    for made in many:
        found = await total(counts, made)
        assert {cell.selections for cell in found.values()} == {4}
        assert len(found) == 9
        assert await counts.unique_contexts(key_of(made)) == 36


async def test_a_batch_is_counted_in_every_shard(redis: RedisClient) -> None:
    layout = Layout(2, 4)
    for shard in range(4):
        await redis.execute("HSET", layout.meta(shard), "layout", layout.mark)
    counts = Counts(redis, layout)
    line, counting = Line(counts), Counting()
    many = [definition() for _ in range(32)]
    for made in many:
        counting.selected(made, 0, False, "somebody")
    await Flusher(counting, line).flush()
    assert {layout.shard_of(made.experiment) for made in many} == {0, 1, 2, 3}
    [batch] = line.sent
    assert not await counts.add(batch), "every shard knows its number"
    for made in many:
        assert (await total(counts, made))[0].selections == 1


async def test_counts_belong_to_the_hour_they_were_made_in(
    counts: Counts, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, made = Counting(), definition()
    now = 495_000
    monkeypatch.setattr(flushing, "_hour", lambda: now)
    flusher = Flusher(counting, line)
    counting.selected(made, 0, False, "somebody")
    now += 1
    await flusher.flush()
    counting.selected(made, 0, False, "somebody")
    await flusher.flush()
    [live] = await counts.read([key_of(made)])
    hours = Counter(cell_id.hour for cell_id in live.cells)
    assert hours == {495_000: 1, 495_001: 1}


async def test_a_long_id_is_the_same_context_everywhere(
    counts: Counts, line: Line
) -> None:
    made, long = definition(), "ü" * 60_000
    for _ in range(2):
        counting = Counting()
        counting.selected(made, 0, False, long)
        counting.selected(made, 0, False, long + "!")
        tallies = counting.take().values()
        assert all(len(one) <= 64 for tally in tallies for one in tally.contexts)
        counting.selected(made, 0, False, long)
        counting.selected(made, 0, False, long + "!")
        await Flusher(counting, line).flush()
    assert await counts.unique_contexts(key_of(made)) == 2


async def test_repeated_feedback_is_counted_once(
    redis: RedisClient, counts: Counts, line: Line
) -> None:
    counting, made = Counting(), definition()
    publisher = RedisStreamPublisher(redis, await Layout.ensure(redis))
    counted = CountedPublisher(publisher, counting)
    sent: Sequence[FeedbackEvent] = [event(made, 0, 1.0, n) for n in range(3)]
    assert await counted.append(sent) == [True] * 3
    assert await counted.append([*sent, event(made, 1, 1.0, 3)]) == [False] * 3 + [True]
    await Flusher(counting, line).flush()
    found = await total(counts, made)
    assert {arm: cell.feedback for arm, cell in found.items()} == {0: 3, 1: 1}


async def test_a_worker_that_stops_delivers_the_rest(
    counts: Counts, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "FLUSH_SEC", 3_600.0)
    counting, made = Counting(), definition()
    async with Flusher(counting, line).running():
        await asyncio.sleep(0)
        counting.selected(made, 0, False, uuid4().hex)
    assert (await total(counts, made))[0].selections == 1
