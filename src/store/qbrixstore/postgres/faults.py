"""What a failure of Postgres means to the rest of qbrix.

A lost, refusing or slow server is ``Unavailable``; a value that no column can hold is
``Invalid``; a violated constraint keeps its name, for the repository that knows what
the name means. Anything else is a bug and passes through.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from qbrixcore.errors import Invalid
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable

# sqlstate classes and states, https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY: Final[tuple[tuple[str, str], ...]] = (
    ("57014", "postgres took too long to answer"),
    ("55P03", "postgres waited too long for a lock"),
    ("40", "postgres could not order two changes, try again"),
    ("57P", "postgres is starting or stopping"),
    ("53", "postgres has no connection, memory or disk to spare"),
    ("28", "postgres refused the login"),
    ("3D000", "the postgres database does not exist"),
    ("25006", "postgres accepts no writes"),
    ("25P03", "postgres closed an idle transaction"),
    ("08", "postgres closed the connection"),
)
_LOST: Final = "postgres closed the connection"
_SLOW: Final = "postgres did not answer in time"
_NOT_REACHED: Final = "postgres cannot be reached"
_NO_TLS: Final = "postgres does not offer the TLS that sslmode asks for"


def meaning(error: BaseException | None) -> QbrixError | None:
    """The core error that an exception of driver or pool stands for, if any."""
    if isinstance(error, QbrixError):
        return error
    if isinstance(error, PoolTimeout):
        return Unavailable("all postgres connections of this process are in use")
    if isinstance(error, TimeoutError):
        return Unavailable(_SLOW)
    if isinstance(error, OSError):
        return Unavailable(_NO_TLS if _is_about_tls(error) else _NOT_REACHED)
    if isinstance(error, DBAPIError):
        return Unavailable(_LOST) if error.connection_invalidated else _of_state(error)
    return None


def translate(context: ExceptionContext) -> BaseException | None:
    """Replace an error of a running statement, as SQLAlchemy's handle_error wants."""
    if context.is_pre_ping:
        return None
    if isinstance(context.original_exception, TimeoutError):
        # a frozen server: nothing may wait for this connection again, not even to close
        context.is_disconnect = True
        _hang_up(context.connection)
    return meaning(context.sqlalchemy_exception or context.original_exception)


@contextmanager
def connecting() -> Iterator[None]:
    """Around the taking of a connection. Raises Unavailable."""
    try:
        yield
    except Exception as error:
        known = meaning(error)
        if known is None or known is error:
            raise
        raise known from error


def violated(error: IntegrityError) -> str:
    """Name of the constraint that a statement violated."""
    return str(getattr(_driver_error(error), "constraint_name", None) or "")


def _of_state(error: DBAPIError) -> QbrixError | None:
    cause = _driver_error(error)
    state = str(getattr(cause, "sqlstate", None) or "")
    for prefix, text in _AWAY:
        if state.startswith(prefix):
            return Unavailable(text)
    if state.startswith("22"):
        return Invalid(f"cannot be stored: {str(cause).splitlines()[0][:200]}")
    return meaning(cause)


def _is_about_tls(error: OSError) -> bool:
    return isinstance(error, ssl.SSLError) or "rejected SSL" in str(error)


def _hang_up(connection: Connection | None) -> None:
    driver: Any = connection.connection.driver_connection if connection else None
    if driver is not None:
        driver.terminate()


def _driver_error(error: DBAPIError) -> BaseException | None:
    return error.orig.__cause__ if error.orig is not None else None
