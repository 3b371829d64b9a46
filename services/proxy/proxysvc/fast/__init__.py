"""The hot path: select and feedback as a plain ASGI callable."""

from __future__ import annotations
