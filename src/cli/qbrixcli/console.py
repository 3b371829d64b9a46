"""What the supervisor prints: lines prefixed by who speaks, on stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO

WIDTH = 8
RESET = "\033[0m"
COLOURS = {"proxy": 36, "motor": 33, "cortex": 35, "postgres": 34, "valkey": 31}
PLAIN = 32


class Console:
    """Writes whole lines with the name of the speaker in front.

    Colour is used only on a terminal, and never when ``NO_COLOR`` is set.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, speaker: str, text: str) -> None:
        """One line; a reader that went away is no reason to stop."""
        prefix = f"{speaker:<{WIDTH}} | "
        if self._colour:
            prefix = f"\033[{COLOURS.get(speaker, PLAIN)}m{prefix}{RESET}"
        try:
            self._stream.write(f"{prefix}{text}\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            return

    def say(self, text: str) -> None:
        """One line of our own."""
        self.line("qbrix", text)
