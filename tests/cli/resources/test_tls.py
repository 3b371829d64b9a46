"""A system with TLS on both ports, and the command line that trusts it or not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import grpc
import pytest
from tests.cli.resources.conftest import Shell
from tests.proxy.edge.certificates import make_pair
from tests.system.running import Up
from tests.system.running import scratch

from qbrixproto.proxy_pb2 import ListPoliciesRequest
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub


@pytest.fixture
def secured() -> Iterator[Up]:
    directory = scratch()
    up = Up(directory, **make_pair(directory).environ)
    try:
        yield up.start()
    finally:
        up.put_away()


def test_a_system_with_tls(nobody: Shell, secured: Up) -> None:
    made = secured.credentials
    assert made["http_url"].startswith("https://")
    [feedback] = re.findall(r"reward it:\n(.*)", secured.greeting)
    answer = subprocess.run(["sh", "-c", feedback], capture_output=True, check=True)
    assert answer.stdout == b'{"accepted":true}'
    nobody.set(QBRIX_DATA_DIR=str(secured.directory / "data"))
    said = nobody.fails("whoami")
    assert said.count("\n") == 1
    assert "certificate verify failed" in said
    nobody.set(SSL_CERT_FILE=secured.environ["PROXY_TLS_CERT"])
    assert nobody.json("whoami")["email"] == made["email"]
    # whoever is sent to another place for the outside world still finds this machine
    nobody.set(HTTPS_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    [pool] = nobody.json("pool", "list")
    assert pool["name"] == "quickstart"
    nobody.set(QBRIX_URL=made["http_url"].replace("https", "http"))
    nobody.set(QBRIX_API_KEY=made["api_key"])
    assert nobody.fails("whoami").startswith("qbrix: cannot reach http://")
    scheme, _, address = made["grpc_url"].partition("://")
    assert scheme == "grpcs"
    with open(secured.environ["PROXY_TLS_CERT"], "rb") as file:
        trusted = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel(address, trusted) as channel:
        policies = ProxyServiceStub(channel).ListPolicies(
            ListPoliciesRequest(), metadata=(("x-api-key", made["api_key"]),)
        )
    assert policies.policies
