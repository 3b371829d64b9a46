"""What is sent to Redis."""

from __future__ import annotations

Argument = bytes | str | int | float
Command = tuple[Argument, ...]
