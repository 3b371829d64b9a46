"""Which threads of gRPC wait for the network."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "GRPC_EXPERIMENTS"
IN_PLACE: Final = "-event_engine_client,-event_engine_listener"


def poll_in_place() -> None:
    """Let the thread that hands results to the event loop read the sockets as well.

    gRPC's default reads them in threads of its own and passes every message on to that
    one: a hand-over between threads for each message, and each wakes a sleeping core.
    Call it before the process imports grpc; later it may do nothing. A value set from
    outside is left alone. See docs/decisions/polling-of-grpc.md.
    """
    os.environ.setdefault(VARIABLE, IN_PLACE)
