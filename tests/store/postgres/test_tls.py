"""TLS to Postgres, through a door in front of a server that has none."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from qbrixcore.errors import Unavailable
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import get_session
from qbrixstore.postgres import init_db

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
async def door(
    postgres_server: PostgresSettings, certificate: tuple[Path, Path]
) -> AsyncIterator[PostgresSettings]:
    """The address of the same database with TLS, for the name localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)  # an SSLRequest
            writer.write(b"S")
            await writer.start_tls(context)
            await _join(reader, writer, postgres_server)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield msgspec.structs.replace(postgres_server, port=port)


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: PostgresSettings
) -> None:
    inner_reader, inner_writer = await asyncio.open_connection(to.host, to.port)

    async def pass_on(
        source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()

    await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))


@asynccontextmanager
async def asked(settings: PostgresSettings) -> AsyncIterator[object]:
    engine = init_db(settings)
    try:
        async with get_session(engine, "t") as session:
            yield await session.scalar(text("select 1"))
    finally:
        await engine.dispose()


def at(door: PostgresSettings, host: str, mode: str) -> PostgresSettings:
    return msgspec.structs.replace(door, host=host, sslmode=mode)


@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_unverified_modes_take_any_certificate(
    door: PostgresSettings, mode: str
) -> None:
    async with asked(at(door, "127.0.0.1", mode)) as one:
        assert one == 1


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_unknown_authority_is_refused(door: PostgresSettings, mode: str) -> None:
    with pytest.raises(Unavailable, match="TLS"):
        async with asked(at(door, "localhost", mode)):
            pass


async def test_known_authority_is_trusted_for_its_names(
    door: PostgresSettings,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    for host, mode in (
        ("localhost", "verify-full"),
        ("localhost", "verify-ca"),
        ("127.0.0.1", "verify-ca"),
    ):
        async with asked(at(door, host, mode)) as one:
            assert one == 1
    with pytest.raises(Unavailable, match="TLS"):
        async with asked(at(door, "127.0.0.1", "verify-full")):
            pass
