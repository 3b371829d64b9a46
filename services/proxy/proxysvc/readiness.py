"""Whether a worker should be sent requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxysvc.stream.fleet import Motors

STALE_SEC: Final = 3.0  # several times what is usual

Seconds = float


class Readiness:
    """Ready once started and not draining; an outage of what is behind changes nothing.

    Otherwise every worker that can still answer from memory would be taken out.
    """

    def __init__(
        self, motors: Callable[[], Motors], news_age: Callable[[], Seconds]
    ) -> None:
        """``news_age`` is how long ago nothing new was missing from memory."""
        self.word = "starting"
        self._motors = motors
        self._news_age = news_age

    @property
    def ready(self) -> bool:
        """Whether requests should come here."""
        return self.word == "ready"

    @property
    def degraded(self) -> list[str]:
        """What is missing behind it, in words; nothing, as a rule."""
        known, well = self._motors()
        told = [] if well == known else [f"{well} of {known} motors"]
        silent = self._news_age()
        if silent > STALE_SEC:
            told.append(f"nothing heard from redis for {silent:.0f} s")
        return told

    def start(self) -> None:
        """From now on."""
        self.word = "ready"

    def drain(self) -> None:
        """No longer, for good."""
        self.word = "draining"
