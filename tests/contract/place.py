"""A running system, proxies with other settings beside it, and people who may call."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple
from uuid import uuid4

import httpx
import psutil
from tests.proxy.people import add_person
from tests.system.running import OURS
from tests.system.running import Up
from tests.system.running import eventually
from tests.trust import TRUST

from qbrixcli.embedded.ports import free_ports
from qbrixstore.postgres import init_db

STOP_SEC = 20.0
COMPILED_SEC = 150.0
PASSWORD = "a long enough password"
# what the JavaScript client sends with every request
JAVASCRIPT = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "qbrix-js/0.0.0",
}


class Caller(NamedTuple):
    """Somebody with a key; email and password of those who registered."""

    key: str
    tenant: str = ""
    email: str = ""
    password: str = ""


class Place:
    """Where clients call, and the stores behind it."""

    def __init__(self, up: Up, http: str, grpc: str) -> None:
        self.up = up
        self.http = http
        self.grpc = grpc

    def caller(self, role: str = "admin", tenant: str | None = None) -> Caller:
        """A key of a user with a role, in a tenant of its own unless one is given."""

        async def add() -> Caller:
            engine = init_db(self.up.postgres)
            try:
                person = await add_person(engine, role, tenant_id=tenant)
            finally:
                await engine.dispose()
            return Caller(person.key, person.tenant_id)

        return asyncio.run(add())

    def register(self) -> Caller:
        """Somebody who came in by the front door."""
        who = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
        with self.plain() as client:
            made = client.post("/auth/register", json=who)
            assert made.status_code == 201, made.text
            access = client.post("/auth/login", json=who).json()["access_token"]
            bearer = {"Authorization": f"Bearer {access}"}
            key = client.post("/auth/api-keys", json={"name": "k"}, headers=bearer)
        return Caller(key.json()["key"], **who)

    def plain(self, caller: Caller | None = None) -> httpx.Client:
        """Plain HTTP with the headers of the JavaScript client."""
        headers = dict(JAVASCRIPT)
        if caller is not None:
            headers["X-API-Key"] = caller.key
        return httpx.Client(
            base_url=self.http,
            headers=headers,
            timeout=10,
            trust_env=False,
            verify=TRUST,
        )

    def warm_up(self) -> None:
        """Return when policies are compiled: a motor does that once, after a change."""
        schema = {"context_schema": [{"name": "member", "type": "boolean"}]}
        vector = [1.0, 0.0]
        with self.plain(self.caller()) as client:
            pool = client.post(
                "/api/v1/pools", json={"name": "p", "arms": arms()}
            ).json()
            for policy, params in (
                ("BetaTSPolicy", {}),
                ("LinUCBPolicy", schema),
                ("auto", {}),
                ("auto", schema),
            ):
                body = {"name": named("e"), "pool_id": pool["id"], "policy": policy}
                body["policy_params"] = params
                made = client.post("/api/v1/experiments", json=body).json()
                asked = {
                    "experiment_id": made["id"],
                    "context": {"id": "x", "vector": vector},
                }
                deadline = time.monotonic() + COMPILED_SEC
                while not client.post("/api/v1/agent/select", json=asked).is_success:
                    assert time.monotonic() < deadline, f"{policy} is not compiled"

    def url(self, transport: str, secure: bool = False) -> str:
        """What a client is given as its base URL."""
        if transport == "http":
            return self.http
        return f"grpc{'s' if secure else ''}://{self.grpc}"


class Beside:
    """A proxy with settings of its own, on the stores and the motor of a system."""

    def __init__(self, up: Up, settings: Mapping[str, str]) -> None:
        http, grpc = free_ports(2)
        secrets = up.secrets
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(OURS)},
            "PROXY_HTTP_PORT": str(http),
            "PROXY_GRPC_PORT": str(grpc),
            "PROXY_MOTOR_PORT": up.environ["MOTOR_GRPC_PORT"],
            "PROXY_TOKEN_SECRET_KEYS": secrets["token_secret"],
            "PROXY_JWT_SECRET_KEY": secrets["jwt_secret"],
            **stores(up),
            **settings,
        }
        scheme = "https" if "PROXY_TLS_CERT" in settings else "http"
        self.place = Place(up, f"{scheme}://127.0.0.1:{http}", f"127.0.0.1:{grpc}")
        self._log = up.directory / f"beside-{http}.log"
        self.start()

    def start(self) -> None:
        """Return when it answers."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxysvc"],
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers)

    def stop(self) -> None:
        """As a supervisor stops it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SEC)

    def freeze(self, frozen: bool) -> None:
        """Hold all its processes, or let them go on."""
        family = psutil.Process(self.process.pid)
        for member in (family, *family.children(recursive=True)):
            if frozen:
                member.suspend()
            else:
                member.resume()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            answer = httpx.get(
                f"{self.place.http}/health/ready", verify=False, trust_env=False
            )
        except httpx.TransportError:
            return False
        return answer.status_code == 200


def stores(up: Up) -> dict[str, str]:
    """Where a proxy finds the stores of a system."""
    text = (up.directory / "data" / "stores.env").read_text()
    given = dict(line.split("=", 1) for line in text.splitlines())
    return {name: value for name, value in given.items() if name.startswith("PROXY_")}


def named(prefix: str) -> str:
    """A name that nobody has yet."""
    return f"{prefix}-{uuid4().hex[:12]}"


def arms(*names: str) -> list[dict[str, Any]]:
    """Arms as a client is given them."""
    return [{"name": name} for name in names or ("blue", "green")]
