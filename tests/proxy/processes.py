"""The proxy as a process of its own, as it is started in production."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager

import httpx
import psutil
from tests.proxy.waiting import eventually
from tests.trust import TRUST

from qbrixcli.embedded.ports import free_port
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.config import RedisSettings


class ProxyProcess:
    """A started proxy and the addresses it serves."""

    def __init__(
        self, process: asyncio.subprocess.Process, environ: Mapping[str, str]
    ) -> None:
        self.process = process
        self.said = ""
        self.url = f"http://127.0.0.1:{environ['PROXY_HTTP_PORT']}"
        self.grpc = f"127.0.0.1:{environ['PROXY_GRPC_PORT']}"

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    async def ready(self) -> None:
        async def answers() -> bool:
            if self.process.returncode is not None and self.process.stderr:
                raise AssertionError((await self.process.stderr.read()).decode())
            async with httpx.AsyncClient(verify=TRUST) as client:
                try:
                    answer = await client.get(f"{self.url}/health/ready")
                except httpx.TransportError:
                    return False
                return answer.status_code == 200

        await eventually(answers)


def environment(
    postgres: PostgresSettings, redis: RedisSettings, **more: str
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PROXY_HTTP_PORT": str(free_port()),
        "PROXY_GRPC_PORT": str(free_port()),
        "PROXY_POSTGRES_HOST": postgres.host,
        "PROXY_POSTGRES_PORT": str(postgres.port),
        "PROXY_POSTGRES_USER": postgres.user,
        "PROXY_POSTGRES_PASSWORD": postgres.password,
        "PROXY_POSTGRES_DATABASE": postgres.database,
        "PROXY_POSTGRES_SSLMODE": postgres.sslmode,
        "PROXY_REDIS_HOST": redis.host,
        "PROXY_REDIS_PORT": str(redis.port),
        "PROXY_REDIS_PASSWORD": redis.password,
        "PROXY_MOTOR_PORT": str(free_port()),
        **more,
    }


async def start(environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "proxysvc",
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(environ: Mapping[str, str]) -> AsyncIterator[ProxyProcess]:
    process = await start(environ)
    made = ProxyProcess(process, environ)
    try:
        await made.ready()
        yield made
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
        made.said = said.decode()
