"""Structured logging and request ids."""

from __future__ import annotations

from qbrixlog.logs import configure_logging
from qbrixlog.logs import get_logger
from qbrixlog.requests import choose_request_id
from qbrixlog.requests import request_context
from qbrixlog.requests import request_id

__all__ = [
    "choose_request_id",
    "configure_logging",
    "get_logger",
    "request_context",
    "request_id",
]
