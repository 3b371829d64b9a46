"""Rows 58 to 71: every typed error can be reached, and is the right one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.servers import execute
from tests.system.running import eventually

from qbrixcli.embedded.ports import free_port
from qbrixserving.errors import Code
from qbrixstore.postgres.migrate import migrate

POOLS = "/api/v1/pools"
SELECT = "/api/v1/agent/select"


@pytest.mark.row(58)
def test_errors_come_in_one_envelope(plain: httpx.Client) -> None:
    answers = [
        plain.get(f"{POOLS}/never-made"),
        plain.get("/api/v1/experiments/never-made"),
        plain.get("/api/v1/gates/never-made"),
        plain.get("/no/such/route"),
        plain.put(POOLS, json={}),
        plain.get(POOLS, headers={"X-API-Key": "optiq_wrong"}),
        plain.get(POOLS, headers={"X-API-Key": ""}),
        plain.post(
            SELECT, json={"experiment_id": "never-made", "context": {"id": "x"}}
        ),
        plain.post("/api/v1/agent/feedback", json={"request_id": "x", "reward": 1}),
    ]
    for answer in answers:
        said = answer.json()
        assert answer.headers["content-type"].startswith("application/json")
        assert set(said) <= {"code", "detail", "context"}
        assert said["code"] in set(Code)
        assert isinstance(said["detail"], str)
        assert said.get("context") is None or isinstance(said["context"], dict)
    assert len(Code) == 26


@pytest.mark.row(60, 4)
def test_who_is_unknown_is_401(connect: Connect, place: Place) -> None:
    for caller in (None, Caller("optiq_" + "x" * 43), Caller("nonsense")):
        with refused("AuthenticationError", 401):
            connect(caller).pool.list()
        with refused("AuthenticationError", 401):
            connect(caller).agent.select("any", {"id": "x"}, fallback={"id": "f"})


@pytest.mark.row(60, 58)
def test_who_is_unknown_has_a_code(place: Place) -> None:
    for header, code in (
        ({}, "UNAUTHORIZED"),
        ({"X-API-Key": "optiq_wrong"}, "INVALID_API_KEY"),
    ):
        with place.plain() as plain:
            answer = plain.get(POOLS, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.row(61)
def test_a_viewer_makes_no_pools(
    connect: Connect, place: Place, caller: Caller
) -> None:
    viewer = place.caller("viewer", caller.tenant)
    client = connect(viewer)
    assert client.pool.list().model == "PaginatedResponse"
    with refused("ForbiddenError", 403):
        client.pool.create(named("p"), arms())
    with place.plain(viewer) as plain:
        answer = plain.post(POOLS, json={"name": named("p"), "arms": arms()})
    assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPES")


@pytest.mark.row(62)
def test_what_is_unknown_is_404(client: Client) -> None:
    for call in (
        client.pool.get,
        client.experiment.get,
        client.gate.get,
        client.pool.delete,
        client.experiment.delete,
        client.gate.delete,
    ):
        with refused("NotFoundError", 404) as caught:
            call("never-made")
        assert caught[0].detail


@pytest.mark.row(64)
@only_http
def test_a_body_of_the_wrong_form_is_422(client: Client) -> None:
    for body in (
        {"arms": arms()},
        {"name": 7, "arms": arms()},
        {"name": named("p"), "arms": [{"name": None}]},
        {"name": named("p"), "arms": []},
    ):
        with refused("UnprocessableEntityError", 422) as caught:
            client.call("post", POOLS, body=body)
        (problem, *_) = caught[0].context["errors"]
        assert set(problem) >= {"loc", "msg", "type"}
        assert isinstance(problem["loc"], list)
        # flattened by the client, which it can do with this form only
        assert str(caught[0].detail).endswith(problem["msg"])


@pytest.mark.row(64)
def test_422_is_not_enveloped(plain: httpx.Client) -> None:
    for url, body in (
        (POOLS, {"arms": []}),
        (SELECT, {"context": {"id": "x"}}),
        ("/api/v1/agent/feedback", {"request_id": "x", "reward": "much"}),
    ):
        answer = plain.post(url, json=body)
        assert answer.status_code == 422
        assert set(answer.json()) == {"detail"}
        for problem in answer.json()["detail"]:
            assert set(problem) == {"loc", "msg", "type"}
            assert problem["loc"][0] == "body"


@pytest.mark.row(64)
@only_grpc
def test_a_request_of_the_wrong_form_is_400_on_grpc(client: Client) -> None:
    with refused("BadRequestError", 400):
        client.pool.create("", arms())
    with refused("BadRequestError", 400):
        client.policy.list(reward_type="categorical")


@pytest.fixture(scope="module")
def small_plan(beside: Callable[..., Beside]) -> Place:
    """Where a new tenant may call 20 times a minute."""
    return beside(PROXY_PLAN_LIMITS="free:20/0/0").place


@pytest.mark.row(65)
def test_too_many_calls_are_429(connect: Connect, small_plan: Place) -> None:
    client = connect(small_plan.register(), at=small_plan)

    def limited() -> Any:
        try:
            with refused("RateLimitedError", 429) as caught:
                client.policy.list()
        except AssertionError as error:
            assert "no RateLimitedError" in str(error)
        return caught

    found: list[Any] = []
    eventually(lambda: found or found.extend(limited()))
    retry_after = found[0].retry_after
    assert retry_after is not None
    assert 1 <= retry_after <= 60
    assert retry_after == int(retry_after)
    with refused("RateLimitedError", 429):
        client.agent.select("any", {"id": "x"})


@pytest.mark.row(65, 58)
def test_retry_after_is_whole_seconds(small_plan: Place) -> None:
    with small_plan.plain(small_plan.register()) as plain:
        eventually(lambda: plain.get("/api/v1/policies").status_code == 429)
        answer = plain.get("/api/v1/policies")
    assert answer.json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.fixture(scope="module")
def broken(
    place: Place, beside: Callable[..., Beside]
) -> Iterator[tuple[Place, Caller]]:
    """A proxy on a database of its own in which a table is missing."""
    own = msgspec.structs.replace(place.up.postgres, database=named("own"))
    asyncio.run(execute(place.up.postgres, f'create database "{own.database}"'))
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


@pytest.mark.row(69)
def test_no_answer_is_a_timeout(
    connect: Connect, caller: Caller, beside: Callable[..., Beside]
) -> None:
    if "frozen" not in STARTED:
        STARTED["frozen"] = beside()
    proxy = STARTED["frozen"]
    client = connect(caller, at=proxy.place)
    made = running(client)
    proxy.freeze(True)
    try:
        with refused("QbrixTimeoutError", None):
            client.agent.select(made.id, {"id": "x"}, timeout=0.3)
        fallback = {"id": "f", "name": "f", "index": 0}
        chosen = client.agent.select(
            made.id, {"id": "x"}, timeout=0.3, fallback=fallback
        )
        assert chosen.is_fallback is True
    finally:
        proxy.freeze(False)


STARTED: dict[str, Beside] = {}


@pytest.mark.row(69)
def test_a_closed_port_is_no_connection(connect: Connect, place: Place) -> None:
    port = free_port()
    client = connect(None, at=Place(place.up, f"http://127.0.0.1:{port}", ""))
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


@pytest.mark.row(67)
def test_without_postgres_the_control_plane_is_503(
    connect: Connect, place: Place, beside: Callable[..., Beside]
) -> None:
    """A database that takes no connections; the proxy had one, and loses it."""
    if "away" not in STARTED:
        STARTED["away"] = beside(PROXY_POSTGRES_PORT=str(free_port()))
    proxy = STARTED["away"].place
    client = connect(place.caller(), at=proxy)
    with refused("ServiceUnavailableError", 503):
        client.pool.list()
    with refused("ServiceUnavailableError", 503):
        client.pool.create(named("p"), arms())
