"""What can go wrong when a server of ours is started."""

from __future__ import annotations


class StartError(Exception):
    """Something could not be started; the text is one line that says what to do."""
