"""People and their keys: who may come in, and what their plan allows."""

from __future__ import annotations
