"""The lean connection speaks HTTP as servers do, and says what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest

from qbrixcli.demo import calls
from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.traffic import connect
from qbrixcli.demo.traffic import drive
from qbrixcli.demo.wire import Connection

Answer = Callable[[bytes], bytes]


@asynccontextmanager
async def listener(answer: Answer) -> AsyncIterator[str]:
    """Answers every request with raw bytes; empty bytes hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while raw := answer(await _request(reader)):
                writer.write(raw)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


def _reply(status: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


async def test_calls_follow_each_other_on_one_connection() -> None:
    asked = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return _reply(b"200 OK", b"%d" % len(asked), b"X-Param-Version: 7")

    async with listener(answer) as url, Connection(url, "optiq_k") as connection:
        first = await connection.post(b"/a", b"{}")
        second = await connection.post(b"/b", b"body")
    assert (first.status, first.body, second.body) == (200, b"1", b"2")
    assert second.headers[b"x-param-version"] == b"7"
    assert asked[1].startswith(b"POST /b HTTP/1.1\r\n")
    assert b"x-api-key: optiq_k\r\n" in asked[1] and asked[1].endswith(b"\r\n\r\nbody")


async def test_a_select_has_its_item_token_and_version() -> None:
    body = b'{"arm":{"id":"a","name":"item-3","index":3},"request_id":"t","new":1}'

    def answer(request: bytes) -> bytes:
        assert b'"context":{"id":"v","properties":{"f":"x"}}' in request
        return _reply(b"200 OK", body, b"x-param-version: 12")

    async with listener(answer) as url, Connection(url, "k") as connection:
        choice = await calls.select(connection, "e", "v", {"f": "x"})
    assert (choice.item, choice.request_id, choice.version) == (3, "t", 12)
    assert choice.seconds > 0


async def test_a_busy_system_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "FIRST_PAUSE_SEC", 0.0)
    answers = iter(
        [b"503 Unavailable", b"429 Busy", b"201 Created", *[b"503 Unavailable"] * 6]
    )

    def answer(_: bytes) -> bytes:
        return _reply(next(answers), b'{"accepted":true}')

    async with listener(answer) as url, Connection(url, "k") as connection:
        await calls.feedback(connection, "t", 1)
        with pytest.raises(DemoError, match="feedback answered 503"):
            await calls.feedback(connection, "t", 1)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (_reply(b"404 Not Found", b"no such experiment"), "no such experiment"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "content-length"),
        (b"", "lost its connection"),
    ],
)
async def test_any_other_answer_ends_all_workers(raw: bytes, text: str) -> None:
    async def do(connection: Connection, turn: int, entrant: int) -> None:
        await calls.feedback(connection, f"{turn}.{entrant}", 0)

    async with listener(lambda _: raw) as url, connect(url, "k") as connections:
        with pytest.raises(DemoError, match=text):
            await drive(connections, 1000, 2, do)


async def test_nobody_listening_is_one_clear_line() -> None:
    async with listener(lambda _: b"") as url:
        pass
    with pytest.raises(DemoError, match="nobody listens"):
        async with connect(url, "k"):
            pass


async def test_every_turn_is_taken_once_by_each_entrant_in_order() -> None:
    taken = []
    do = _recorder(taken)
    async with listener(lambda _: b"") as url, connect(url, "k") as connections:
        await drive(connections, 100, 2, do)
    assert taken == [(turn, entrant) for turn in range(100) for entrant in range(2)]


def _recorder(
    taken: list[tuple[int, int]],
) -> Callable[[Connection, int, int], Awaitable[None]]:
    async def do(connection: Connection, turn: int, entrant: int) -> None:
        taken.append((turn, entrant))
        await asyncio.sleep(0)

    return do
