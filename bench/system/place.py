"""A whole system, started to be measured, and the echoes beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from contextlib import suppress
from types import MappingProxyType
from typing import Final
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.processes import PORT
from bench.processes import Group
from bench.processes import find_services
from bench.processes import find_worker

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.system import System
from qbrixstore.postgres.access import DEFAULT_PLAN
from qbrixstore.redis import RedisSettings

ECHO: Final = "bench.system.echo:app"
# one worker, and a limit that counts every call and refuses none
VARIABLES: Final = {
    "PROXY_HTTP_WORKERS": "1",
    "PROXY_PLAN_LIMITS": f"{DEFAULT_PLAN}:999999999/0/0",
}


class Place(NamedTuple):
    """Where a system is, and who asks."""

    url: str
    grpc: str
    key: str
    redis: RedisSettings
    port: str

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {"X-API-Key": self.key, "Content-Type": "application/json"}

    def groups(self) -> dict[str, Group]:
        """The processes of the services, and of Redis. Raises RuntimeError."""
        redis = find_worker(f"valkey-server {self.redis.host}:{self.redis.port}")
        return {**find_services(self.port), "redis": [redis]}


@asynccontextmanager
async def started(
    variables: Mapping[str, str] = MappingProxyType({}), motors: int = 1
) -> AsyncIterator[Place]:
    """All that ``qbrix up`` starts, fresh, on free ports; raises StartError.

    Settings are the defaults, except for ``VARIABLES`` and for what is given.
    """
    with scratch_directory() as directory:
        data = DataDirectory(directory / "data")
        given = {**VARIABLES, **fresh_variables(), **variables}
        with (directory / "services.log").open("w") as log:
            async with System(data, given, Console(log), motors) as system:
                made = system.welcome.credentials
                assert made is not None
                stores = dict(
                    line.split("=", 1) for line in data.stores.read_text().splitlines()
                )
                redis = RedisSettings(
                    host=stores["PROXY_REDIS_HOST"],
                    port=int(stores["PROXY_REDIS_PORT"]),
                    password=stores["PROXY_REDIS_PASSWORD"],
                )
                address = urlsplit(made.grpc_url).netloc
                yield Place(made.http_url, address, made.api_key, redis, given[PORT])


@asynccontextmanager
async def echo(app: str = ECHO, interface: str = "asgi") -> AsyncIterator[str]:
    """Address of a running echo."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "granian", "--interface", interface),
        *("--loop", "uvloop", "--workers", "1", "--http", "1", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port), "--no-log", app),
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    try:
        async with asyncio.timeout(30):
            await _until_open(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _until_open(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
