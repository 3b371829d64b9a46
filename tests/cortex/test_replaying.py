"""What was recorded leads to the very bits that were learned live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import Shelf
from tests.cortex.samples import event
from tests.cortex.samples import experiment

from cortexsvc.chronicle import Chronicle
from cortexsvc.chronicle import Portion
from cortexsvc.chronicle import PostgresChronicle
from cortexsvc.filing import ParquetChronicle
from cortexsvc.gathering import Pace
from cortexsvc.recording import Recorder
from cortexsvc.replaying import Untold
from cortexsvc.replaying import replay
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.definition import make_definition
from qbrixcore.errors import CorruptState
from qbrixcore.param import build
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixstore.decisions import DecisionReader
from qbrixstore.parquet.reading import ParquetDecisions
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.letters import DeadLetters

POLICIES: dict[str, dict[str, Any]] = {
    "BetaTSPolicy": {},
    "LinUCBPolicy": {"dim": 3},
    "EXP3Policy": {},
    "MetaBanditPolicy": {"dim": 3},
}
SMALL = Pace(events=7, fill_sec=0.0, idle_sec=0.01)


@pytest.fixture(params=["postgres", "parquet"])
async def told(
    request: pytest.FixtureRequest,
    shard: Shard,
    postgres_server: PostgresSettings,
    tmp_path: Path,
) -> AsyncIterator[Told]:
    if request.param == "parquet":
        chronicle = ParquetChronicle(tmp_path, 0, Portion())
        yield Told(shard, chronicle, ParquetDecisions(tmp_path))
        return
    engine = init_db(postgres_server)
    yield Told(shard, PostgresChronicle(engine, 0), engine)
    await engine.dispose()


class Told:
    """An experiment that is learned live, and recorded."""

    def __init__(
        self, shard: Shard, chronicle: Chronicle, read: AsyncEngine | DecisionReader
    ) -> None:
        self.shard = shard
        self.shelf = Shelf()
        self.name = ""
        self._chronicle = chronicle
        self._read = read
        self._sent = 0

    async def define(self, policy: str, name: str, **changes: Any) -> Definition:
        """As it is defined from here on."""
        self.name = name
        one = experiment(name, policy, POLICIES[policy])
        definition = make_definition(TENANT, one, changes.pop("version", 1))
        definition = msgspec.structs.replace(definition, **changes)
        await self.shard.definitions.publish(definition, codec.first(definition))
        return definition

    async def reward(self, count: int, generation: int = 0, arms: int = 3) -> None:
        rng = np.random.default_rng(self._sent)
        events = [self._event(rng, generation, arms) for _ in range(count)]
        await self.shard.append(*events)

    def _event(
        self, rng: np.random.Generator, generation: int, arms: int
    ) -> FeedbackEvent:
        self._sent += 1
        return event(
            self._sent,
            experiment=self.name,
            arm=int(rng.integers(arms)),
            reward=float(rng.integers(0, 2)),
            propensity=float(rng.uniform(0.1, 1.0)),
            vector=rng.normal(size=3).astype("<f4").tobytes(),
            generation=generation,
        )

    async def live(self) -> Stored:
        """What was learned of all of it; everything is recorded."""
        trainer, stop = self.shard.trainer(pace=SMALL, shelf=self.shelf, trims=False)
        await self.shard.drain(trainer, stop)
        consumer = RedisStreamConsumer(
            self.shard.client, self.shard.layout, "c-0", trims=False
        )
        assert await consumer.acquire()
        recorder = Recorder(self.shard.client, self.shard.layout, 0, self._chronicle)
        while await recorder.step(consumer):
            pass
        await consumer.release()
        return await self.shard.state(self.name)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[DecisionReader]:
        if isinstance(self._read, AsyncEngine):
            async with system_session(self._read) as session:
                yield DecisionLog(session)
        else:
            yield self._read

    async def again(self, live: Stored, restored: Stored | None = None) -> Stored:
        async with self.reader() as reader:
            return await replay(reader, self.name, live.header, restored)


def bits(stored: Stored) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in stored.state.arrays().items()}


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_log_leads_to_the_same_bits_whatever_changes_meanwhile(
    told: Told, policy: str
) -> None:
    first = await told.define(policy, f"all-{policy}")
    await told.reward(40)
    assert bits(await told.again(await told.live())) == bits(await told.live())
    arms = (*first.arms, DefinitionArm("new", "new"))
    hyper = {**first.hyper, "gamma": 0.2} if "gamma" in first.hyper else first.hyper
    await told.define(policy, told.name, version=2, arms=arms, hyper=hyper)
    await told.reward(30, arms=4)
    grown = await told.live()
    assert (grown.header.updates, grown.state.num_arms) == (70, 4)
    again = await told.again(grown)
    assert (again.header.updates, bits(again)) == (70, bits(grown))

    begun = await told.define(policy, told.name, version=3, generation=1, arms=arms)
    await told.reward(20, generation=0, arms=4)  # of before: not learned
    await told.reward(25, generation=1, arms=4)
    reset = await told.live()
    assert reset.header.updates == 25
    assert bits(await told.again(reset)) == bits(reset)

    back = grown.header.version
    told.shelf.kept.setdefault((TENANT, told.name, back), codec.encode(grown))
    changes = {"version": 4, "generation": 2, "restored": back}
    await told.define(policy, told.name, arms=begun.arms, **changes)
    await told.reward(15, generation=2, arms=4)
    rolled = await told.live()
    assert (rolled.header.generation, rolled.header.updates) == (2, 85)
    again = await told.again(rolled, grown)
    assert (again.header.updates, bits(again)) == (85, bits(rolled))
    # and what was before is still as it was
    assert bits(await told.again(reset)) == bits(reset)
    assert rolled.header.builds == (build.fingerprint(),)


async def test_a_reward_that_is_left_out_shows(told: Told) -> None:
    await told.define("BetaTSPolicy", "short")
    await told.reward(10)
    live = await told.live()
    fewer = msgspec.structs.replace(live.header, learned_through="5-0")
    again = await told.again(Stored(fewer, live.state))
    assert again.header.updates == 0
    assert bits(again) != bits(live)


async def test_dead_letters_count_where_they_were_learned(told: Told) -> None:
    definition = await told.define("BetaTSPolicy", "dead")
    await told.reward(5)
    await told.reward(5, arms=9)
    before = await told.live()
    letters = DeadLetters(told.shard.client, told.shard.layout)
    found = [one async for one in letters.all()]
    assert found and before.header.updates == 10 - len(found)
    arms = tuple(DefinitionArm(f"a{n}", f"a{n}") for n in range(9))
    await told.define("BetaTSPolicy", "dead", version=2, arms=arms)
    assert definition.version == 1
    assert await letters.requeue(found) == len(found)
    live = await told.live()
    again = await told.again(live)
    assert (again.header.updates, bits(again)) == (10, bits(live))


async def test_a_lost_store_is_gone_on_from(told: Told) -> None:
    definition = await told.define("LinUCBPolicy", "lost")
    await told.reward(20)
    kept = await told.live()
    await told.reward(20)
    await told.live()
    await told.shard.empty()
    header = kept.header
    again = msgspec.structs.replace(
        header,
        fence=0,
        version=header.version + 1_000,
        learned_through="0-0",
        origin=codec.Origin(
            definition=header.definition,
            num_arms=header.num_arms,
            hyper=header.hyper,
            restored=header.version,
            since=told.shard.layout.incarnation,
        ),
    )
    await told.shard.definitions.publish(definition, Stored(again, kept.state))
    await told.reward(10)
    live = await told.live()
    assert live.header.updates == 30
    replayed = await told.again(live, kept)
    assert (replayed.header.updates, bits(replayed)) == (30, bits(live))


async def test_what_does_not_say_what_it_started_from_is_refused(told: Told) -> None:
    await told.define("BetaTSPolicy", "old")
    await told.reward(3)
    live = await told.live()
    older = Stored(msgspec.structs.replace(live.header, origin=None), live.state)
    with pytest.raises(Untold, match="older version"):
        await told.again(older)
    other = codec.decode(codec.encode(live))
    wrong = msgspec.structs.replace(other.header, policy="EXP3Policy")
    with pytest.raises(CorruptState):
        await told.again(live, Stored(wrong, other.state))
