"""The proxy as processes: started, stopped, killed, refused."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import grpc
import httpx
import psutil
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.processes import running
from tests.proxy.processes import start
from tests.proxy.waiting import eventually

from qbrixproto import common_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub


@pytest.fixture
def mute_motor() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_two_workers_share_both_ports_and_stop_cleanly(
    environ: dict[str, str],
) -> None:
    async with running({**environ, "PROXY_HTTP_WORKERS": "2"}) as proxy:
        assert len(proxy.workers()) == 2
        for _ in range(10):
            async with grpc.aio.insecure_channel(proxy.grpc) as channel:
                stub = ProxyServiceStub(channel)
                health = await stub.Health(common_pb2.HealthCheckRequest(), timeout=5.0)
                assert health.status == common_pb2.HealthCheckResponse.SERVING
        workers = proxy.workers()
        proxy.process.send_signal(signal.SIGTERM)
        assert await proxy.process.wait() == 0
        assert not any(worker.is_running() for worker in workers)


async def test_a_request_in_flight_is_answered_before_the_stop(
    environ: dict[str, str], engine: AsyncEngine, admin: Person, mute_motor: int
) -> None:
    environ |= {
        "PROXY_MOTOR_PORT": str(mute_motor),
        "PROXY_REQUEST_TIMEOUT_MS": "1500",
    }
    async with (
        running(environ) as proxy,
        httpx.AsyncClient(base_url=proxy.url, headers=admin.headers) as client,
    ):
        arms = [{"name": "a"}, {"name": "b"}]
        made = await client.post("/api/v1/pools", json={"name": "p", "arms": arms})
        body = {
            "name": "e",
            "pool_id": made.json()["id"],
            "policy": "BetaTSPolicy",
        }
        made = await client.post("/api/v1/experiments", json=body)
        select = {"experiment_id": made.json()["id"], "context": {"id": "x"}}
        waiting = asyncio.create_task(client.post("/api/v1/agent/select", json=select))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        proxy.process.send_signal(signal.SIGTERM)
        answer = await waiting
        assert answer.status_code == 503
        assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
        assert await proxy.process.wait() == 0


async def test_a_killed_worker_is_replaced(environ: dict[str, str]) -> None:
    async with running(environ) as proxy:
        (worker,) = proxy.workers()
        worker.kill()

        async def replaced() -> bool:
            return any(one.pid != worker.pid for one in proxy.workers())

        await eventually(replaced)
        await proxy.ready()
    assert "Unexpected exit from worker-1" in proxy.said


async def test_workers_do_not_outlive_a_killed_parent(environ: dict[str, str]) -> None:
    async with running(environ) as proxy:
        workers = proxy.workers()
        assert workers
        proxy.process.kill()
        gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, 20)
        assert not alive
        assert gone


@pytest.mark.parametrize("variable", ["PROXY_HTTP_PORT", "PROXY_GRPC_PORT"])
async def test_a_taken_port_is_one_clear_line(
    environ: dict[str, str], variable: str
) -> None:
    with socket.socket() as taken:
        # listening as a first instance would: a second one could join it
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start({**environ, variable: str(port)})
        _, said = await process.communicate()
    assert process.returncode == 2
    text = f"127.0.0.1:{port} is taken; set {variable} to another port\n"
    assert said.decode() == text


async def test_a_bad_setting_is_one_clear_line(environ: dict[str, str]) -> None:
    process = await start({**environ, "PROXY_HTTP_WORKERS": "many"})
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().startswith("PROXY_HTTP_WORKERS: got 'many', wants an integer")


def test_no_kernel_and_no_compiler_is_imported() -> None:
    code = (
        "import sys, proxysvc.app, proxysvc.main\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('numba', 'llvmlite', 'qbrixkernels', 'motorsvc', 'cortexsvc')])"
    )
    assert _python(code) == "[]"


def test_grpc_is_not_touched_before_the_fork() -> None:
    code = "import sys, proxysvc.main; print('grpc' in sys.modules)"
    assert _python(code) == "False"


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
