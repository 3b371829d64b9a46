"""Selections reach the stream of the decision log, each once, behind the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest
from tests.proxy.conftest import client_of
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.hot.rest import Rest
from tests.proxy.hot.samples import definition
from tests.proxy.people import Person

from proxysvc import journal as journals
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.journal import Journal
from proxysvc.settings import ProxySettings
from proxysvc.token import Keyring
from proxysvc.token import Mint
from proxysvc.token import unseal
from qbrixcore.errors import Unavailable
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.choices import decode_choices
from qbrixstore.redis.layout import Layout

KEYRING = Keyring.parse(SECRETS, strong=True)


@pytest.fixture
async def worker(settings: ProxySettings) -> AsyncIterator[Worker]:
    recording = msgspec.structs.replace(settings, event_log="postgres")
    async with proxy(recording) as worker:
        yield worker


@pytest.fixture
async def rest(rest: Rest) -> Rest:
    await rest.redis.execute("DEL", rest.layout.choices(0))
    return rest


async def recorded(rest: Rest) -> list[ChoiceEvent]:
    entries = await rest.redis.execute("XRANGE", rest.layout.choices(0), "-", "+")
    found = [one for _, fields in entries for one in decode_choices(fields[1::2])]
    assert all(found)
    return [one for one in found if one is not None]


async def until(rest: Rest, count: int) -> list[ChoiceEvent]:
    for _ in range(500):
        if len(found := await recorded(rest)) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(found)} of {count} are recorded")


async def test_what_was_chosen_is_recorded_as_the_token_has_it(
    rest: Rest, linear: dict[str, Any]
) -> None:
    token = await rest.token(linear, vector=[1.0, 0.5])
    batch = (await rest.select_batch(linear, {"id": "x", "vector": [0.0, 1.0]})).json()
    first, second = await until(rest, 2)
    expected = unseal(token, KEYRING)
    for name in ("issuer", "sequence", "tenant", "experiment", "generation", "arm"):
        assert getattr(first, name) == getattr(expected, name)
    for name in ("version", "propensity", "vector", "issued_ms"):
        assert getattr(first, name) == getattr(expected, name)
    assert (first.context_id, second.context_id) == ("somebody", "x")
    again = unseal(batch["results"][0]["request_id"], KEYRING)
    assert (second.issuer, second.sequence) == (again.issuer, again.sequence)


async def test_what_no_policy_chose_is_not_recorded(
    rest: Rest, plain: dict[str, Any]
) -> None:
    path = f"/api/v1/experiments/{plain['id']}"
    chosen = 0
    for enabled in (False, True):
        answer = await rest.client.patch(path, json={"enabled": enabled})
        assert answer.status_code == 200
        for _ in range(500):
            by_policy = (await rest.select(plain)).json()["request_id"] is not None
            chosen += by_policy
            if by_policy is enabled:
                break
            await asyncio.sleep(0.01)
    assert len(await until(rest, chosen)) == chosen


async def test_contexts_have_names_that_postgres_can_hold(
    rest: Rest, plain: dict[str, Any]
) -> None:
    for name in ("a\0b", "x" * 128, "é"):
        answer = await rest.client.post(
            "/api/v1/agent/select",
            json={"experiment_id": plain["id"], "context": {"id": name}},
        )
        assert answer.status_code == 200
    nul, long, plain_name = [one.context_id for one in await until(rest, 3)]
    assert (nul, plain_name) == ("a\ufffdb", "é")
    assert len(long) < 128


async def test_off_records_nothing(
    settings: ProxySettings, admin: Person, rest: Rest, plain: dict[str, Any]
) -> None:
    async with proxy(settings) as worker, client_of(worker, admin.headers) as client:
        off = Rest(client, rest.redis, rest.layout)
        await off.token(plain)
    await rest.token(plain)
    assert len(await until(rest, 1)) == 1


async def test_a_worker_that_stops_delivers_first(
    settings: ProxySettings, admin: Person, rest: Rest, plain: dict[str, Any]
) -> None:
    recording = msgspec.structs.replace(settings, event_log="postgres")
    async with proxy(recording) as worker, client_of(worker, admin.headers) as client:
        other: httpx.AsyncClient = client
        for _ in range(5):
            await Rest(other, rest.redis, rest.layout).token(plain)
    assert len(await recorded(rest)) == 5


class Flaky(Choices):
    """Appends, and loses the answer of every other call."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(rest.redis, rest.layout, "w")
        self.calls = 0

    async def append(self, number: int, events: Sequence[ChoiceEvent]) -> bool:
        new = await super().append(number, events)
        self.calls += 1
        if self.calls % 2:
            raise Unavailable("lost")
        return new


async def test_a_lost_answer_records_nothing_twice(rest: Rest) -> None:
    journal = Journal(Flaky(rest))
    mint = Mint(KEYRING, Layout())
    for number in range(1_200):
        token = mint.mint(definition("BetaTSPolicy"), 0, 0, 1, 0.5, None)
        journal.note(token, str(number))
    lost = 0
    while True:
        try:
            await journal.flush()
            break
        except Unavailable:
            lost += 1
    assert lost > 1
    assert [one.context_id for one in await recorded(rest)] == [
        str(number) for number in range(1_200)
    ]


async def test_what_finds_no_room_is_counted(rest: Rest) -> None:
    journal = Journal(Choices(rest.redis, rest.layout, "w"))
    for _ in range(journals.MOST_WAITING + 3):
        journal.note("token", "")
    assert journal.dropped == 3
