"""Appending: every token once, packed entries, counted events, bounded marks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.store.redis.samples import event
from tests.store.redis.samples import events

from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.event import decode
from qbrixstore.redis.event import encode
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.publisher import SLACK_SEC
from qbrixstore.redis.publisher import Spent


async def logged(client: RedisClient, layout: Layout) -> list[list[bytes]]:
    """The events of each entry."""
    rows = await client.execute("XRANGE", layout.log(0), "-", "+")
    for _, fields in rows:
        assert fields[0::2] == [b"%d" % offset for offset in range(len(fields) // 2)]
    return [fields[1::2] for _, fields in rows]


async def test_each_token_is_appended_once(client: RedisClient, layout: Layout) -> None:
    publisher = RedisStreamPublisher(client, layout)
    first = await publisher.append(events(1, 2, 2, 3))
    again = await publisher.append(events(3, 4, 1))
    assert first == [True, True, False, True]
    assert again == [False, True, False]
    assert await logged(client, layout) == [
        [encode(event(1)), encode(event(2)), encode(event(3))],
        [encode(event(4))],
    ]
    counters = await ShardGauges(client, layout).counters()
    assert counters["events"] == 4


async def test_a_repeat_alone_leaves_no_entry(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout)
    await publisher.append(events(1))
    assert await publisher.append(events(1)) == [False]
    assert len(await logged(client, layout)) == 1


async def test_concurrent_publishers_append_a_token_once(
    client: RedisClient, layout: Layout
) -> None:
    publishers = [RedisStreamPublisher(client, layout) for _ in range(8)]
    answers = await asyncio.gather(
        *(publisher.append(events(*range(100))) for publisher in publishers)
    )
    assert sum(map(sum, answers)) == 100
    assert sum(map(len, await logged(client, layout))) == 100


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    calls=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3 * 65_536)), max_size=90),
        max_size=4,
    )
)
def test_any_calls_append_the_set_of_their_tokens(
    calls: list[list[tuple[int, int]]], redis_server: object
) -> None:
    async def run() -> None:
        async with RedisClient(redis_server) as client:  # type: ignore[arg-type]
            await client.execute("FLUSHALL")
            layout = await Layout.ensure(client)
            publisher = RedisStreamPublisher(client, layout)
            seen: set[tuple[int, int]] = set()
            for call in calls:
                answers = await publisher.append(
                    [event(sequence, issuer=issuer) for issuer, sequence in call]
                )
                for token, fresh in zip(call, answers, strict=True):
                    assert fresh == (token not in seen)
                    seen.add(token)
            found = [
                (one.issuer, one.sequence)
                for entry in await logged(client, layout)
                for one in map(decode, entry)
            ]
            assert len(found) == len(seen)
            assert set(found) == seen

    asyncio.run(run())


async def test_entries_hold_at_most_64_events(
    client: RedisClient, layout: Layout
) -> None:
    await RedisStreamPublisher(client, layout).append(events(*range(1_200)))
    sizes = [len(entry) for entry in await logged(client, layout)]
    assert sum(sizes) == 1_200
    assert max(sizes) == 64


async def test_events_keep_their_order(client: RedisClient, layout: Layout) -> None:
    order = [*range(500, 0, -1), *range(600, 900)]
    await RedisStreamPublisher(client, layout).append(events(*order))
    found = [decode(data) for entry in await logged(client, layout) for data in entry]
    assert [one.sequence for one in found] == order


async def test_marks_outlive_the_token_and_never_shrink(
    client: RedisClient, layout: Layout
) -> None:
    long = RedisStreamPublisher(client, layout, token_ttl_sec=1_000)
    short = RedisStreamPublisher(client, layout, token_ttl_sec=10)
    key = keys.marks(layout.number, 0, 7, 0)
    await long.append(events(1))
    before = await client.execute("PTTL", key)
    assert (1_000 + SLACK_SEC - 60) * 1_000 < before <= (1_000 + SLACK_SEC) * 1_000
    await short.append(events(2))
    assert await client.execute("PTTL", key) > (1_000 + SLACK_SEC - 60) * 1_000


async def test_each_mark_renews_the_expiry_of_its_chunk(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout, token_ttl_sec=1_000)
    key = keys.marks(layout.number, 0, 7, 0)
    await publisher.append(events(1))
    await client.execute("PEXPIRE", key, 5_000)
    await publisher.append(events(1))
    assert await client.execute("PTTL", key) <= 5_000, "a repeat marks nothing"
    await publisher.append(events(2))
    assert await client.execute("PTTL", key) > 1_000_000


async def test_an_expired_mark_frees_its_chunk(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout)
    await publisher.append(events(1, keys.MARKS_PER_CHUNK + 1))
    await client.execute("PEXPIRE", keys.marks(layout.number, 0, 7, 0), 1)
    await asyncio.sleep(0.05)
    answers = await publisher.append(events(1, keys.MARKS_PER_CHUNK + 1))
    assert answers == [True, False]


async def test_marks_take_a_bit_a_token(client: RedisClient, layout: Layout) -> None:
    publisher = RedisStreamPublisher(client, layout)
    count = 2 * keys.MARKS_PER_CHUNK
    for start in range(0, count, 8_192):
        await publisher.append(events(*range(start, start + 8_192)))
    sizes = await client.pipeline(
        [
            ("MEMORY", "USAGE", keys.marks(layout.number, 0, 7, chunk))
            for chunk in (0, 1)
        ]
    )
    assert sum(sizes) / count * 1_000_000 <= 1_000_000
    assert await publisher.append(events(count - 1, count)) == [False, True]


async def test_a_full_log_takes_nothing_and_marks_nothing(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout, limit=3)
    await publisher.append(events(1, 2, 3))
    with pytest.raises(Overloaded):
        await publisher.append(events(4))
    await client.execute("HSET", layout.meta(0), "handled", 3)
    assert await publisher.append(events(4)) == [True]


@pytest.mark.parametrize("other", [Layout(1, 2), Layout(2, 1)], ids=str)
async def test_another_layout_is_refused(
    client: RedisClient, layout: Layout, other: Layout
) -> None:
    with pytest.raises(Unavailable, match="layout"):
        await RedisStreamPublisher(client, other).append(events(1))
    assert await RedisStreamPublisher(client, layout).append(events(1)) == [True]


async def test_an_emptied_store_takes_nothing(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout)
    await publisher.append(events(1))
    await client.execute("FLUSHALL")
    with pytest.raises(Unavailable, match="layout none"):
        await publisher.append(events(2))
    assert await client.execute("DBSIZE") == 0


async def test_each_shard_gets_its_own_events(client: RedisClient) -> None:
    layout = await Layout.ensure(client, shards=4)
    assert (layout.number, layout.shards) == (1, 4)
    many: list[FeedbackEvent] = [
        event(sequence, experiment=f"e{sequence}") for sequence in range(50)
    ]
    publisher = RedisStreamPublisher(client, layout)
    assert all(await publisher.append(many))
    assert not any(await publisher.append(many))
    for shard in range(4):
        rows = await client.execute("XRANGE", layout.log(shard), "-", "+")
        found = [decode(data) for _, fields in rows for data in fields[1::2]]
        assert found == [
            one for one in many if layout.shard_of(one.experiment) == shard
        ]


async def test_the_layout_of_a_store_stays(client: RedisClient) -> None:
    with pytest.raises(Unavailable, match="no layout"):
        await Layout.read(client)
    first = await Layout.ensure(client, shards=2)
    assert await Layout.ensure(client, shards=8) == first
    assert await Layout.read(client) == first


async def test_forgotten_scripts_load_themselves(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout)
    await publisher.append(events(1))
    await client.execute("SCRIPT", "FLUSH")
    assert await publisher.append(events(1, 2)) == [False, True]


async def test_a_token_that_is_spent_is_marked_and_counted_but_not_logged(
    client: RedisClient, layout: Layout
) -> None:
    publisher = RedisStreamPublisher(client, layout)
    one, two, three = events(1, 2, 3)
    spent = [
        Spent(each.issuer, each.sequence, each.tenant, each.experiment, 0, 1.0)
        for each in (one, three)
    ]
    assert await publisher.append([spent[0], two, spent[1]]) == [True] * 3
    assert await publisher.append([one, three, *spent]) == [False] * 4
    assert await logged(client, layout) == [[encode(two)]]
    counted = await client.execute("HMGET", layout.meta(0), "events", "spent")
    assert counted == [b"1", b"2"]
