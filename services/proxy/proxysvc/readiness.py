"""Whether a worker should be sent requests."""

from __future__ import annotations


class Readiness:
    """Ready once started and not draining; an outage of a store changes nothing.

    Otherwise every worker that can still answer from memory would be taken out.
    """

    def __init__(self) -> None:
        self.word = "starting"

    @property
    def ready(self) -> bool:
        """Whether requests should come here."""
        return self.word == "ready"

    def start(self) -> None:
        """From now on."""
        self.word = "ready"

    def drain(self) -> None:
        """No longer, for good."""
        self.word = "draining"
