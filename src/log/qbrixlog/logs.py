"""Where logs go and which are kept, from the environment."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final

from qbrixlog.formats import JsonFormat
from qbrixlog.formats import TextFormat

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error", "critical")

# says at info what it is made of, once for each process that imports it
_CHATTY: Final = ("alembic.runtime.plugins",)


def get_logger(name: str) -> logging.Logger:
    """The logger of a module: ``get_logger(__name__)``."""
    return logging.getLogger(name)


def configure_logging(service: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send this process's logs to stderr, one line a record.

    ``LOG_FORMAT`` is text or json. The level of "motorsvc" is ``MOTOR_LOG_LEVEL``, else
    ``LOG_LEVEL``, else info. Raises ValueError naming the variable that is wrong.
    """
    own_level = f"{service.removesuffix('svc').upper()}_LOG_LEVEL"
    chosen = own_level if environ.get(own_level) else "LOG_LEVEL"
    level = _one_of(LEVELS, chosen, environ, "info")
    as_json = _one_of(FORMATS, "LOG_FORMAT", environ, "text") == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormat(service) if as_json else TextFormat())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _one_of(
    accepted: tuple[str, ...], name: str, environ: Mapping[str, str], default: str
) -> str:
    value = (environ.get(name) or default).strip().lower()
    if value not in accepted:
        got = environ[name]
        raise ValueError(f"{name}: got {got!r}, wants one of {', '.join(accepted)}")
    return value
