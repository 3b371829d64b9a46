"""What a server answered that it did not do, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from qbrixcli.resources.errors import ClientError
from qbrixcli.resources.errors import Unavailable
from qbrixcli.resources.plain import plain

LONGEST = 300


def refusal(answer: httpx.Response) -> ClientError:
    """The envelope as one line, and a line more for each field that is wrong."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "detail" not in body:
        text = plain(" ".join(answer.text.split()))[:LONGEST]
        return ClientError(f"the server answered {answer.status_code}: {text}")
    if isinstance(body["detail"], list):
        return ClientError("\n".join(_problems(body["detail"])))
    code = body.get("code") or answer.status_code
    more = _context(body.get("context")) + _wait(answer)
    kind = Unavailable if answer.status_code == 503 else ClientError
    return kind(plain(f"{code}: {body['detail']}{more}"))


def _problems(problems: list[Any]) -> Iterator[str]:
    yield "the server does not accept what was given"
    for problem in problems:
        if not isinstance(problem, dict):
            continue
        place = [str(part) for part in problem.get("loc", ()) if part != "body"]
        name = ".".join(place) or "body"
        yield plain(f"  {name}: {problem.get('msg', 'invalid')}")


def _context(context: object) -> str:
    if not isinstance(context, dict) or not context:
        return ""
    return " (" + ", ".join(f"{k}: {_value(v)}" for k, v in context.items()) + ")"


def _value(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value)


def _wait(answer: httpx.Response) -> str:
    seconds = answer.headers.get("retry-after")
    return "" if seconds is None else f", try again in {seconds} s"
