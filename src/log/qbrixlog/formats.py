"""How one log record becomes one line, for people or for machines."""

from __future__ import annotations

import logging
from datetime import UTC
from datetime import datetime
from typing import Final

import msgspec

from qbrixlog.requests import request_id

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: v for name, v in vars(record).items() if name not in _STANDARD}


class TextFormat(logging.Formatter):
    """``time level logger [request id] message key=value``, then any traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first line of a record."""
        current = request_id()
        parts = [_time(record), f"{record.levelname.lower():7}", record.name]
        if current:
            parts.append(f"[{current}]")
        parts.append(record.message.replace("\n", "\\n"))
        parts.extend(f"{name}={value}" for name, value in _extras(record).items())
        return " ".join(parts)


class JsonFormat(logging.Formatter):
    """One JSON object a line; ``extra`` values become fields of their own."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def format(self, record: logging.LogRecord) -> str:
        """A record as JSON text without line breaks."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line = {**line, **_extras(record), **line}
        if current := request_id():
            line["request_id"] = current
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return self._encoder.encode(line).decode()
