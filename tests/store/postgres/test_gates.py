"""The gates of a tenant's experiments."""

from __future__ import annotations

import asyncio
from datetime import UTC
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import GateExists
from qbrixcore.errors import GateNotFound
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.gate import from_dict
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.gates import EveryGate
from qbrixstore.postgres.gates import Gates
from qbrixstore.postgres.outbox import Outbox

FULL = Gate(
    enabled=False,
    default_arm_id="a" * 32,
    schedule_start=datetime(2026, 1, 1, tzinfo=UTC),
    schedule_end=datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    active_hours_start="22:00",
    active_hours_end="06:00",
    timezone="Europe/Berlin",
    rollout_percentage=12.5,
    rules=(
        Rule("plan", "in", ["pro", None, 1.5, {"a": True}], "b" * 32),
        Rule("age", ">=", 18),
        Rule("n", "==", None),
    ),
)


@pytest.fixture
async def experiment(engine: AsyncEngine, tenant: str) -> str:
    return await stored_experiment(engine, tenant, await stored_pool(engine, tenant))


async def test_a_gate_comes_back_as_it_was(
    engine: AsyncEngine, tenant: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        added = await Gates(session, tenant).add(experiment, FULL)
    async with get_session(engine, tenant) as session:
        read = await Gates(session, tenant).get(experiment)
        (listed,) = await Experiments(session, tenant).page()
        pool = added.experiment.pool.id
        (of_pool,) = await Experiments(session, tenant).of_pool(pool)
    assert read == added == listed == of_pool
    assert read.gate is not None
    assert read.gate.gate == FULL
    assert read.gate.version == 1
    assert read.experiment.gate is not None
    assert from_dict(read.experiment.gate) == FULL


async def test_every_change_raises_both_versions(
    engine: AsyncEngine, tenant: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        added = await Gates(session, tenant).add(experiment, Gate())
    async with get_session(engine, tenant) as session:
        changed = await Gates(session, tenant).replace(experiment, FULL)
    async with get_session(engine, tenant) as session:
        removed = await Gates(session, tenant).remove(experiment)
    assert [added.version, changed.version, removed.version] == [2, 3, 4]
    assert added.gate is not None
    assert changed.gate is not None
    assert (added.gate.version, changed.gate.version) == (1, 2)
    assert changed.gate.updated_at > added.gate.updated_at
    assert changed.gate.created_at == added.gate.created_at
    assert changed.updated_at > added.updated_at
    assert changed.gate.gate == FULL
    assert removed.gate is None
    assert removed.experiment.gate is None


async def test_a_change_goes_through_the_outbox(
    engine: AsyncEngine, tenant: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        await Gates(session, tenant).add(experiment, FULL)
    async with system_session(engine) as session:
        outbox = Outbox(session)
        rows = [row for row in await outbox.claim() if row.experiment_id == experiment]
        assert [row.version for row in rows] == [1, 2]
        definition = await outbox.current(tenant, experiment)
    assert definition is not None
    assert definition.gate is not None
    assert from_dict(definition.gate) == FULL
    assert definition.version == 2


async def test_what_is_not_there_is_said(
    engine: AsyncEngine, tenant: str, other: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        gates = Gates(session, tenant)
        calls = (
            gates.get(experiment),
            gates.hold(experiment),
            gates.replace(experiment, FULL),
            gates.remove(experiment),
        )
        for call in calls:
            with pytest.raises(GateNotFound):
                await call
        await gates.add(experiment, Gate())
        with pytest.raises(GateExists):
            await gates.add(experiment, FULL)
    async with get_session(engine, other) as session:
        gates = Gates(session, other)
        calls = (
            gates.get(experiment),
            gates.hold(experiment),
            gates.add(experiment, FULL),
            gates.replace(experiment, FULL),
            gates.remove(experiment),
        )
        for call in calls:
            with pytest.raises(ExperimentNotFound):
                await call
    async with get_session(engine, tenant) as session:
        kept = await Gates(session, tenant).get(experiment)
    assert kept.gate is not None
    assert kept.gate.gate == Gate()


async def test_of_two_who_add_one_comes_second(
    engine: AsyncEngine, tenant: str, experiment: str
) -> None:
    async def add() -> bool:
        async with get_session(engine, tenant) as session:
            try:
                await Gates(session, tenant).add(experiment, Gate())
            except GateExists:
                return False
        return True

    assert sorted(await asyncio.gather(*(add() for _ in range(4)))) == [
        False,
        False,
        False,
        True,
    ]


async def test_who_holds_a_gate_keeps_others_from_changing_it(
    engine: AsyncEngine, tenant: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        await Gates(session, tenant).add(experiment, Gate(rollout_percentage=0.0))

    async def raise_by_one() -> None:
        async with get_session(engine, tenant) as session:
            gates = Gates(session, tenant)
            held = (await gates.hold(experiment)).gate
            assert held is not None
            more = held.gate.rollout_percentage + 1
            await gates.replace(experiment, Gate(rollout_percentage=more))

    await asyncio.gather(*(raise_by_one() for _ in range(5)))
    async with get_session(engine, tenant) as session:
        reached = (await Gates(session, tenant).get(experiment)).gate
    assert reached is not None
    assert (reached.gate.rollout_percentage, reached.version) == (5.0, 6)


async def test_a_gate_goes_with_its_experiment(
    engine: AsyncEngine, tenant: str, other: str, experiment: str
) -> None:
    async with get_session(engine, tenant) as session:
        await Gates(session, tenant).add(experiment, FULL)
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(experiment)
    count = text("select count(*) from gate where experiment_id = :id")
    async with system_session(engine) as session:
        assert await session.scalar(count, {"id": experiment}) == 0
    insert = text(
        "insert into gate (tenant_id, experiment_id, version, enabled,"
        " rollout_percentage, timezone, rules)"
        " values (:tenant, :experiment, 1, true, 1, 'UTC', '[]')"
    )
    mine = await stored_experiment(
        engine, tenant, await stored_pool(engine, tenant, "p2"), "e2"
    )
    with pytest.raises(IntegrityError):
        async with system_session(engine) as session:
            await session.execute(insert, {"tenant": other, "experiment": mine})


async def test_every_gate_is_found_in_turn(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    made = set()
    for owner in (tenant, other):
        pool = await stored_pool(engine, owner, "many")
        for name in "ab":
            id_ = await stored_experiment(engine, owner, pool, name)
            async with get_session(engine, owner) as session:
                await Gates(session, owner).add(id_, Gate())
            made.add((owner, id_))
    found: list[tuple[str, str]] = []
    async with system_session(engine) as session:
        every = EveryGate(session)
        while some := await every.after(found[-1] if found else None, limit=3):
            found += some
    assert made <= set(found)
    assert found == sorted(set(found))
