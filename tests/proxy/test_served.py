"""What the server's own protocol leaves to us, over real connections.

The hot path is served in it directly, every other route through a bridge: both behave.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.processes import ProxyProcess
from tests.proxy.processes import running
from tests.proxy.wire import Wire
from tests.proxy.wire import head

from proxysvc.fast.body import MOST_ARRIVING
from proxysvc.fast.direct import AT_ONCE
from proxysvc.main import CONNECTIONS

SELECT = "/api/v1/agent/select"
POOLS = "/api/v1/pools"
PAGE = "https://app.example.org"
UNKNOWN = b'{"experiment_id": "unknown", "context": {"id": "somebody"}}'
MIB = 1 << 20


async def chunked(
    wire: Wire, person: Person, path: str, *chunks: bytes, fields: bytes = b""
) -> None:
    """Send a request whose body is in chunks, without their end."""
    announced = head(person, path, 0).replace(b"content-length: 0\r\n", b"")
    await wire.send(announced.removesuffix(b"\r\n"))
    await wire.send(fields + b"transfer-encoding: chunked\r\n\r\n")
    for chunk in chunks:
        await wire.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")


def test_bodies_read_at_once_take_no_more_than_all_others() -> None:
    assert CONNECTIONS * AT_ONCE <= MOST_ARRIVING


async def test_bodies_keys_and_pages_of_other_origins(
    environ: dict[str, str], engine: AsyncEngine, admin: Person
) -> None:
    async with running({**environ, "PROXY_CORS_ORIGINS": PAGE}) as proxy:
        for path, status in ((SELECT, 404), (POOLS, 422)):
            await bodies(proxy, admin, path, status)
            await keys(proxy, admin, path)
            await pages(proxy, admin, path, status)


async def bodies(proxy: ProxyProcess, admin: Person, path: str, status: int) -> None:
    wire = await Wire.to(proxy)
    await chunked(wire, admin, path, UNKNOWN[:9], UNKNOWN[9:], b"")
    assert (await wire.answer())[0] == status
    # longer than what is read at once
    long = UNKNOWN + b" " * 300_000
    await wire.send(head(admin, path, len(long)))
    await wire.send(long[:100_000])
    await wire.send(long[100_000:])
    assert (await wire.answer())[0] == status
    wire.close()

    wire = await Wire.to(proxy)
    trailed = b"trailer: x-t\r\n"
    await chunked(wire, admin, path, UNKNOWN, fields=trailed)
    await wire.send(b"0\r\nx-t: 1\r\n\r\n")
    assert (await wire.answer())[0] == status
    wire.close()

    wire = await Wire.to(proxy)
    await chunked(wire, admin, path, UNKNOWN[:9])
    await wire.send(b"no size\r\n")
    answered, _, body = await wire.answer()
    assert (answered, body["code"]) == (400, "BAD_REQUEST")
    assert body["detail"] == "the body is cut off or malformed"
    wire.close()

    wire = await Wire.to(proxy)
    await chunked(wire, admin, path, *[b" " * (MIB // 4)] * 4, b" ")
    assert (await wire.answer())[0] == 413
    wire.close()


async def keys(proxy: ProxyProcess, admin: Person, path: str) -> None:
    """One that no server could read is as wrong as any other; the first counts."""
    [key] = admin.headers.values()
    wire = await Wire.to(proxy)
    second = b"x-api-key: optiq_nobody\r\n\r\n"
    request = head(admin, path, len(UNKNOWN)).removesuffix(b"\r\n") + second
    await wire.send(request + UNKNOWN)
    assert (await wire.answer())[0] != 401
    wire.close()
    for wrong in (b"optiq_nobody", b"\xe9"):
        wire = await Wire.to(proxy)
        request = head(admin, path, len(UNKNOWN)).replace(key.encode(), wrong)
        await wire.send(request + UNKNOWN)
        status, _, body = await wire.answer()
        assert (status, body["detail"]) == (401, "api key is not valid")
        wire.close()


async def pages(proxy: ProxyProcess, admin: Person, path: str, status: int) -> None:
    wire = await Wire.to(proxy)
    plain = head(admin, path, len(UNKNOWN))
    asked = plain.removesuffix(b"\r\n") + f"origin: {PAGE}\r\n\r\n".encode()
    for request, allowed in ((plain, None), (asked, PAGE)):
        await wire.send(request + UNKNOWN)
        answered, headers, _ = await wire.answer()
        assert (answered, headers["vary"]) == (status, "origin")
        assert headers.get("access-control-allow-origin") == allowed
    wire.close()
