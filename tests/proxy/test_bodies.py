"""Bodies of the hot path as they come over real connections."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.processes import running
from tests.proxy.wire import Wire
from tests.proxy.wire import head

SELECT = "/api/v1/agent/select"
UNKNOWN = b'{"experiment_id": "unknown", "context": {"id": "somebody"}}'


async def test_a_connection_carries_any_number_of_bodies_however_they_arrive(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    whole = head(admin, SELECT, len(UNKNOWN)) + UNKNOWN
    short = head(admin, SELECT, 2) + b"{}"
    async with running(environ) as proxy:
        wire = await Wire.to(proxy)
        for cut in range(len(whole) - len(UNKNOWN) - 2, len(whole), 5):
            await wire.send(whole[:cut])
            await wire.send(whole[cut:])
            assert (await wire.answer())[0] == 404
        # three at once: none takes a byte of the next
        await wire.send(whole + short + whole)
        assert [(await wire.answer())[0] for _ in range(3)] == [404, 422, 404]
        wire.close()


async def test_an_announced_length_does_not_cut_a_chunked_body(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    announced = head(admin, SELECT, len(UNKNOWN)).removesuffix(b"\r\n")
    size = f"{len(UNKNOWN):x}".encode()
    async with running(environ) as proxy:
        wire = await Wire.to(proxy)
        await wire.send(announced + b"transfer-encoding: chunked\r\n\r\n")
        await wire.send(size + b"\r\n" + UNKNOWN + b"\r\n")
        await wire.send(b"5\r\n junk\r\n0\r\n\r\n")
        # the whole is not JSON; its first part alone would be a valid request
        assert (await wire.answer())[0] in (400, 422)
        wire.close()
