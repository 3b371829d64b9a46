"""What is said when something is refused, and the policies."""

from __future__ import annotations

import json

import httpx
import pytest
from tests.cli.resources.conftest import Shell

from qbrixcli.resources.client import content
from qbrixcli.resources.client import is_local
from qbrixcli.resources.client import path_of
from qbrixcli.resources.errors import ClientError
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.refusal import refusal


def said(status: int, body: object, **headers: str) -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return str(refusal(httpx.Response(status, text=text, headers=headers)))


def test_every_field_that_is_wrong_is_named(qbrix: Shell) -> None:
    said = qbrix.fails("pool", "create", "", "--arm", "a")
    first, second = said.splitlines()
    assert first == "qbrix: the server does not accept what was given"
    assert second.startswith("  name: ")


def test_the_envelope_is_one_line() -> None:
    context = {"experiments": ["e1", "e2"], "count": 2}
    body = {"code": "POOL_HAS_EXPERIMENTS", "detail": "in use", "context": context}
    assert said(409, body) == (
        "POOL_HAS_EXPERIMENTS: in use (experiments: e1 e2, count: 2)"
    )
    body = {"code": "RATE_LIMITED", "detail": "too often", "context": None}
    assert said(429, body, **{"Retry-After": "3"}) == (
        "RATE_LIMITED: too often, try again in 3 s"
    )
    assert said(400, {"detail": "no"}) == "400: no"


def test_several_problems() -> None:
    problems = [
        {"loc": ["body", "arms", 0, "name"], "msg": "too short", "type": "x"},
        {"loc": ["query", "limit"], "msg": "too many", "type": "x"},
        "nonsense",
    ]
    assert said(422, {"detail": problems}).splitlines()[1:] == [
        "  arms.0.name: too short",
        "  query.limit: too many",
    ]


@pytest.mark.parametrize("body", ["", "<html>\n gone", "[]", "null", "{}"])
def test_something_in_between_answered(body: str) -> None:
    text = said(502, body)
    assert text.startswith("the server answered 502: ")
    assert "\n" not in text


def test_nothing_of_others_reaches_the_terminal_raw() -> None:
    body = {"code": "CONFLICT", "detail": "\x1b[31mred\n\u202e", "context": None}
    assert said(409, body) == "CONFLICT: \\x1b[31mred\\n\\u202e"


def test_an_answer_that_is_no_json() -> None:
    request = httpx.Request("GET", "http://127.0.0.1/api/v1/pools?limit=1")
    with pytest.raises(ClientError, match="/pools is no qbrix"):
        content(httpx.Response(200, text="<html>", request=request))
    assert content(httpx.Response(204)) is None


def test_ids_stay_inside_of_their_segment() -> None:
    assert path_of(("api", "a/../b?c#d e")) == "/api/a%2F..%2Fb%3Fc%23d%20e"
    for empty in ("", ".", ".."):
        with pytest.raises(UsageError):
            path_of(("api", empty))


def test_an_unknown_id_with_odd_characters(qbrix: Shell) -> None:
    assert "POOL_NOT_FOUND: " in qbrix.fails("pool", "get", "a?b#c d")
    assert "is no id" in qbrix.fails("pool", "get", "..", code=2)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("https://localhost/x", True),
        ("https://qbrix.example.org", False),
        ("http://10.0.0.1", False),
    ],
)
def test_a_proxy_is_used_only_for_other_machines(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_policies_and_their_parameters(qbrix: Shell) -> None:
    listed = qbrix("policies", "--reward-type", "continuous")
    assert "LinUCBPolicy" in listed
    assert "BetaTSPolicy " not in listed
    shown = qbrix("policies", "LinUCBPolicy")
    [alpha] = [line for line in shown.splitlines() if line.startswith("alpha")]
    assert alpha.split()[:3] == ["alpha", "number", "no"]
    assert qbrix.json("policies", "LinUCBPolicy")["category"] == "contextual"
    assert "no such policy: Nothing" in qbrix.fails("policies", "Nothing")
