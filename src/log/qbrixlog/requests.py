"""The id of the call being answered, for logs and for the next service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import getrandbits
from re import compile as pattern
from typing import Final

LONGEST: Final = 128
_ACCEPTED: Final = pattern(rf"[!-~]{{1,{LONGEST}}}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the current call, or "" outside of any."""
    return _current.get()


def choose_request_id(given: str | None = None) -> str:
    """The caller's id if it is 1 to 128 visible ASCII characters, else a new one."""
    if given and _ACCEPTED.fullmatch(given):
        return given
    return getrandbits(128).to_bytes(16).hex()


@contextmanager
def request_context(identifier: str) -> Iterator[str]:
    """Everything logged inside, also by tasks started inside, carries the id."""
    token = _current.set(identifier)
    try:
        yield identifier
    finally:
        _current.reset(token)
