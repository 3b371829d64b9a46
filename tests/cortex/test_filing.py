"""The decision log as files: each event once, whatever is written again or dies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from tests.cortex.decided import chosen
from tests.cortex.decided import commit
from tests.cortex.decided import length
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import random_events

from cortexsvc.chronicle import Portion
from cortexsvc.filing import ParquetChronicle
from cortexsvc.recording import Recorder
from qbrixcore.errors import Unavailable
from qbrixstore.decisions import REWARDS
from qbrixstore.decisions import Decision
from qbrixstore.decisions import Rows
from qbrixstore.parquet.parts import days
from qbrixstore.parquet.reading import ParquetDecisions
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.refusals import Fenced

AT_ONCE = Portion()


class Dying(ParquetChronicle):
    """Records, and then is no more."""

    async def record(self, table: str, rows: Rows) -> None:
        await super().record(table, rows)
        raise Unavailable("killed")


def recorder(shard: Shard, root: Path, portion: Portion = AT_ONCE) -> Recorder:
    chronicle = ParquetChronicle(root, 30, portion)
    return Recorder(shard.client, shard.layout, 0, chronicle)


async def decisions(root: Path, complete: bool = False) -> Sequence[Decision]:
    return [one async for one in ParquetDecisions(root).decisions("e1", complete)]


def files(root: Path) -> list[Path]:
    return sorted((root / REWARDS).rglob("*.parquet"))


async def test_what_is_written_twice_is_read_once(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    await shard.append(*random_events(100))
    choices = Choices(shard.client, shard.layout, "w")
    await choices.append(1, [chosen(number) for number in range(100)])
    await commit(consumer)
    dying = Recorder(shard.client, shard.layout, 0, Dying(tmp_path, 30, AT_ONCE))
    for more in (100, 200):
        with pytest.raises(Unavailable):
            await dying.step(consumer)
        await shard.append(*random_events(100, start=more))
        await commit(consumer)
    assert len(files(tmp_path)) == 2
    while await recorder(shard, tmp_path).step(consumer):
        pass
    found = await decisions(tmp_path, complete=True)
    assert len(found) == 100
    assert {one.param_version for one in found} == {4}
    assert len(await decisions(tmp_path)) == 300
    # what another file contains was deleted
    assert len(files(tmp_path)) == 1


async def test_many_small_files_become_one(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    one = recorder(shard, tmp_path)
    most = 0
    for number in range(70):
        await shard.append(event(number, reward=number / 128))
        await commit(consumer)
        assert await one.step(consumer)
        most = max(most, len(files(tmp_path)))
    assert most <= 64
    assert len(files(tmp_path)) < 40
    found = await decisions(tmp_path)
    rewards = sorted(each.reward or 0.0 for each in found)
    assert rewards == [number / 128 for number in range(70)]


async def test_a_portion_is_waited_for(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    patient = recorder(shard, tmp_path, Portion(entries=3, seconds=3_600.0))
    for number in range(3):
        assert not await patient.step(consumer)
        await shard.append(event(number))
        await commit(consumer)
    assert await patient.step(consumer)
    assert len(await decisions(tmp_path)) == 3
    hasty = recorder(shard, tmp_path, Portion(entries=3, seconds=0.001))
    await shard.append(event(7))
    await commit(consumer)
    assert await hasty.step(consumer)
    assert len(await decisions(tmp_path)) == 4


async def test_who_lost_the_shard_writes_nothing_that_counts_twice(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    await shard.append(*random_events(10))
    await commit(consumer)
    successor = RedisStreamConsumer(shard.client, shard.layout, "c-0", trims=False)
    assert await successor.acquire()
    with pytest.raises(Fenced):
        await recorder(shard, tmp_path).step(consumer)
    assert await length(shard) > 0
    await shard.append(*random_events(10, start=10))
    await commit(successor)
    await recorder(shard, tmp_path).step(successor)
    # behind the times, the former owner writes what was trimmed since
    assert len(await decisions(tmp_path)) == 20


async def test_what_the_disk_does_not_take_waits_in_the_log(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    await shard.append(event(1))
    await commit(consumer)
    (tmp_path / REWARDS).write_text("in the way")
    with pytest.raises(Unavailable):
        await recorder(shard, tmp_path).step(consumer)
    assert await length(shard) > 0
    (tmp_path / REWARDS).unlink()
    await recorder(shard, tmp_path).step(consumer)
    assert len(await decisions(tmp_path)) == 1


async def test_days_that_are_over_and_what_was_left_half_are_deleted(
    shard: Shard, consumer: RedisStreamConsumer, tmp_path: Path
) -> None:
    old = tmp_path / REWARDS / "day=2020-01-01"
    old.mkdir(parents=True)
    (old / "1.1.0_5-0_6-0.parquet").write_bytes(b"")
    half = tmp_path / REWARDS / "day=2026-01-01" / ".7-x.parquet.partial"
    half.parent.mkdir()
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    await shard.append(event(1))
    await commit(consumer)
    forever = ParquetChronicle(tmp_path, 0, AT_ONCE)
    await Recorder(shard.client, shard.layout, 0, forever).step(consumer)
    assert not half.exists()
    assert date(2020, 1, 1) in days(tmp_path / REWARDS)
    await shard.append(event(2))
    await commit(consumer)
    await recorder(shard, tmp_path).step(consumer)
    assert date(2020, 1, 1) not in days(tmp_path / REWARDS)
    assert len(await decisions(tmp_path)) == 2


async def test_nothing_recorded_is_nothing_read(tmp_path: Path) -> None:
    assert await decisions(tmp_path / "nowhere") == []
