"""The words of RSGI, which the server speaks: one call brings a body, one answers.

https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable

# granian.rsgi has them too, but does not say so to type checkers
from granian._granian import RSGIHTTPProtocol as Protocol
from granian._granian import RSGIProtocolClosed as Closed
from granian.rsgi import Scope as Asked

from proxysvc.fast.body import Disconnected
from proxysvc.fast.body import Fields

__all__ = ["Asked", "Closed", "Protocol", "RSGIApp", "parts"]

RSGIApp = Callable[[Asked, Protocol], Awaitable[None]]


async def parts(protocol: Protocol, fields: Fields) -> AsyncIterator[bytes]:
    """A body part by part. Raises Disconnected where it breaks off."""
    broken, trailed = False, "trailer" in fields
    async for part in protocol:
        if broken:
            raise Disconnected
        if part:
            yield part
        # the server ends every body with nothing, and tells of a fault the same way:
        # where more follows, even if that is nothing as well, it was not the end; but
        # fields behind a body are also nothing to it
        broken = not part and not trailed
