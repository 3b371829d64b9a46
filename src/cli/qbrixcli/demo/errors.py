"""What stops the demo with one line."""

from __future__ import annotations


class DemoError(Exception):
    """the demo cannot go on"""
