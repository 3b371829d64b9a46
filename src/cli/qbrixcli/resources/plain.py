"""Text of others, made safe for a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text with what is not printable written as an escape sequence."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
