"""ASGI applications behind the server's own protocol, over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.trust import TRUST

from qbrixcli.embedded.ports import free_port

GOOD = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
BAD = b"3\r\nabc\r\nzz\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where tests.proxy.edge.bridged is served."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--no-log"]
    place = ["--http", "1", "--no-ws", "--port", str(port)]
    process = subprocess.Popen([*command, *place, "tests.proxy.edge.bridged:app"])
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


async def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to a request that asks for no other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(30):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.lower(), body


async def shown(port: int, first: bytes, body: bytes, *fields: bytes) -> Any:
    """What the application saw of a request."""
    lines = [first, b"Host: x", b"Connection: close", *fields, b"", body]
    head, answer = await ask(port, b"\r\n".join(lines))
    assert head.startswith((b"http/1.1 200", b"http/1.0 200"))
    assert head.count(b"x-one: ") == 2
    return json.loads(answer)


async def test_a_request_is_told_as_it_came(port: int) -> None:
    fields = b"X-Two: a", b"X-Two: b", b"X-Odd: \xe9", b"Content-Length: 3"
    seen = await shown(port, b"PUT /a%20b%C3%A9?x=%20&y HTTP/1.1", b"abc", *fields)
    headers = seen.pop("headers")
    assert seen == {
        "type": "http",
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/a bé",
        "query_string": "x=%20&y",
        "client": "127.0.0.1",
        "body": "abc",
        "end": "http.request",
    }
    for pair in (["x-two", "a"], ["x-two", "b"], ["x-odd", "?"]):
        assert pair in headers


@pytest.mark.parametrize(("body", "end"), [(GOOD, "request"), (BAD, "disconnect")])
async def test_a_body_in_chunks_ends_or_breaks_off(
    port: int, body: bytes, end: str
) -> None:
    first, chunked = b"POST / HTTP/1.1", b"Transfer-Encoding: chunked"
    seen = await shown(port, first, body, chunked)
    assert seen["end"] == f"http.{end}"
    assert seen["body"] == ("abcde" if end == "request" else "abc")


async def test_there_need_be_no_body_and_no_keeping_alive(port: int) -> None:
    seen = await shown(port, b"GET / HTTP/1.0", b"")
    assert (seen["body"], seen["http_version"]) == ("", "1.0")


async def test_an_answer_may_come_in_parts(port: int) -> None:
    async with httpx.AsyncClient(verify=TRUST) as client:
        answer = await client.post(f"http://127.0.0.1:{port}/parts", content=b"abc")
    assert answer.json()["body"] == "abc"
    assert answer.headers.get_list("x-one") == ["1", "2"]


async def test_who_does_not_answer_is_answered_for(port: int) -> None:
    request = b"GET /silent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _ = await ask(port, request)
    assert head.startswith(b"http/1.1 500")
