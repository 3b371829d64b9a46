"""Batches beyond what may be in flight: each item counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.proxy.hot.rest import Rest

from proxysvc.settings import ProxySettings

ROOM = 4


@pytest.fixture
async def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, max_in_flight=ROOM)


async def test_selects_beyond_the_bound_are_refused_one_by_one(
    rest: Rest, plain: dict[str, Any]
) -> None:
    answer = await rest.select_batch(plain, *({"id": "somebody"} for _ in range(7)))
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["error"] is None for one in results] == [True] * ROOM + [False] * 3
    for one in results[ROOM:]:
        assert (one["error"]["status"], one["error"]["code"]) == (429, "RATE_LIMITED")
    # and there is room again
    again = await rest.select_batch(plain, {"id": "somebody"})
    assert again.json()["results"][0]["error"] is None


async def test_feedback_beyond_the_bound_is_refused_one_by_one(
    rest: Rest, plain: dict[str, Any]
) -> None:
    tokens = [await rest.token(plain) for _ in range(6)]
    before = len(await rest.logged())
    answer = await rest.feedback_batch(*((token, 1) for token in tokens))
    accepted = [one["accepted"] for one in answer.json()["results"]]
    assert accepted == [True] * ROOM + [False] * 2
    refused = answer.json()["results"][ROOM:]
    assert {one["error"]["code"] for one in refused} == {"RATE_LIMITED"}
    assert len(await rest.logged()) == before + ROOM
    # sent again, the rest is taken and nothing counts twice
    again = await rest.feedback_batch(*((token, 1) for token in tokens[ROOM:]))
    assert all(one["accepted"] for one in again.json()["results"])
    assert len(await rest.logged()) == before + len(tokens)
