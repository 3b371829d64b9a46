"""A client of motors, and the other end of its stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Line
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import listening

from proxysvc.stream.client import MotorClient


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def port(peer: Peer) -> AsyncIterator[int]:
    async with listening(peer) as port:
        yield port


@pytest.fixture
async def client(port: int) -> AsyncIterator[MotorClient]:
    async with MotorClient([f"127.0.0.1:{port}"], 1_000, PATIENCE) as client:
        yield client


@pytest.fixture
async def line(peer: Peer, client: MotorClient) -> Line:
    return await peer.line()
