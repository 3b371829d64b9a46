"""What a command has to say when it does not do what was asked."""

from __future__ import annotations


class ClientError(Exception):
    """The server refused, or could not be reached; the text is for a person."""

    exit_code = 1


class UsageError(ClientError):
    """What was asked makes no sense, and no server was asked."""

    exit_code = 2


class Unavailable(ClientError):
    """A part of the system is away; the server itself answered."""


class SessionEnded(ClientError):
    """A login that works no more."""
