"""TLS on both ports, and what is said about files that will not do."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.edge.certificates import Pair
from tests.proxy.edge.certificates import make_pair
from tests.proxy.people import add_person
from tests.proxy.processes import ProxyProcess
from tests.proxy.processes import environment
from tests.proxy.processes import start
from tests.proxy.waiting import eventually

from proxysvc.tls import TlsSettings
from qbrixproto.proxy_pb2 import ListPoliciesRequest
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub
from qbrixserving.settings import SettingsError
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.config import RedisSettings


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


async def test_both_ports_speak_tls_and_nothing_else(
    engine: AsyncEngine,
    postgres_server: PostgresSettings,
    redis_server: RedisSettings,
    pair: Pair,
) -> None:
    environ = environment(postgres_server, redis_server, **pair.environ)
    person = await add_person(engine)
    process = await start(environ)
    try:
        proxy = ProxyProcess(process, environ)
        url = proxy.url.replace("http://", "https://")
        trusted = ssl.create_default_context(cafile=str(pair.cert))
        async with httpx.AsyncClient(
            verify=trusted, headers=person.headers, trust_env=False
        ) as client:

            async def answers() -> bool:
                assert process.returncode is None
                try:
                    return (await client.get(f"{url}/health/ready")).is_success
                except httpx.TransportError:
                    return False

            await eventually(answers)
            assert (await client.get(f"{url}/api/v1/policies")).status_code == 200
            with pytest.raises(httpx.TransportError):
                await client.get(f"{proxy.url}/health")

        credentials = grpc.ssl_channel_credentials(pair.cert.read_bytes())
        key = (("x-api-key", person.key),)
        async with grpc.aio.secure_channel(proxy.grpc, credentials) as channel:
            policies = ProxyServiceStub(channel).ListPolicies
            assert (await policies(ListPoliciesRequest(), metadata=key)).policies
        async with grpc.aio.insecure_channel(proxy.grpc) as channel:
            policies = ProxyServiceStub(channel).ListPolicies
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await policies(ListPoliciesRequest(), metadata=key)
            assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        process.terminate()
        await process.communicate()


def refusal(cert: Path | None, key: Path | None) -> str:
    with pytest.raises(SettingsError) as raised:
        TlsSettings(cert=cert, key=key).check()
    text = str(raised.value)
    assert "\n" not in text
    return text


def test_without_files_there_is_no_tls() -> None:
    settings = TlsSettings()
    settings.check()
    assert settings.pair() is None


def test_files_that_will_not_do_are_named(pair: Pair, tmp_path: Path) -> None:
    other = make_pair(tmp_path, "other")
    locked = make_pair(tmp_path, "locked", b"a passphrase")
    garbage = tmp_path / "garbage"
    garbage.write_text("no certificate")
    missing = tmp_path / "missing"
    assert "PROXY_TLS_KEY: unset" in refusal(pair.cert, None)
    assert "PROXY_TLS_CERT: unset" in refusal(None, pair.key)
    assert "no such file" in refusal(missing, pair.key)
    assert f"PROXY_TLS_KEY: cannot read {missing}" in refusal(pair.cert, missing)
    assert "is a directory" in refusal(tmp_path, pair.key)
    assert "mismatch" in refusal(pair.cert, other.key)
    for cert, key in ((garbage, pair.key), (pair.cert, garbage), locked):
        assert "wants a certificate and its key" in refusal(cert, key)
    TlsSettings(cert=pair.cert, key=pair.key).check()


async def test_a_proxy_with_a_bad_file_says_one_line_and_ends(
    postgres_server: PostgresSettings, redis_server: RedisSettings, pair: Pair
) -> None:
    pair.key.unlink()
    environ = environment(postgres_server, redis_server, **pair.environ)
    process = await start(environ)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode() == (
        f"PROXY_TLS_KEY: cannot read {pair.key} (no such file or directory)\n"
    )
