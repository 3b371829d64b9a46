"""What a person gives a command, parsed."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import TypeVar

T = TypeVar("T")


def json_value(text: str) -> Any:
    """JSON as it stands, or of a file: ``@FILE``, ``@-`` is the standard input."""
    try:
        return json.loads(_read(text), parse_constant=_no_number)
    except ValueError as error:
        raise ArgumentTypeError(f"not JSON: {error}") from None


def json_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    value = json_value(text)
    if not isinstance(value, dict):
        raise ArgumentTypeError("wants a JSON object")
    return value


def json_list(text: str) -> list[Any]:
    """A JSON array."""
    value = json_value(text)
    if not isinstance(value, list):
        raise ArgumentTypeError("wants a JSON array")
    return value


def arm_list(text: str) -> list[dict[str, Any]]:
    """Arms: a JSON array of names, or of objects with a name."""
    return [{"name": one} if isinstance(one, str) else one for one in json_list(text)]


def number(text: str) -> int | float:
    """A finite number; a whole one stays whole."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentTypeError(f"{text!r} is no number")
    if math.isinf(value):
        raise ArgumentTypeError(f"{text!r} is too large")
    return value


def count(text: str) -> int:
    """A whole number, 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def or_none(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """What ``parse`` takes, or ``none``."""

    def parsed(text: str) -> T | None:
        return None if text == "none" else parse(text)

    return parsed


def moment(text: str) -> datetime:
    """A date, or a date and a time (ISO 8601); UTC unless it says otherwise."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date, nor a time of one") from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    if text == "@-":
        return sys.stdin.read()
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise ArgumentTypeError(f"{text[1:]}: {error.strerror}") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
