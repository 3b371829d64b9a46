"""People who came in through the front door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from tests.proxy.conftest import client_of

from proxysvc.app import Worker
from qbrixserving.passwords import Passwords

PASSWORD = "correct horse battery"


QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing that costs next to nothing: what it costs is tested elsewhere."""
    quick = partial(Passwords, hasher=QUICK)
    monkeypatch.setattr("proxysvc.accounts.assembly.Passwords", quick)


class Registered(NamedTuple):
    """The admin of a tenant of their own, who logged in."""

    user: dict[str, Any]
    access: str
    refresh: str

    @property
    def email(self) -> str:
        return str(self.user["email"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


def an_email() -> str:
    return f"{uuid4().hex}@example.org"


async def log_in(worker: Worker, email: str, password: str = PASSWORD) -> Registered:
    async with client_of(worker) as nobody:
        body = {"email": email, "password": password}
        answer = await nobody.post("/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    return Registered(made["user"], made["access_token"], made["refresh_token"])


async def sign_up(worker: Worker) -> Registered:
    email = an_email()
    async with client_of(worker) as nobody:
        body = {"email": email, "password": PASSWORD}
        answer = await nobody.post("/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return await log_in(worker, email)


@pytest.fixture
async def founder(worker: Worker) -> Registered:
    return await sign_up(worker)


@pytest.fixture
async def owner(
    worker: Worker, founder: Registered
) -> AsyncIterator[httpx.AsyncClient]:
    """Calls with the founder's access token."""
    async with client_of(worker, founder.headers) as client:
        yield client


@asynccontextmanager
async def with_key(worker: Worker, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(worker, {"X-API-Key": key}) as client:
        yield client


async def new_key(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/auth/api-keys", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def new_member(
    client: httpx.AsyncClient, worker: Worker, role: str = "member"
) -> Registered:
    body = {"email": an_email(), "password": PASSWORD, "role": role}
    answer = await client.post("/auth/users", json=body)
    assert answer.status_code == 201, answer.text
    return await log_in(worker, body["email"])


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The detail of an answer that has this status and code."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "detail", "context"}
    assert body["code"] == code, body
    return str(body["detail"])


def undecodable(answer: httpx.Response) -> list[str | int]:
    """Where the one thing is that is wrong with a request."""
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"detail"}
    (problem,) = answer.json()["detail"]
    assert set(problem) == {"loc", "msg", "type"}
    loc: list[str | int] = problem["loc"]
    return loc
