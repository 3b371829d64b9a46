"""Rows 66 to 71: what breaks, and how clients are told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer

import grpc
import httpx
import msgspec
import pytest
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_http
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.servers import execute

from qbrixcli.embedded.ports import free_port
from qbrixstore.postgres.migrate import migrate

POOLS = "/api/v1/pools"
SELECT = "/api/v1/agent/select"


@pytest.fixture(scope="module")
def broken(
    place: Place, beside: Callable[..., Beside]
) -> Iterator[tuple[Place, Caller]]:
    """A proxy on a database of its own in which a table is missing."""
    at = place.up.postgres
    at = msgspec.structs.replace(at, password=str(at.password))
    own = msgspec.structs.replace(at, database=named("own"))
    asyncio.run(execute(at, f'create database "{own.database}"'))
    asyncio.run(migrate(own))
    proxy = beside(PROXY_POSTGRES_DATABASE=own.database).place
    caller = proxy.register()
    with proxy.plain(caller) as plain:
        assert plain.get(POOLS).status_code == 200
    asyncio.run(execute(own, "alter table pool rename to missing"))
    yield proxy, caller


@pytest.mark.row(66, 71)
def test_what_nobody_expected_is_500(
    connect: Connect, broken: tuple[Place, Caller]
) -> None:
    proxy, caller = broken
    client = connect(caller, at=proxy)
    for _ in range(2):
        with refused("InternalServerError", 500) as caught:
            client.pool.list()
        # nothing of what happened inside
        assert caught[0].detail == "internal error"


@pytest.mark.row(66, 71)
def test_500_is_json_on_a_connection_that_stays(broken: tuple[Place, Caller]) -> None:
    proxy, caller = broken
    with proxy.plain(caller) as plain:
        answers = [plain.get(POOLS) for _ in range(3)]
        ports = {
            answer.extensions["network_stream"].get_extra_info("client_addr")
            for answer in answers
        }
    for answer in answers:
        assert answer.status_code == 500
        assert answer.json() == {
            "code": "INTERNAL_ERROR",
            "detail": "internal error",
            "context": None,
        }
    assert len(ports) == 1


class Gateway(BaseHTTPRequestHandler):
    """What stands in front of a proxy that is away, or too slow."""

    status = 502

    def do_GET(self) -> None:
        body = json.dumps({"detail": "the upstream is away"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def gateway() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.row(68)
@only_http
@pytest.mark.parametrize(
    ("status", "kind"), [(502, "BadGatewayError"), (504, "GatewayTimeoutError")]
)
def test_a_gateway_speaks_for_itself(
    connect: Connect,
    place: Place,
    gateway: str,
    status: int,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gateway, "status", status)
    with refused(kind, status):
        connect(None, at=Place(place.up, gateway, "")).pool.list()


@pytest.fixture(scope="module")
def alone(beside: Callable[..., Beside]) -> Beside:
    """A proxy that may be held."""
    return beside()


@pytest.mark.row(69)
def test_no_answer_is_a_timeout(
    connect: Connect, caller: Caller, alone: Beside
) -> None:
    client = connect(caller, at=alone.place)
    made = running(client)
    alone.freeze(True)
    try:
        with refused("QbrixTimeoutError", None):
            client.agent.select(made.id, {"id": "x"}, timeout=0.3)
        fallback = {"id": "f", "name": "f", "index": 0}
        chosen = client.agent.select(
            made.id, {"id": "x"}, timeout=0.3, fallback=fallback
        )
        assert chosen.is_fallback is True
    finally:
        alone.freeze(False)


@pytest.mark.row(69)
def test_a_closed_port_is_no_connection(connect: Connect, place: Place) -> None:
    port = free_port()
    closed = Place(place.up, f"http://127.0.0.1:{port}", f"127.0.0.1:{port}")
    client = connect(None, at=closed)
    if client.is_grpc:
        with refused("ServiceUnavailableError", 503):
            client.pool.list()
    else:
        with refused("QbrixConnectionError", None):
            client.pool.list()


@pytest.mark.row(70)
def test_unknown_routes_and_methods_answer_in_json(plain: httpx.Client) -> None:
    for method, url, status in (
        ("GET", "/api/v1/no-such-thing", 404),
        ("POST", "/nowhere", 404),
        ("PUT", POOLS, 405),
        ("GET", SELECT, 405),
        ("DELETE", "/api/v1/policies", 405),
    ):
        answer = plain.request(method, url)
        assert answer.status_code == status
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.row(70)
@pytest.mark.wires("raw grpc")
def test_an_unknown_rpc_is_unimplemented(place: Place, caller: Caller) -> None:
    with grpc.insecure_channel(place.grpc) as channel:
        call = channel.unary_unary("/qbrix.proxy.ProxyService/NoSuch")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", metadata=(("x-api-key", caller.key),), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture(scope="module")
def without_postgres(beside: Callable[..., Beside]) -> Place:
    """A proxy that cannot reach its database."""
    return beside(PROXY_POSTGRES_PORT=str(free_port())).place


@pytest.mark.row(67)
def test_without_postgres_the_control_plane_is_503(
    connect: Connect, caller: Caller, without_postgres: Place
) -> None:
    client = connect(caller, at=without_postgres)
    with refused("ServiceUnavailableError", 503):
        client.pool.list()
    with refused("ServiceUnavailableError", 503):
        client.pool.create(named("p"), arms())
