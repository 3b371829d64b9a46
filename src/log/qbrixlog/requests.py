"""The id of the call being answered, for logs and for the next service."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from contextvars import Token
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


def request_context(identifier: str) -> AbstractContextManager[str]:
    """Everything logged inside, also by tasks started inside, carries the id."""
    return _RequestContext(identifier)


class _RequestContext:
    """A class: a generator would cost each call four times as much."""

    __slots__ = ("_identifier", "_token")

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier

    def __enter__(self) -> str:
        self._token: Token[str] = _current.set(self._identifier)
        return self._identifier

    def __exit__(self, *raised: object) -> None:
        _current.reset(self._token)
