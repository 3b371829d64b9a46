"""The long-lived streams between a proxy worker and the motors."""

from __future__ import annotations
