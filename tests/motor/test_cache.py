"""The cache that serves what it has and refreshes behind its back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Callable
from typing import Any

import pytest

from motorsvc.cache import Key
from motorsvc.cache import SoftCache
from qbrixcore.errors import Unavailable

KEY = ("t1", "e1")


class Source:
    """A store that can be slow, away or empty."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.error: Exception | None = None
        self.reads = 0
        self.go = asyncio.Event()
        self.go.set()
        self.entered = asyncio.Event()

    async def load(self, key: Key, held: str | None) -> str | None:
        self.reads += 1
        value = self.value
        self.entered.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return value


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def cache(source: Source) -> AsyncIterator[SoftCache[str]]:
    cache = SoftCache(source.load, ttl=3_600, maxsize=4)
    yield cache
    await cache.close()


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(come_true: Callable[[], bool]) -> None:
    """Return when it has come true. Raises TimeoutError."""
    async with asyncio.timeout(10):
        while not come_true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_value_is_read_once(cache: SoftCache[str], source: Source) -> None:
    assert cache.peek(KEY) is None
    assert await cache.get(KEY) == "first"
    assert await cache.get(KEY) == "first"
    assert cache.peek(KEY) == "first"
    assert source.reads == 1


async def test_those_who_wait_share_one_read(
    cache: SoftCache[str], source: Source
) -> None:
    source.go.clear()
    waiting = [asyncio.create_task(cache.get(KEY)) for _ in range(50)]
    await settle()
    source.go.set()
    assert await asyncio.gather(*waiting) == ["first"] * 50
    assert source.reads == 1


async def test_who_gives_up_does_not_stop_the_read(
    cache: SoftCache[str], source: Source
) -> None:
    source.go.clear()
    impatient = asyncio.create_task(cache.get(KEY))
    patient = asyncio.create_task(cache.get(KEY))
    await source.entered.wait()
    impatient.cancel()
    await settle()
    source.go.set()
    assert await patient == "first"
    assert impatient.cancelled()


async def test_a_change_is_read_in_the_background(
    cache: SoftCache[str], source: Source
) -> None:
    await cache.get(KEY)
    source.value = "second"
    source.go.clear()
    cache.change(KEY)
    await settle()
    assert cache.peek(KEY) == "first"
    source.go.set()
    await settle()
    assert cache.peek(KEY) == "second"


async def test_a_change_during_a_read_is_not_missed(
    cache: SoftCache[str], source: Source
) -> None:
    source.go.clear()
    waiting = asyncio.create_task(cache.get(KEY))
    await source.entered.wait()
    source.value = "second"
    cache.change(KEY)
    source.go.set()
    assert await waiting == "second"
    assert source.reads == 2


async def test_a_refresh_sees_what_was_written_before_it(
    cache: SoftCache[str], source: Source
) -> None:
    source.go.clear()
    early = asyncio.create_task(cache.get(KEY))
    await source.entered.wait()
    source.value = "second"
    late = asyncio.create_task(cache.refresh(KEY))
    await settle()
    source.go.set()
    assert await late == "second"
    assert await early == "second"


async def test_no_key_means_all_warm_keys(
    cache: SoftCache[str], source: Source
) -> None:
    others = [("t1", f"other-{n}") for n in range(3)]
    for key in others:
        await cache.get(key)
    source.value = "second"
    cache.change(None)
    await settle()
    assert [cache.peek(key) for key in others] == ["second"] * 3
    assert cache.peek(KEY) is None


async def test_a_change_of_an_unknown_key_reads_nothing(
    cache: SoftCache[str], source: Source
) -> None:
    cache.change(KEY)
    await settle()
    assert source.reads == 0


async def test_what_is_due_is_served_while_it_is_read_again(source: Source) -> None:
    cache = SoftCache(source.load, ttl=0.0, maxsize=4)
    await cache.get(KEY)
    source.value = "second"
    assert cache.peek(KEY) == "first"
    await settle()
    assert cache.peek(KEY) == "second"
    await cache.close()


async def test_a_warm_value_outlives_its_store(source: Source) -> None:
    cache = SoftCache(source.load, ttl=0.0, maxsize=4)
    await cache.get(KEY)
    source.error = Unavailable()
    for _ in range(3):
        assert await cache.get(KEY) == "first"
        await settle()
    # an attempt that failed is not repeated for every select
    assert source.reads == 2
    with pytest.raises(Unavailable):
        await cache.get(("t1", "cold"))
    await cache.close()


async def test_an_absence_is_believed_for_a_while(
    cache: SoftCache[str], source: Source
) -> None:
    source.value = None
    assert await cache.get(KEY) is None
    source.value = "first"
    assert await cache.get(KEY) is None
    assert source.reads == 1
    cache.change(KEY)
    assert await cache.get(KEY) == "first"


async def test_what_is_gone_is_dropped(cache: SoftCache[str], source: Source) -> None:
    await cache.get(KEY)
    source.value = None
    assert await cache.refresh(KEY) is None
    assert cache.peek(KEY) is None


async def test_no_more_is_kept_than_allowed(
    cache: SoftCache[str], source: Source
) -> None:
    keys = [("t1", f"e{n}") for n in range(9)]
    for key in keys:
        await cache.get(key)
    assert sum(cache.peek(key) is not None for key in keys) == 4


async def test_an_unexpected_error_is_logged_and_keeps_the_value(
    cache: SoftCache[str], source: Source, caplog: Any
) -> None:
    await cache.get(KEY)
    source.error = KeyError("a bug")
    cache.change(KEY)
    await settle()
    assert cache.peek(KEY) == "first"
    assert "a bug" in caplog.text


async def test_a_change_is_read_once_within_the_jitter(source: Source) -> None:
    cache = SoftCache(source.load, ttl=3_600, maxsize=4, jitter=0.02)
    await cache.get(KEY)
    for value in ("second", "third"):
        source.value = value
        cache.change(KEY)
    await settle()
    assert cache.peek(KEY) == "first"
    await until(lambda: cache.peek(KEY) == "third")
    assert source.reads == 2
    await cache.close()


async def test_reading_all_again_is_spread_by_their_number(source: Source) -> None:
    cache = SoftCache(source.load, ttl=3_600, maxsize=400, jitter=0.001)
    keys = [("t1", f"e{number}") for number in range(400)]
    for key in keys:
        await cache.get(key)
    source.value = "second"
    start = asyncio.get_running_loop().time()
    cache.change(None)
    await until(lambda: all(cache.peek(key) == "second" for key in keys))
    # all of 400 would come in the first half of 0.4 s with a chance of 1 in 2 ** 400
    assert asyncio.get_running_loop().time() - start > 0.2
    assert source.reads == 800
    await cache.close()
