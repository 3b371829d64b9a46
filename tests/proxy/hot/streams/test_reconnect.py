"""Streams that break, refuse, never open, and open again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.proxy.hot.samples import definition
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Line
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import chosen
from tests.proxy.hot.streams.peer import listening
from tests.proxy.waiting import eventually

from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import Choice
from qbrixcli.embedded.ports import free_port
from qbrixcore.errors import Unavailable

PLAIN = definition("BetaTSPolicy", name="plain")


def ask(client: MotorClient, count: int = 1) -> list[asyncio.Future[Choice]]:
    return [client.select(PLAIN, f"user-{n}", None) for n in range(count)]


async def test_what_a_broken_stream_left_is_sent_again(
    client: MotorClient, line: Line, peer: Peer
) -> None:
    waiting = ask(client, 5)
    lost = await line.read()
    line.hang_up()
    second = await peer.line()
    frame = await second.read()
    assert set(frame.groups[0].seqs) == set(lost.groups[0].seqs)
    await second.write(chosen(frame, arm=2))
    assert [(await one).arm for one in waiting] == [2] * 5


async def test_a_motor_that_comes_back_gets_what_waited(peer: Peer) -> None:
    port = free_port()
    async with MotorClient([f"127.0.0.1:{port}"], 9, PATIENCE) as client:
        waiting = ask(client, 3)
        await asyncio.sleep(0.05)
        assert client.motors.well == 0
        async with listening(peer, port):
            line = await peer.line()
            await line.write(chosen(await line.read()))
            await asyncio.gather(*waiting)


async def test_a_motor_that_refuses_streams_is_asked_again(peer: Peer) -> None:
    peer.refuse = True
    async with listening(peer) as port:
        async with MotorClient([f"127.0.0.1:{port}"], 9, PATIENCE) as client:
            waiting = ask(client)
            await asyncio.sleep(0.1)
            assert client.motors.well == 0
            peer.refuse = False
            line = await peer.line()
            await line.write(chosen(await line.read()))
            await asyncio.gather(*waiting)


async def test_no_motor_at_all_is_unavailable() -> None:
    async with MotorClient([f"127.0.0.1:{free_port()}"], 9, 0.1) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await ask(client)[0]


async def test_closing_answers_whoever_waits(port: int, peer: Peer) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 9, PATIENCE) as client:
        line = await peer.line()
        sent = ask(client)
        await line.read()
        waiting = ask(client)
    for one in (*sent, *waiting):
        with pytest.raises(Unavailable, match="stopping"):
            await one


async def test_another_motor_takes_over(peer: Peer) -> None:
    other = Peer()
    async with AsyncExitStack() as stack:
        ports = [
            await stack.enter_async_context(listening(one)) for one in (peer, other)
        ]
        addresses = [f"127.0.0.1:{port}" for port in ports]
        client = await stack.enter_async_context(MotorClient(addresses, 99, PATIENCE))
        lines = [await peer.line(), await other.line()]

        async def both_open() -> bool:
            return client.motors.well == 2

        await eventually(both_open)
        waiting = ask(client)
        reads = [asyncio.create_task(line.read()) for line in lines]
        done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
        preferred = reads.index(done.pop())
        lines[preferred].hang_up()
        frame = await reads[1 - preferred]
        await lines[1 - preferred].write(chosen(frame, arm=1))
        assert (await waiting[0]).arm == 1
