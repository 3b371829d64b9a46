"""Prefixed lines."""

from __future__ import annotations

import io

import pytest

from qbrixcli.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_file_gets_plain_lines() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.line("proxy", "listening")
    console.say("stopping")
    assert stream.getvalue() == "proxy    | listening\nqbrix    | stopping\n"


def test_a_terminal_gets_colour_unless_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    Console(stream).line("motor", "ready")
    assert stream.getvalue() == "\033[33mmotor    | \033[0mready\n"
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Console(stream).line("motor", "ready")
    assert "\033" not in stream.getvalue()


def test_a_reader_that_went_away_stops_nothing() -> None:
    Console(Gone()).say("still here")
