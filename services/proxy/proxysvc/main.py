"""The process that supervises the proxy's workers.

It never touches grpc, whose threads a fork would not survive.
"""

from __future__ import annotations

import _thread
import functools
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any
from typing import Final

from granian.constants import HTTPModes
from granian.constants import Interfaces
from granian.constants import Loops
from granian.constants import SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from proxysvc.settings import ProxySettings
from qbrixlog import configure_logging
from qbrixserving.metrics.board import Board
from qbrixserving.processes import CannotStart
from qbrixserving.processes import die_with_parent
from qbrixserving.processes import port_is_free
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings

SERVICE: Final = "proxysvc"
IDLE_MS: Final = 75_000  # clients keep idle connections for 5 s or more
# a request line and headers; above it the server itself answers 431
HEAD_BYTES: Final = 64 * 1024
KILL_SEC: Final = 9
BACKLOG: Final = 4_096
# every open connection counts, idle ones too: a smaller bound would shut clients out
CONNECTIONS: Final = 16_384
_LOGGING: Final = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


def main() -> None:
    """Run until SIGTERM or SIGINT; a reason not to start is one line and code 2."""
    try:
        _configure_logging()
        settings = read_settings(ProxySettings, "PROXY_", os.environ)
        check_ports(settings)
    except (SettingsError, CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    serve(settings)


def serve(settings: ProxySettings) -> None:
    """Fork the workers and keep them running."""
    _allow_connections()
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)
    server = Supervising(
        "proxysvc.app:create_app",
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.RSGI,
        workers=settings.http_workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=IDLE_MS, max_buffer_size=HEAD_BYTES
        ),
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        ssl_cert=settings.tls.cert,
        ssl_key=settings.tls.key,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SEC,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    )
    # nobody is left to end a worker that does not stop, so it is not asked to
    follow_parent = die_with_parent(signal.SIGKILL)
    board = Board(settings.http_workers)
    load = functools.partial(load_app, settings, follow_parent, board)
    server.serve(target_loader=load, wrap_loader=False)


class Supervising(MPServer):
    """Granian's supervisor, safe to be told to stop at any moment and repeatedly."""

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Stop, once."""
        if os.getpid() != self.pid:
            # a worker just forked, with nothing to finish
            os._exit(0)
        if not self.interrupt_signal:
            self.interrupt_signal = True
            # this may have interrupted a holder of the lock that set() takes
            _thread.start_new_thread(self.main_loop_interrupt.set, ())


def load_app(
    settings: ProxySettings, follow_parent: Callable[[], None], board: Board
) -> Any:
    """What a worker serves; runs in the worker, after the fork."""
    # keeps the terminal's Ctrl-C for the parent, which stops the workers in order
    os.setpgid(0, 0)
    follow_parent()
    # until the server has handlers of its own, those of the parent would do nothing
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _configure_logging()
    from proxysvc.app import create_app
    from proxysvc.leaving import stay_for_now

    app = create_app(settings, board)
    # the handlers that the server sets next forget what comes too early for them
    stay_for_now()
    return app


def check_ports(settings: ProxySettings) -> None:
    """Raises CannotStart unless both ports can be had.

    Workers share them, so a second instance would be let in without a word.
    """
    for name in ("http", "grpc"):
        host, port = (
            getattr(settings, f"{name}_host"),
            getattr(settings, f"{name}_port"),
        )
        variable = f"PROXY_{name.upper()}_PORT"
        try:
            free = port_is_free(host, port)
        except OSError as error:
            reason = f"cannot listen on {host}:{port} ({error.strerror})"
            text = f"{reason}; set PROXY_{name.upper()}_HOST or {variable}"
            raise CannotStart(text) from error
        if not free:
            raise CannotStart(f"{host}:{port} is taken; set {variable} to another port")


def _allow_connections() -> None:
    """A file descriptor for each connection, as far as this account may have them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + BACKLOG
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _configure_logging() -> None:
    try:
        configure_logging(SERVICE)
    except ValueError as error:
        raise CannotStart(str(error)) from error
