"""Many decisions at once over a bounded number of connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.wire import Connection
from qbrixcli.together import together

CONNECTIONS = 32

Do = Callable[[Connection, int, int], Awaitable[None]]


@asynccontextmanager
async def connect(base_url: str, api_key: str) -> AsyncIterator[list[Connection]]:
    """Open connections. Raises DemoError if nobody listens."""
    async with AsyncExitStack() as stack:
        try:
            yield [
                await stack.enter_async_context(Connection(base_url, api_key))
                for _ in range(CONNECTIONS)
            ]
        except ConnectionRefusedError as error:
            raise DemoError(f"nobody listens on {base_url}") from error


async def drive(
    connections: Sequence[Connection], count: int, entrants: int, do: Do
) -> None:
    """``do(connection, turn, entrant)`` for every turn and entrant, turns in order.

    The entrants meet a turn one right after the other, so that they learn under the
    same delay. Raises DemoError if one call fails; the others are dropped.
    """
    jobs = ((turn, entrant) for turn in range(count) for entrant in range(entrants))
    await together(*(_work(connection, jobs, do) for connection in connections))


async def _work(
    connection: Connection, jobs: Iterable[tuple[int, int]], do: Do
) -> None:
    for turn, entrant in jobs:
        await do(connection, turn, entrant)
