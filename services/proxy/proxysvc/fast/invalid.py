"""Bodies that do not decode, told in the contract's 422 shape."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import encode

# what decoding a body into its struct can raise
UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_WHERE: Final = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<name>.+)`$")
_EXPECTED: Final = re.compile(r"^Expected `(?P<wanted>[^`]+)`")


class Problem(msgspec.Struct):
    """One complaint about a body: where, what, and of which kind."""

    loc: list[str | int]
    msg: str
    type: str


class Unprocessable(msgspec.Struct):
    """Body of a 422 answer."""

    detail: list[Problem]


def unprocessable(error: Exception) -> Unprocessable:
    """The 422 body for what a msgspec decoder raised."""
    if not isinstance(error, msgspec.ValidationError):
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Unprocessable([Problem(["body"], text, "json_invalid")])
    message = str(error)
    loc: list[str | int] = ["body"]
    if where := _WHERE.search(message):
        message = message[: where.start()]
        loc += _steps(where["path"])
    if missing := _MISSING.match(message):
        loc.append(missing["name"])
        return Unprocessable([Problem(loc, "Field required", "missing")])
    return Unprocessable([Problem(loc, message, _kind(message))])


def refusal(error: Exception) -> Answer:
    """The answer to a body a decoder raised ``error`` for."""
    return 422, encode(unprocessable(error)), ()


def _steps(path: str) -> list[str | int]:
    return [
        step["name"]
        if step["name"] is not None
        else (int(step["index"]) if step["index"] != "..." else "...")
        for step in _STEP.finditer(path)
    ]


def _kind(message: str) -> str:
    if expected := _EXPECTED.match(message):
        return expected["wanted"].split(" ", 1)[0] + "_type"
    return "value_error"
