"""What follows the choices of a batch: arms that are news here, notes, counts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest
from tests.proxy.hot.samples import definition

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.insight.counting import Counting
from proxysvc.selected import Selected
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.client import MotorClient
from proxysvc.together import Together
from proxysvc.token import Keyring
from proxysvc.token import Mint
from proxysvc.token import unseal
from qbrixcore.definition import Definition
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixstore.redis.layout import Layout

KEYRING = Keyring([("k", b"s" * 32)])
OLD = definition("BetaTSPolicy", arms=2)
NEW = definition("BetaTSPolicy", arms=3, version=2)


class Source:
    def __init__(self, held: Definition | None) -> None:
        self.held = held

    async def get(self, tenant: str, experiment: str) -> Definition | None:
        return self.held


class Motor(MotorClient):
    """Takes in four, and chooses these arms for them in two parts."""

    def __init__(self, arms: Sequence[int]) -> None:
        self._arms = arms

    def select_many(
        self, definition: Definition, context_ids: Sequence[str], *rest: object
    ) -> list[Bundle]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        bundle = Bundle(10, definition, context_ids[:4], None, "", 0.0, future)
        unknown = [math.nan] * 2
        bundle.answer([13, 10], [self._arms[3], self._arms[0]], unknown, 0, 5)
        bundle.answer([11, 12], self._arms[1:3], [0.5, math.nan], 1, 6)
        return [bundle]


async def decided(
    arms: Sequence[int], held: Definition | None, counting: Counting, asked: int = 4
) -> list[object]:
    cache = DefinitionCache(Source(held))
    mint = Mint(KEYRING, Layout())
    together = Together(cache, Motor(arms), mint, counting, None, None)
    ids = [f"user-{n}" for n in range(asked)]
    return [*await together.decide(Entry.of(OLD), ids, [None] * asked, "", None)]


async def test_parts_of_several_states_come_back_in_order() -> None:
    counting = Counting()
    made = await decided([0, 1, 1, 0], OLD, counting)
    assert [one.index for one in made if isinstance(one, Selected)] == [0, 1, 1, 0]
    tokens = [
        unseal(one.request_id or "", KEYRING)
        for one in made
        if isinstance(one, Selected)
    ]
    seen = [(token.arm, token.version, token.propensity) for token in tokens]
    assert seen == [(0, 5, None), (1, 6, 0.5), (1, 6, None), (0, 5, None)]
    contexts = {place[2]: tally.contexts for place, tally in counting.take().items()}
    assert contexts == {0: {"user-0", "user-3"}, 1: {"user-1", "user-2"}}


async def test_those_that_no_motor_took_in_are_refused() -> None:
    made = await decided([0, 1, 1, 0], OLD, Counting(), asked=6)
    assert [type(one) for one in made] == [*[Selected] * 4, *[Overloaded] * 2]


async def test_an_arm_that_is_news_is_looked_up() -> None:
    made = await decided([0, 2, 1, 2], NEW, Counting())
    arms = [one.arm.name for one in made if isinstance(one, Selected)]
    assert arms == ["a0", "a2", "a1", "a2"]


@pytest.mark.parametrize(
    ("held", "error"), [(OLD, Unavailable), (None, ExperimentNotFound)]
)
async def test_an_arm_that_stays_unknown_fails_alone(
    held: Definition | None, error: type[Exception]
) -> None:
    counting = Counting()
    made = await decided([0, 2, 1, 2], held, counting)
    assert [type(one) for one in made] == [Selected, error, Selected, error]
    assert sum(tally.selections for tally in counting.take().values()) == 2


async def test_a_part_may_know_no_arm_at_all() -> None:
    counting = Counting()
    made = await decided([0, 2, 2, 1], OLD, counting)
    assert [type(one) for one in made] == [Selected, *[Unavailable] * 2, Selected]
    assert sum(tally.selections for tally in counting.take().values()) == 2
