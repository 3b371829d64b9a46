"""Waiting for many answers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from qbrixcore.errors import QbrixError


async def settled(answers: Sequence[asyncio.Future[Any]]) -> None:
    """Return when all are answered; who gives up waiting gives them up."""
    try:
        for answer in answers:
            # those of one frame or append come together: waiting for all of them costs
            # a callback each
            if not answer.done():
                await asyncio.wait([answer])
    finally:
        for answer in answers:
            if not answer.cancel() and not answer.cancelled():
                # an error that nobody asks for would be logged as forgotten
                answer.exception()


def failure(answer: asyncio.Future[bool]) -> QbrixError | None:
    error = answer.exception()
    if error is None or isinstance(error, QbrixError):
        return error
    raise error
