"""What a sender knows: what it was given, what it sent, and what it was answered."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final
from typing import NamedTuple

from chaos.experiments import Subject

from proxysvc.token import opened

NO_ANSWER: Final = 0
FINE: Final = frozenset({200, 201})
# an overloaded or broken system may say so, and a killed one nothing
ALLOWED: Final = FINE | {429, 503, NO_ANSWER}
COMPLAINTS_KEPT: Final = 20

Place = tuple[str, int, int]  # experiment, generation, arm


class Sent(NamedTuple):
    """A selection whose reward nobody has acknowledged yet."""

    place: Place
    reward: float


class Journal:
    """Every token there is, by what it chose.

    ``chosen`` counts distinct tokens, ``acknowledged`` those whose reward was taken and
    ``sent`` those whose reward was sent at all; ``open`` are the others in full.
    """

    def __init__(self) -> None:
        self.chosen: Counter[Place] = Counter()
        self.sent: Counter[Place] = Counter()
        self.acknowledged: Counter[Place] = Counter()
        self.open: dict[str, Sent] = {}
        self.selects: list[tuple[float, int]] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        self.complaints: list[str] = []
        self._known: set[tuple[str, int, int]] = set()
        self._tried: set[str] = set()

    def answered(self, what: str, status: int) -> None:
        """A request got this answer, 0 for none."""
        self.answers[what, status] += 1
        if status not in ALLOWED:
            self.complain(f"{what} was answered {status}")
        if what == "select":
            self.selects.append((time.monotonic(), status))

    def selected(
        self, subject: Subject, arm: str, token: str | None, reward: float
    ) -> None:
        """An arm was chosen; no token while nobody decides."""
        if not arm.startswith(subject.prefix):
            self.complain(f"{subject.name} was answered with the arm {arm}")
        if token is None:
            return
        held = opened(token)
        if held.experiment != subject.id:
            self.complain(f"{subject.name} got a token of {held.experiment}")
        name = (held.experiment, held.issuer, held.sequence)
        if name in self._known:
            self.complain(f"{subject.name} got a token twice")
        self._known.add(name)
        place = (held.experiment, held.generation, held.arm)
        self.chosen[place] += 1
        self.open[token] = Sent(place, reward)

    def trying(self, token: str) -> None:
        """Its reward is about to be sent."""
        if token not in self._tried:
            self._tried.add(token)
            self.sent[self.open[token].place] += 1

    def accepted(self, token: str) -> None:
        """Its reward was acknowledged, perhaps again."""
        if (sent := self.open.pop(token, None)) is not None:
            self._tried.discard(token)
            self.acknowledged[sent.place] += 1

    def complain(self, text: str) -> None:
        """Note what must not be."""
        if len(self.complaints) < COMPLAINTS_KEPT:
            self.complaints.append(text)

    def share(self, start: float, end: float) -> tuple[int, int]:
        """Selects answered and asked in a span of time (``time.monotonic``)."""
        inside = [status for at, status in self.selects if start <= at <= end]
        return sum(status in FINE for status in inside), len(inside)
