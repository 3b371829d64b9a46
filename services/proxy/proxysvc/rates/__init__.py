"""How many calls a minute a key and a user may make."""

from __future__ import annotations
