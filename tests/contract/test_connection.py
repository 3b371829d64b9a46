"""Rows 1 to 10: connections, credentials and tenants."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from collections.abc import Iterator

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import Driver
from tests.contract.client import Wire
from tests.contract.client import refused
from tests.contract.conftest import ORIGIN
from tests.contract.conftest import Connect
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.proxy.edge.certificates import Pair
from tests.proxy.edge.certificates import make_pair

POOLS = "/api/v1/pools"
LONGEST_IDLE = 6.0  # seconds; the client drops its own after 5

# https://www.rfc-editor.org/rfc/rfc9113#section-3.4 and sections 6.5 to 6.8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7


@pytest.fixture(scope="module", autouse=True)
def pinged(place: Place) -> Iterator[Callable[[], list[int]]]:
    """An idle gRPC connection that pings as eagerly as the server's promise allows.

    The server promises to bear a ping every five seconds, six times the client's pace.
    Returned is what sends the last of four and tells the kinds of frames that came.
    """
    host, port = place.grpc.split(":")
    started = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(PREFACE + _frame(SETTINGS, b""))
        connection.sendall(_frame(PING, b"ping   0"))

        def finish() -> list[int]:
            kinds: list[int] = []
            for count in range(1, 4):
                due = started + count * 5.2
                time.sleep(max(0.0, due - time.monotonic()))
                connection.sendall(_frame(PING, b"ping  %2d" % count))
                kinds.extend(_frames(connection))
            return kinds

        yield finish


def _frame(kind: int, payload: bytes) -> bytes:
    length = struct.pack(">I", len(payload))[1:]
    return length + bytes([kind, 0]) + bytes(4) + payload


def _frames(connection: socket.socket) -> list[int]:
    """Kinds of the frames until a ping is acknowledged or the peer goes away."""
    kinds: list[int] = []
    while PING not in kinds and GOAWAY not in kinds:
        head = _exactly(connection, 9)
        _exactly(connection, int.from_bytes(head[:3], "big"))
        kinds.append(head[3])
    return kinds


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, "the connection was closed"
        data += more
    return data


def _port(answer: httpx.Response) -> object:
    """The client's end of the connection that an answer came on, while it is open."""
    return answer.extensions["network_stream"].get_extra_info("client_addr")


@pytest.mark.row(1)
def test_one_connection_answers_everything_in_json(plain: httpx.Client) -> None:
    answers = [
        plain.get(POOLS),
        plain.post(POOLS, json={"name": named("pöl"), "arms": arms("blåu", "grün")}),
        plain.get("/api/v1/policies"),
        plain.get(f"{POOLS}/never-made"),
    ]
    assert len({_port(answer) for answer in answers}) == 1
    assert {answer.http_version for answer in answers} == {"HTTP/1.1"}
    assert [answer.status_code for answer in answers] == [200, 201, 200, 404]
    assert all(answer.json() for answer in answers)
    assert answers[1].json()["arms"][0]["name"] == "blåu"
    assert "blåu".encode() in answers[1].content


@pytest.mark.row(1)
def test_the_client_is_never_redirected(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms("blåu", "grün"))
    assert client.pool.get(pool.id).arms[0].name == "blåu"


@pytest.mark.row(2)
def test_a_content_type_is_not_a_body(plain: httpx.Client) -> None:
    made = plain.post(POOLS, json={"name": named("p"), "arms": arms()}).json()
    for method, url in (
        ("GET", POOLS),
        ("GET", f"{POOLS}/{made['id']}"),
        ("DELETE", f"{POOLS}/{made['id']}"),
    ):
        answer = plain.request(method, url)
        assert answer.request.headers["content-type"] == "application/json"
        assert answer.request.content == b""
        assert answer.status_code == 200


@pytest.mark.row(3)
def test_an_idle_connection_stays(plain: httpx.Client, place: Place) -> None:
    limits = httpx.Limits(keepalive_expiry=60)
    transport = httpx.HTTPTransport(limits=limits)
    with httpx.Client(base_url=place.http, transport=transport) as client:
        client.headers.update(plain.headers)
        first = _port(client.get(POOLS))
        time.sleep(LONGEST_IDLE)
        second = client.get(POOLS)
        assert second.status_code == 200
        assert _port(second) == first


@pytest.mark.row(4)
def test_the_key_says_who_calls(connect: Connect, caller: Caller) -> None:
    assert connect(caller).pool.list().model == "PaginatedResponse"
    for unknown in (None, Caller(""), Caller("optiq_unknown")):
        with refused("AuthenticationError", 401):
            connect(unknown).pool.list()


