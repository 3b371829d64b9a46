"""Definitions and first params: in whatever order they come, the newest wins."""

from __future__ import annotations

import itertools

import pytest
from tests.store.redis.samples import POLICY
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import stored

from qbrixcore.errors import CorruptState
from qbrixcore.errors import Unavailable
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend


@pytest.fixture
def definitions(client: RedisClient, layout: Layout) -> Definitions:
    return Definitions(client, layout)


@pytest.fixture
def params(client: RedisClient, layout: Layout) -> RedisParamBackend:
    return RedisParamBackend(client, layout)


async def test_what_goes_in_comes_out(
    definitions: Definitions, params: RedisParamBackend
) -> None:
    original = definition(3, hyper={"alpha_prior": 2.0}, gate={"enabled": True})
    assert await definitions.publish(original, stored())
    assert await definitions.get(TENANT, "e1") == original
    assert await definitions.policies() == {POLICY}
    assert await params.version(TENANT, "e1") == (0, 0)
    assert await definitions.get("t2", "e1") is None
    assert not await definitions.is_removed(TENANT, "e1")


async def test_an_older_or_equal_version_changes_nothing(
    definitions: Definitions,
) -> None:
    await definitions.publish(definition(2), stored())
    assert not await definitions.publish(definition(1, enabled=False), stored())
    assert not await definitions.publish(definition(2, enabled=False), stored())
    assert await definitions.get(TENANT, "e1") == definition(2)
    # compared as numbers: "10" comes behind "9"
    assert await definitions.publish(definition(10), stored())
    assert not await definitions.publish(definition(9), stored())


async def test_learned_params_stay(
    definitions: Definitions, params: RedisParamBackend
) -> None:
    await definitions.publish(definition(1), stored())
    await params.put(TENANT, "e1", stored(version=5))
    await definitions.publish(definition(2), stored())
    assert await params.version(TENANT, "e1") == (0, 5)


async def test_a_removed_experiment_is_gone_and_stays_gone(
    client: RedisClient,
    layout: Layout,
    definitions: Definitions,
    params: RedisParamBackend,
) -> None:
    await definitions.publish(definition(1), stored())
    assert await definitions.remove(TENANT, "e1", 2)
    assert not await definitions.remove(TENANT, "e1", 2)
    assert await definitions.is_removed(TENANT, "e1")
    assert await definitions.get(TENANT, "e1") is None
    assert await params.get(TENANT, "e1") is None
    for late in (1, 2):
        assert not await definitions.publish(definition(late), stored())
    assert await params.get(TENANT, "e1") is None
    key = layout.definition(TENANT, "e1")
    assert await client.execute("PTTL", key) > 7 * 86_400_000


async def test_a_removal_from_before_a_newer_version_changes_nothing(
    definitions: Definitions, params: RedisParamBackend
) -> None:
    await definitions.publish(definition(5), stored())
    assert not await definitions.remove(TENANT, "e1", 4)
    assert await definitions.get(TENANT, "e1") == definition(5)
    assert await params.version(TENANT, "e1") == (0, 0)


async def test_a_definition_newer_than_the_tombstone_has_no_expiry(
    client: RedisClient, layout: Layout, definitions: Definitions
) -> None:
    await definitions.remove(TENANT, "e1", 2)
    assert await definitions.publish(definition(3), stored())
    assert await client.execute("PTTL", layout.definition(TENANT, "e1")) == -1


@pytest.mark.parametrize("steps", list(itertools.permutations((1, 2, 3, -4))), ids=str)
async def test_any_order_ends_with_the_newest(
    definitions: Definitions, params: RedisParamBackend, steps: tuple[int, ...]
) -> None:
    for step in steps:
        if step > 0:
            await definitions.publish(definition(step), stored())
        else:
            await definitions.remove(TENANT, "e1", -step)
    assert await definitions.get(TENANT, "e1") is None
    assert await params.get(TENANT, "e1") is None


async def test_many_are_read_at_once(
    client: RedisClient, layout: Layout, definitions: Definitions
) -> None:
    await definitions.publish(definition(1), stored())
    await definitions.publish(definition(1, "broken"), stored())
    await client.execute("HSET", layout.definition(TENANT, "broken"), "d", b"\xc1")
    pairs = [(TENANT, "none"), (TENANT, "e1"), (TENANT, "broken")]
    none, found, broken = await definitions.get_many(pairs)
    assert (none, found) == (None, definition(1))
    assert isinstance(broken, CorruptState)
    with pytest.raises(CorruptState):
        await definitions.get(TENANT, "broken")


async def test_another_layout_takes_no_definition(
    client: RedisClient, layout: Layout
) -> None:
    elsewhere = Definitions(client, Layout(1, 2))
    with pytest.raises(Unavailable, match="layout"):
        await elsewhere.publish(definition(), stored())
    with pytest.raises(Unavailable, match="layout"):
        await elsewhere.remove(TENANT, "e1", 1)
