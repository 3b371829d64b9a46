"""Answers of the hot path, their fixed parts made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixserving.errors import retry_after

Field = tuple[str, str]
Answer = tuple[int, bytes, tuple[Field, ...]]  # status, body, header fields

REQUEST_ID: Final = "x-request-id"
JSON: Final[Field] = ("content-type", "application/json")
ALLOW_POST: Final[Field] = ("allow", "POST")
CLOSE: Final[Field] = ("connection", "close")

encode: Final = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct):
    """Body of every error that is not a 422."""

    code: str
    detail: str
    context: Mapping[str, object] | None = None


def refused(
    status: int, detail: str, *fields: Field, code: Code = Code.BAD_REQUEST
) -> Answer:
    """To what is wrong with the HTTP request itself."""
    return status, encode(Envelope(code, detail)), (JSON, *fields)


def failure(
    error: BaseException, failed: Code = Code.INTERNAL_ERROR, *fields: Field
) -> Answer:
    """An error as its status and envelope; ``failed`` is the code of a 500."""
    status, code, detail, context = http_answer(error)
    if status == 500:
        code = failed
    body = encode(Envelope(code, detail, context))
    seconds = retry_after(error)
    wait = () if seconds is None else (("retry-after", str(seconds)),)
    return status, body, (JSON, *fields, *wait)