@pytest.mark.row(5)
@pytest.mark.wires("plain http")
def test_a_bearer_may_be_a_login_or_a_key(place: Place) -> None:
    person = place.register()
    assert person.key.startswith("optiq_")
    who = {"email": person.email, "password": person.password}
    with place.plain() as plain:
        access = plain.post("/auth/login", json=who).json()["access_token"]
        for bearer in (access, person.key):
            answer = plain.get(POOLS, headers={"Authorization": f"Bearer {bearer}"})
            assert answer.status_code == 200
        answer = plain.get(POOLS, headers={"Authorization": "Bearer nonsense"})
        assert answer.status_code == 401


@pytest.fixture(scope="module")
def open_door(beside: Callable[..., Beside]) -> Place:
    """A proxy for development."""
    return beside(PROXY_AUTH="off", QBRIX_ENV="dev").place


@pytest.mark.row(6)
def test_development_needs_no_key(connect: Connect, open_door: Place) -> None:
    client = connect(None, at=open_door)
    made = running(client)
    assert client.agent.select(made.id, {"id": "someone"}).request_id
    with refused("AuthenticationError", 401):
        connect(Caller("optiq_wrong"), at=open_door).pool.list()


@pytest.mark.row(7)
@pytest.mark.wires("plain http")
def test_a_browser_may_ask_first(place: Place) -> None:
    wanted = "x-api-key,content-type,accept"
    for method, url in (
        ("POST", "/api/v1/agent/select"),
        ("POST", "/api/v1/agent/feedback"),
        ("GET", POOLS),
        ("PATCH", "/api/v1/gates/whichever"),
    ):
        headers = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": wanted,
        }
        with place.plain() as plain:
            answer = plain.request("OPTIONS", url, headers=headers)
        assert answer.is_success
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert allowed == "*" or {"x-api-key", "content-type", "accept"} <= {
            name.strip() for name in allowed.split(",")
        }
        methods = answer.headers["access-control-allow-methods"]
        assert methods == "*" or method in methods


@pytest.mark.row(7)
def test_the_answer_is_the_browsers_too(plain: httpx.Client) -> None:
    for url in (POOLS, "/api/v1/agent/select"):
        answer = plain.request(
            "GET" if url == POOLS else "POST", url, headers={"Origin": ORIGIN}, json={}
        )
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(beside: Callable[..., Beside], pair: Pair) -> Place:
    return beside(**pair.environ).place


@pytest.fixture(scope="module")
def trusting(pair: Pair) -> Iterator[Driver]:
    """The client in a process that trusts the certificate."""
    cert = str(pair.cert)
    driver = Driver(SSL_CERT_FILE=cert, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=cert)
    yield driver
    driver.close()


@pytest.mark.row(8)
def test_both_ports_speak_tls(
    wire: Wire, trusting: Driver, secure: Place, caller: Caller
) -> None:
    url = secure.url(wire.transport, secure=True)
    client = trusting.client(wire, url, api_key=caller.key)
    made = running(client)
    assert client.agent.select(made.id, {"id": "someone"}).request_id


@pytest.mark.row(8)
def test_without_tls_the_grpc_port_is_plaintext(client: Client) -> None:
    assert client.policy.list()


@pytest.mark.row(10)
def test_tenants_do_not_see_each_other(
    connect: Connect, caller: Caller, place: Place
) -> None:
    ours, theirs = connect(caller), connect(place.caller())
    made = running(ours)
    for call in (
        lambda: theirs.pool.get(made.pool_id),
        lambda: theirs.pool.update(made.pool_id, name=named("stolen")),
        lambda: theirs.pool.delete(made.pool_id),
        lambda: theirs.pool.list_experiments(made.pool_id),
        lambda: theirs.experiment.create(named("e"), made.pool_id, policy="FPLPolicy"),
        lambda: theirs.experiment.get(made.id),
        lambda: theirs.experiment.update(made.id, enabled=False),
        lambda: theirs.experiment.delete(made.id),
        lambda: theirs.gate.get(made.id),
        lambda: theirs.gate.create(made.id),
        lambda: theirs.agent.select(made.id, {"id": "someone"}),
    ):
        with refused("NotFoundError", 404):
            call()
    listed = [one.id for one in theirs.experiment.list()["items"]]
    assert made.id not in listed
    assert ours.experiment.get(made.id).enabled is True


@pytest.mark.row(9)
@pytest.mark.wires("raw grpc")
def test_pings_of_an_idle_connection_are_answered(
    pinged: Callable[[], list[int]],
) -> None:
    kinds = pinged()
    assert kinds.count(PING) == 3
    assert GOAWAY not in kinds
