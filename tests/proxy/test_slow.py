"""Requests that arrive slowly, or while the proxy stops, over real connections."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.processes import running
from tests.proxy.wire import Wire
from tests.proxy.wire import head

SELECT = "/api/v1/agent/select"
POOLS = "/api/v1/pools"
KILLED = "Killing worker"


async def test_a_body_that_stalls_is_answered_408_and_the_connection_closed(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    async with running(environ) as proxy:
        wires = [await Wire.to(proxy) for _ in range(4)]
        for wire, path in zip(wires, [SELECT, POOLS] * 2, strict=True):
            await wire.send(head(admin, path, 100))
        for wire in wires[:2]:
            await wire.send(b"{")
        for status, headers, body in [await wire.answer() for wire in wires]:
            assert status == 408
            assert headers["connection"] == "close"
            assert body["code"] == "BAD_REQUEST"
            assert body["detail"] == "the body did not arrive in time"
        for wire in wires:
            assert await wire.ended()
            wire.close()


async def test_stalled_requests_do_not_hold_up_the_stop(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    async with running(environ) as proxy:
        wires = [await Wire.to(proxy) for _ in range(4)]
        await wires[0].send(head(admin, SELECT, 100) + b"{")
        await wires[1].send(head(admin, POOLS, 100) + b"{")
        await wires[2].send(b"POST " + SELECT.encode() + b" HTT")
        await asyncio.sleep(0.3)
        proxy.process.send_signal(signal.SIGTERM)
        assert [(await wire.answer())[0] for wire in wires[:2]] == [408, 408]
        assert await proxy.process.wait() == 0
        for wire in wires:
            wire.close()
    assert "connections that were still open are cut" in proxy.said
    assert KILLED not in proxy.said
    assert "grpc stopped" in proxy.said


async def drained(wire: Wire) -> tuple[dict[str, str], Any]:
    """Asks on this connection whether it is ready until it is not: headers, body."""
    status = 200
    while status == 200:
        await wire.send(b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
        status, headers, body = await wire.answer()
    return headers, body


async def test_requests_on_their_way_when_it_stops_are_answered(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    async with running(environ) as proxy:
        first, *wires = [await Wire.to(proxy) for _ in range(8)]
        request = head(admin, SELECT, 2) + b"{}"
        for wire in wires:
            await wire.send(request)
            status, headers, _ = await wire.answer()
            assert status == 422 and "connection" not in headers
        proxy.process.send_signal(signal.SIGTERM)
        headers, body = await drained(first)
        assert body["status"] == "draining"
        assert headers["connection"] == "close"
        for wire in wires:
            await wire.send(request)
        for wire in wires:
            status, headers, _ = await wire.answer()
            assert status == 422
            assert headers["connection"] == "close"
            assert await wire.ended()
            wire.close()
        assert await proxy.process.wait() == 0
        first.close()


async def test_signals_in_quick_succession_stop_it_once(
    environ: dict[str, str],
) -> None:
    async with running({**environ, "PROXY_HTTP_WORKERS": "2"}) as proxy:
        workers = proxy.workers()
        for _ in range(50):
            proxy.process.send_signal(signal.SIGTERM)
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await proxy.process.wait() == 0
    assert KILLED not in proxy.said
    assert "alembic" not in proxy.said
