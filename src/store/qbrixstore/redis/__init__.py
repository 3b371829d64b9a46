"""Params, definitions, the feedback log and invalidation in Redis."""

from __future__ import annotations
