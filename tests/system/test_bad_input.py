"""Whatever is wrong with a call gets a clear answer and changes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.system.learned import learned
from tests.system.running import Up

from proxysvc.token import Keyring
from proxysvc.token import seal
from proxysvc.token import unseal
from qbrixcli.account import ensure_account
from qbrixcli.credentials import new_credentials
from qbrixstore.redis.layout import Layout

SCHEMA = [
    {"name": "age", "type": "numeric", "min": 0, "max": 100},
    {"name": "pro", "type": "boolean"},
]
DAYS_8_MS = 8 * 86_400 * 1_000


class World:
    """One experiment of each kind, and a token of the first."""

    def __init__(self, system: Up, client: httpx.Client) -> None:
        self.system = system
        self.client = client
        self.plain = system.experiment
        arms = [{"name": "one"}, {"name": "two"}]
        made = client.post("/pools", json={"name": "bad input", "arms": arms})
        assert made.status_code == 201, made.text
        self.pool = made.json()["id"]
        self.wide = self._experiment("wide", {"dim": 3})
        self.named = self._experiment("named", {"context_schema": SCHEMA})
        self.token = self.select()

    def _experiment(self, name: str, params: dict[str, Any]) -> str:
        body = {
            "name": name,
            "pool_id": self.pool,
            "policy": "LinUCBPolicy",
            "policy_params": params,
        }
        made = self.client.post("/experiments", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def select(self, client: httpx.Client | None = None) -> str:
        body = {"experiment_id": self.plain, "context": {"id": "v"}}
        answer = (client or self.client).post("/agent/select", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])


@pytest.fixture(scope="module")
def world(system: Up) -> Iterator[World]:
    with system.client() as client:
        world = World(system, client)
        yield world
        for experiment in (world.wide, world.named):
            client.delete(f"/experiments/{experiment}")
        client.delete(f"/pools/{world.pool}")


@pytest.fixture
async def unchanged(world: World) -> AsyncIterator[None]:
    """Nothing was appended to the log, and nothing learned, while a test ran."""
    before = await happened(world)
    yield
    assert await happened(world) == before


async def happened(world: World) -> tuple[list[int], int]:
    """What was learned of the quickstart, and entries ever appended to the log."""
    async with learned(world.system, world.plain) as state:
        layout = await Layout.read(state.client)
        info = await state.client.execute("XINFO", "STREAM", layout.log(0))
        fields = dict(zip(info[::2], info[1::2], strict=True))
        return list(await state.pulls()), int(fields[b"entries-added"])


def chosen(world: World, experiment: str, **context: object) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "v", **context}}
    return world.client.post("/agent/select", json=body)


def rewarded(world: World, token: str, reward: object = 1) -> httpx.Response:
    body = {"request_id": token, "reward": reward}
    return world.client.post("/agent/feedback", json=body)


Call = Callable[[World], httpx.Response]

SELECTS: dict[str, tuple[Call, int, str, str]] = {
    "unknown experiment": (
        lambda w: chosen(w, "nope"),
        *(404, "EXPERIMENT_NOT_FOUND", "nope"),
    ),
    "vector too short": (
        lambda w: chosen(w, w.wide, vector=[1.0, 2.0]),
        *(400, "BAD_REQUEST", "3"),
    ),
    "vector too long": (
        lambda w: chosen(w, w.wide, vector=[1.0, 2.0, 3.0, 4.0]),
        *(400, "BAD_REQUEST", "3"),
    ),
    "no vector": (
        lambda w: chosen(w, w.wide),
        *(400, "BAD_REQUEST", "3"),
    ),
    "feature not finite as float32": (
        lambda w: chosen(w, w.wide, vector=[1.0, 1e39, 0.0]),
        *(400, "BAD_REQUEST", "finite"),
    ),
    "vector and properties": (
        lambda w: chosen(w, w.named, vector=[1.0, 2.0, 3.0], properties={"age": 3}),
        *(400, "BAD_REQUEST", "properties"),
    ),
    "missing property": (
        lambda w: chosen(w, w.named, properties={"age": 3}),
        *(400, "BAD_REQUEST", "pro"),
    ),
}

FEEDBACKS: dict[str, tuple[Call, int, str, str]] = {
    "reward above the range": (
        lambda w: rewarded(w, w.token, 1.5),
        *(400, "FEEDBACK_FAILED", "1.5"),
    ),
    "reward below the range": (
        lambda w: rewarded(w, w.token, -1),
        *(400, "FEEDBACK_FAILED", "-1"),
    ),
    "no token at all": (
        lambda w: rewarded(w, "nonsense"),
        *(400, "FEEDBACK_FAILED", "request_id"),
    ),
    "a token with one letter changed": (
        lambda w: rewarded(w, w.token[:-5] + _other(w.token[-5]) + w.token[-4:]),
        *(400, "FEEDBACK_FAILED", "request_id"),
    ),
    "a token signed with another secret": (
        lambda w: rewarded(w, _resealed(w, secret="x" * 43)),
        *(400, "FEEDBACK_FAILED", "key"),
    ),
    "an expired token": (
        lambda w: rewarded(w, _resealed(w, age_ms=DAYS_8_MS)),
        *(400, "FEEDBACK_FAILED", "expired"),
    ),
    "a feature gate with an unknown arm": (
        lambda w: w.client.post(
            "/experiments",
            json={
                "name": "g",
                "pool_id": w.pool,
                "feature_gate": {"default_arm_id": "nowhere"},
            },
        ),
        *(400, "BAD_REQUEST", "default_arm_id nowhere"),
    ),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", [*SELECTS, *FEEDBACKS])
def test_is_refused_with_the_reason(world: World, case: str) -> None:
    call, status, code, hint = {**SELECTS, **FEEDBACKS}[case]
    answer = call(world)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["code"] == code
    assert hint in body["detail"]


@pytest.mark.usefixtures("unchanged")
async def test_a_token_of_another_tenant_is_refused(world: World) -> None:
    made = world.system.credentials
    other = new_credentials(made["http_url"], made["grpc_url"], "other@example.com")
    await ensure_account(world.system.postgres, other)
    with world.system.client(other.api_key) as stranger:
        body = {"request_id": world.token, "reward": 1}
        answer = stranger.post("/agent/feedback", json=body)
        assert answer.status_code == 400
        assert answer.json()["code"] == "FEEDBACK_FAILED"
        context = {"experiment_id": world.plain, "context": {"id": "v"}}
        assert stranger.post("/agent/select", json=context).status_code == 404
        assert stranger.get(f"/experiments/{world.plain}").status_code == 404
        assert stranger.get(f"/pools/{world.pool}").status_code == 404
        assert stranger.get("/pools").json()["pools"] == []


BODIES: dict[str, bytes] = {
    "not json": b"{",
    "nothing": b"",
    "not an object": b"[]",
    "no experiment": b'{"context": {"id": "v"}}',
    "no context": b'{"experiment_id": "e"}',
    "no context id": b'{"experiment_id": "e", "context": {}}',
    "a number for a name": b'{"experiment_id": 1, "context": {"id": "v"}}',
    "a literal NaN": b'{"experiment_id": "e", "context": {"id": "v", "vector": [NaN]}}',
    "not utf-8": b'{"experiment_id": "\xff", "context": {"id": "v"}}',
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", BODIES)
def test_a_malformed_select_is_422(world: World, case: str) -> None:
    answer = world.client.post("/agent/select", content=BODIES[case])
    _check_422(answer)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("reward", ["true", '"1"', "null", "1e400", "NaN", "[]"])
def test_a_reward_that_is_no_number_is_422(world: World, reward: str) -> None:
    body = f'{{"request_id": "{world.token}", "reward": {reward}}}'
    _check_422(world.client.post("/agent/feedback", content=body.encode()))


def _check_422(answer: httpx.Response) -> None:
    assert answer.status_code == 422, answer.text
    details = answer.json()["detail"]
    assert details
    for detail in details:
        assert set(detail) >= {"loc", "msg", "type"}
        assert isinstance(detail["loc"], list)
        assert detail["msg"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("path", ["/agent/select", "/agent/feedback", "/pools"])
def test_protocol_errors(world: World, path: str) -> None:
    client = world.client
    large = b'{"experiment_id": "' + b"x" * (1 << 20) + b'"}'
    answer = client.post(path, content=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "BAD_REQUEST")
    answer = client.put(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "BAD_REQUEST")
    answer = client.post(path, json={}, headers={"X-API-Key": "optiq_wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_API_KEY")
    bare = httpx.post(f"{client.base_url}{path.lstrip('/')}", json={}, trust_env=False)
    assert (bare.status_code, bare.json()["code"]) == (401, "UNAUTHORIZED")


async def test_the_same_token_is_good_after_all_that(world: World) -> None:
    _, appended = await happened(world)
    assert rewarded(world, world.token).status_code == 201
    assert (await happened(world))[1] == appended + 1


def _other(letter: str) -> str:
    return "A" if letter != "A" else "B"


def _resealed(world: World, age_ms: int = 0, secret: str = "") -> str:
    """The world's token with another age or signature."""
    ours = Keyring.parse([world.system.secrets["token_secret"]], strong=True)
    token = unseal(world.token, ours)
    keyring = Keyring.parse([secret], strong=True) if secret else ours
    changed = msgspec.structs.replace(
        token,
        key_id=keyring.signing_id,
        issued_ms=time.time_ns() // 1_000_000 - age_ms,
    )
    return seal(changed, keyring.signing_key)
