"""Several motors: one breaks, is frozen, comes, goes, or has too much to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
from tests.proxy.hot.samples import definition
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Line
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import chosen
from tests.proxy.hot.streams.peer import listening
from tests.proxy.waiting import eventually

from proxysvc.stream.client import MotorClient
from proxysvc.stream.fleet import CALM
from proxysvc.stream.frames import Choice
from proxysvc.stream.routing import Rendezvous
from qbrixcli.embedded.ports import free_port

PLAIN = definition("BetaTSPolicy", name="plain")


class End(NamedTuple):
    """One motor, and the stream to it."""

    address: str
    peer: Peer
    line: Line

    async def answer(self, arm: int = 0) -> None:
        """The next frame."""
        await self.line.write(chosen(await self.line.read(), arm))


class Pair(NamedTuple):
    """A worker of two motors; the first is the one that the experiment goes to."""

    client: MotorClient
    first: End
    second: End

    def ask(self, count: int = 1) -> list[asyncio.Future[Choice]]:
        return [self.client.select(PLAIN, f"user-{n}", None) for n in range(count)]


async def stand(client: MotorClient, count: int) -> None:
    """Returns when so many streams stand."""

    async def standing() -> bool:
        return client.motors.well == count

    await eventually(standing)


async def end(stack: AsyncExitStack) -> tuple[Peer, str]:
    peer = Peer()
    port = await stack.enter_async_context(listening(peer))
    return peer, f"127.0.0.1:{port}"


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        ends = [await end(stack), await end(stack)]
        addresses = [address for _, address in ends]
        client = await stack.enter_async_context(MotorClient(addresses, 999, PATIENCE))
        made = [End(address, peer, await peer.line()) for peer, address in ends]
        await stand(client, 2)
        first, second = Rendezvous(addresses).order(PLAIN.experiment)
        yield Pair(client, made[first], made[second])


async def test_what_waited_behind_a_frame_goes_elsewhere_as_well(pair: Pair) -> None:
    waiting = pair.ask(3)
    await pair.first.line.read()
    waiting += pair.ask(4)
    pair.first.line.hang_up()
    await pair.second.line.answer(7, arm=1)
    assert [(await one).arm for one in waiting] == [1] * 7


async def test_what_waits_for_no_motor_at_all_goes_to_the_first_that_comes() -> None:
    async with AsyncExitStack() as stack:
        peer, address = await end(stack)
        away = f"127.0.0.1:{free_port()}"
        client = MotorClient([away, address], 99, PATIENCE)
        await stack.enter_async_context(client)
        names = [definition("BetaTSPolicy", name=f"e{n}") for n in range(8)]
        waiting = [client.select(one, "u", None) for one in names]
        assert client.motors == (2, 0)
        line = await peer.line()
        await line.answer(8)
        assert [(await one).arm for one in waiting] == [0] * 8
        assert client.motors == (2, 1)


async def test_a_motor_that_does_not_read_is_passed_over_until_it_does(
    pair: Pair,
) -> None:
    frozen = pair.ask(2)
    # sent to the first, which says nothing
    await pair.second.answer(arm=1)
    assert [(await one).arm for one in frozen] == [1, 1]
    assert pair.client.motors == (2, 1)
    more = pair.ask()
    await pair.second.answer(arm=1)
    assert (await more[0]).arm == 1
    # its late answers change nothing, but it is there again
    await pair.first.answer()
    await stand(pair.client, 2)
    again = pair.ask()
    await pair.first.answer(arm=2)
    assert (await again[0]).arm == 2


async def test_a_motor_that_only_takes_its_time_is_not_passed_over(pair: Pair) -> None:
    slow = pair.ask()
    frame = await pair.first.line.read()
    await pair.first.line.write()
    await asyncio.sleep(0.3)
    assert pair.client.motors == (2, 2)
    await pair.first.line.write(chosen(frame, arm=2))
    assert (await slow[0]).arm == 2


async def test_a_hot_experiment_spreads_only_when_its_motor_is_busy(pair: Pair) -> None:
    calm = pair.ask(CALM)
    hot = pair.ask(3 * CALM)

    async def serve(one: End) -> None:
        while True:
            await one.answer(arm=int(one is pair.second))

    served = [asyncio.create_task(serve(one)) for one in (pair.first, pair.second)]
    assert {choice.arm for choice in await asyncio.gather(*calm)} == {0}
    assert {choice.arm for choice in await asyncio.gather(*hot)} == {0, 1}
    for task in served:
        task.cancel()
    await asyncio.gather(*served, return_exceptions=True)


async def test_a_motor_that_is_named_is_used(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        peer, address = await end(stack)
        pair.client.follow([pair.first.address, pair.second.address, address])
        line = await peer.line()
        await stand(pair.client, 3)
        names = [definition("BetaTSPolicy", name=f"e{n}") for n in range(30)]
        waiting = [pair.client.select(one, "u", None) for one in names]
        frame = await line.read()
        assert 0 < len(frame.groups) < 30
        pair.client.follow([address])
        await pair.first.answer()
        await pair.second.answer()
        await line.write(chosen(frame))
        await asyncio.gather(*waiting)


async def test_a_motor_that_is_no_longer_named_finishes_what_it_has(
    pair: Pair,
) -> None:
    waiting = pair.ask(2)
    frame = await pair.first.line.read()
    pair.client.follow([pair.second.address])
    more = pair.ask(2)
    await pair.second.answer(arm=1)
    assert [(await one).arm for one in more] == [1, 1]
    assert not waiting[0].done()
    await pair.first.line.write(chosen(frame, arm=2))
    assert [(await one).arm for one in waiting] == [2, 2]
    with pytest.raises(AssertionError, match="ended the stream"):
        await pair.first.line.read()
    assert pair.client.motors == (1, 1)


async def test_the_last_motor_that_stands_is_not_let_go(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        port = free_port()
        pair.client.follow([f"127.0.0.1:{port}"])
        for arm in (1, 2):
            asked = pair.ask()
            await pair.first.answer(arm)
            assert (await asked[0]).arm == arm
        assert pair.client.motors == (1, 0)
        peer = Peer()
        await stack.enter_async_context(listening(peer, port))
        line = await peer.line()
        await stand(pair.client, 1)
        asked = pair.ask()
        await line.write(chosen(await line.read()))
        await asked[0]
        with pytest.raises(AssertionError, match="ended the stream"):
            await pair.second.line.read()


async def test_a_start_waits_until_every_motor_was_reached_or_found_away() -> None:
    async with AsyncExitStack() as stack:
        _, here = await end(stack)
        away = f"127.0.0.1:{free_port()}"
        async with MotorClient([here, away], 999, PATIENCE) as client:
            await client.tried(PATIENCE)
            assert client.motors == (2, 1)


async def test_a_start_does_not_wait_for_a_motor_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        async with MotorClient([f"{host}:{port}"], 999, PATIENCE) as client:
            await client.tried(0.05)
            assert client.motors == (1, 0)
