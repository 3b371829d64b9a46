"""Whether a worker should be sent requests."""

from __future__ import annotations

from collections.abc import Callable

from proxysvc.stream.fleet import Motors


class Readiness:
    """Ready once started and not draining; an outage of what is behind changes nothing.

    Otherwise every worker that can still answer from memory would be taken out.
    """

    def __init__(self, motors: Callable[[], Motors]) -> None:
        self.word = "starting"
        self._motors = motors

    @property
    def ready(self) -> bool:
        """Whether requests should come here."""
        return self.word == "ready"

    @property
    def degraded(self) -> list[str]:
        """What is missing behind it, in words; nothing, as a rule."""
        known, well = self._motors()
        return [] if well == known else [f"{well} of {known} motors"]

    def start(self) -> None:
        """From now on."""
        self.word = "ready"

    def drain(self) -> None:
        """No longer, for good."""
        self.word = "draining"
