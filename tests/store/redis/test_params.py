"""Params: bytes kept as they are, versions that never fall."""

from __future__ import annotations

import numpy as np
import pytest
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import stored

from qbrixcore.errors import CorruptState
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis.refusals import OlderVersion


@pytest.fixture
def params(client: RedisClient, layout: Layout) -> RedisParamBackend:
    return RedisParamBackend(client, layout)


async def test_what_goes_in_comes_out(params: RedisParamBackend) -> None:
    original = stored(3, version=4, generation=2, learned_through="17-3")
    await params.put(TENANT, "e1", original)
    found = await params.get(TENANT, "e1")
    assert found is not None
    assert found.header.learned_through == "17-3"
    assert await params.version(TENANT, "e1") == (2, 4)
    for name, array in original.state.arrays().items():
        np.testing.assert_array_equal(found.state.arrays()[name], array)


async def test_there_is_never_a_prior_in_the_place_of_nothing(
    params: RedisParamBackend,
) -> None:
    assert await params.get(TENANT, "e1") is None
    assert await params.version(TENANT, "e1") is None


async def test_tenants_do_not_see_each_other(params: RedisParamBackend) -> None:
    await params.put(TENANT, "e1", stored())
    assert await params.get("t2", "e1") is None


async def test_many_are_read_in_the_order_asked(params: RedisParamBackend) -> None:
    await params.put(TENANT, "e1", stored(version=1))
    await params.put(TENANT, "e2", stored(version=2))
    pairs = [(TENANT, "e2"), (TENANT, "none"), (TENANT, "e1")]
    assert await params.versions(pairs) == [(0, 2), None, (0, 1)]
    second, none, first = await params.get_many(pairs)
    assert none is None
    assert second is not None and first is not None and second != first
    assert await params.versions([]) == []


async def test_an_older_version_is_refused(params: RedisParamBackend) -> None:
    await params.put(TENANT, "e1", stored(version=10))
    with pytest.raises(OlderVersion):
        await params.put(TENANT, "e1", stored(version=9))
    assert await params.version(TENANT, "e1") == (0, 10)


async def test_damaged_params_are_a_typed_error(
    client: RedisClient, layout: Layout, params: RedisParamBackend
) -> None:
    await params.put(TENANT, "e1", stored())
    await client.execute("HSET", layout.params(TENANT, "e1"), "s", b"garbage")
    with pytest.raises(CorruptState):
        await params.get(TENANT, "e1")
