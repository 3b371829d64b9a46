"""What the hot path owns of HTTP itself, driven as an ASGI server would."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.proxy.hot.rest import FEEDBACK
from tests.proxy.hot.rest import SELECT
from tests.proxy.hot.rest import Rest

from proxysvc.app import Worker

MIB = 1 << 20


class Exchange:
    """One request in chunks, and what was sent back."""

    def __init__(self, worker: Worker, key: str) -> None:
        self._worker = worker
        self._headers = [(b"x-api-key", key.encode())]
        self.sent: list[Any] = []
        self.taken = 0

    async def run(
        self, *chunks: bytes, end: str = "http.request", length: int | None = None
    ) -> None:
        """Send a body that ends as an ASGI server says it does."""
        self.taken = 0
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": True}
            for chunk in chunks
        ]
        messages.append({"type": end})

        async def receive() -> Any:
            self.taken += 1
            return messages[self.taken - 1]

        async def send(message: Any) -> None:
            self.sent.append(message)

        headers = list(self._headers)
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        scope = {"type": "http", "method": "POST", "path": SELECT, "headers": headers}
        await self._worker.http(scope, receive, send)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.sent[1]["body"])


@pytest.fixture
def exchange(worker: Worker, rest: Rest) -> Exchange:
    return Exchange(worker, rest.client.headers["x-api-key"])


def request(experiment: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {"experiment_id": experiment["id"], "context": {"id": "somebody"}}
    )


async def test_a_body_may_come_in_chunks(
    exchange: Exchange, plain: dict[str, Any]
) -> None:
    whole = request(plain)
    await exchange.run(whole[:7], b"", whole[7:30], whole[30:])
    assert exchange.status == 200
    assert exchange.body["request_id"]


async def test_nothing_is_read_behind_a_body_of_the_announced_length(
    exchange: Exchange, plain: dict[str, Any]
) -> None:
    whole = request(plain)
    await exchange.run(whole, length=len(whole))
    assert (exchange.status, exchange.taken) == (200, 1)
    exchange.sent.clear()
    await exchange.run(whole[:9], whole[9:], b"", length=len(whole))
    assert (exchange.status, exchange.taken) == (200, 2)


async def test_a_body_that_breaks_off_is_not_our_fault(
    exchange: Exchange, plain: dict[str, Any]
) -> None:
    await exchange.run(request(plain)[:20], end="http.disconnect")
    assert (exchange.status, exchange.body["code"]) == (400, "BAD_REQUEST")
    exchange.sent.clear()
    await exchange.run(end="http.disconnect")
    assert (exchange.status, exchange.body["code"]) == (400, "BAD_REQUEST")


async def test_a_body_announced_too_long_is_not_read(exchange: Exchange) -> None:
    await exchange.run(b"x", length=MIB + 1)
    assert exchange.taken == 0
    assert (exchange.status, exchange.body["code"]) == (413, "BAD_REQUEST")


async def test_a_body_that_grows_too_long_is_refused(exchange: Exchange) -> None:
    half = b" " * (MIB // 2)
    await exchange.run(half, half, b"x", half, half)
    assert exchange.taken == 3
    assert (exchange.status, exchange.body["code"]) == (413, "BAD_REQUEST")


async def test_the_largest_body_is_read(rest: Rest, plain: dict[str, Any]) -> None:
    body = request(plain)
    largest = body + b" " * (MIB - len(body))
    assert (await rest.client.post(SELECT, content=largest)).status_code == 200
    answer = await rest.client.post(SELECT, content=largest + b" ")
    assert answer.status_code == 413


@pytest.mark.parametrize("path", [SELECT, FEEDBACK])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed(
    rest: Rest, path: str, method: str
) -> None:
    answer = await rest.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"", ["body"], "json_invalid"),
        (b"{", ["body"], "json_invalid"),
        (b"nonsense", ["body"], "json_invalid"),
        (b'{"experiment_id": "\xff", "context": {}}', ["body"], "json_invalid"),
        (b'{"experiment_id": "\\ud800", "context": {}}', ["body"], "json_invalid"),
        (b"[]", ["body"], "object_type"),
        (b"{}", ["body", "experiment_id"], "missing"),
        (b'{"experiment_id": "e"}', ["body", "context"], "missing"),
        (b'{"experiment_id": 7, "context": {}}', ["body", "experiment_id"], "str_type"),
        (
            b'{"experiment_id": "e", "context": {}}',
            ["body", "context", "id"],
            "missing",
        ),
        (
            b'{"experiment_id": "e", "context": {"id": "u", "vector": [1, true]}}',
            ["body", "context", "vector", 1],
            "float_type",
        ),
        (
            b'{"experiment_id": "e", "context": {"id": "u", "vector": [NaN]}}',
            ["body"],
            "json_invalid",
        ),
        (
            b'{"experiment_id": "e", "context": {"id": "u", "vector": [1e999]}}',
            ["body", "context", "vector", 0],
            "value_error",
        ),
        (
            b'{"experiment_id": "e", "context": {"id": "u", "properties": []}}',
            ["body", "context", "properties"],
            "object_type",
        ),
    ],
)
async def test_a_malformed_body_is_told_where(
    rest: Rest, body: bytes, loc: list[str | int], kind: str
) -> None:
    answer = await rest.client.post(SELECT, content=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}
    [problem] = answer.json()["detail"]
    assert (problem["loc"], problem["type"]) == (loc, kind)
    assert problem["msg"]
    assert answer.headers["x-request-id"]


async def test_a_body_nested_too_deeply_is_refused(rest: Rest) -> None:
    nested = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    body = b'{"experiment_id":"e","context":{"id":"u","properties":' + nested + b"}}"
    answer = await rest.client.post(SELECT, content=body)
    assert answer.status_code == 422


async def test_other_paths_go_to_the_router(rest: Rest) -> None:
    assert (await rest.client.post(f"{SELECT}/")).status_code == 404
    assert (await rest.client.get("/health")).status_code == 200
