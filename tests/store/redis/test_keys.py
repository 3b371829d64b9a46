"""Keys: one hash tag a shard, and shards that never move."""

from __future__ import annotations

import re

from tests.store.redis.samples import events

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys


def test_every_key_of_a_shard_has_its_hash_tag() -> None:
    layout = Layout(3, 8)
    shard = layout.shard_of("e1")
    names = [
        layout.meta(shard),
        layout.log(shard),
        layout.dead(shard),
        layout.lease(shard),
        layout.policies(shard),
        layout.learned(shard),
        layout.learned_at(shard),
        layout.definition("t", "e1"),
        layout.params("t", "e1"),
        layout.channel(shard, keys.PARAMS),
        layout.awaited(shard),
        keys.marks(3, shard, 7, 0),
        keys.lapsed(3, shard, 7, 0),
    ]
    assert len(set(names)) == len(names)
    assert {re.match(r"qbrix:\{(s3\.\d)\}:", name)[1] for name in names} == {
        f"s3.{shard}"
    }


def test_the_shard_of_an_experiment_is_fixed_for_good() -> None:
    # blake2b-64 of the id, big-endian: computed once with coreutils' b2sum -l 64
    assert keys.shard_of("e1", 2**64) == 0x1B5D5E51F54F0F04
    assert keys.shard_of("quickstart", 2**64) == 0x58858B2419BDC882
    assert {keys.shard_of("e1", 1), keys.shard_of("another", 1)} == {0}
    assert {keys.shard_of(f"e{i}", 4) for i in range(64)} == {0, 1, 2, 3}


async def test_nothing_is_written_outside_the_tags(
    client: RedisClient, layout: Layout
) -> None:
    await RedisStreamPublisher(client, layout).append(events(1))
    names = [name.decode() for name in await client.execute("KEYS", "*")]
    assert names
    assert all(re.match(r"qbrix:\{s\d+\.\d+\}:", name) for name in names)
