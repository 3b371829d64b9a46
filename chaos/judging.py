"""Whether what was learned is what was sent, no more and no less."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from chaos.experiments import ARMS
from chaos.experiments import KINDS
from chaos.experiments import Subject
from chaos.folding import Fold
from chaos.history import History
from chaos.journal import Journal
from chaos.journal import Place

from qbrixcore.param.codec import Stored


class Finding(NamedTuple):
    """One experiment: what it should know, and what it knows.

    ``tokens`` are the distinct ones of its generation and ``base`` what that began
    with; ``late`` are tokens of generations before. ``learned`` are the pulls.
    """

    subject: Subject
    generation: int
    arms: int
    tokens: int
    base: int
    late: int
    learned: int
    faults: list[str]


def folded(subject: Subject, history: History) -> Fold:
    """What the log says that an experiment should know."""
    kind = KINDS[subject.kind]
    fold = Fold(kind.policy, kind.params, ARMS)
    fold.run(history, subject.id)
    return fold


def judge(
    subject: Subject, stored: Stored, journal: Journal, history: History
) -> Finding:
    """Compare what it knows with every token there is, and bit by bit with its log."""
    fold = folded(subject, history)
    pulls, faults = stored.state.pulls, []
    base = padded(fold.base.pulls.tolist(), len(pulls))
    chosen = by_arm(journal.chosen, subject, fold.generation, len(pulls))
    expected = [one + other for one, other in zip(base, chosen, strict=True)]
    if stored.header.generation != fold.generation:
        faults.append(f"generation {stored.header.generation} and {fold.generation}")
    if pulls.tolist() != expected:
        faults.append(f"learned {pulls.tolist()}, sent {expected}")
    for name, array in fold.state.arrays().items():
        if stored.state.arrays()[name].tobytes() != array.tobytes():
            faults.append(f"{name} is not what the log comes to")
    return Finding(
        subject=subject,
        generation=fold.generation,
        arms=len(pulls),
        tokens=sum(chosen),
        base=sum(base),
        late=fold.late,
        learned=int(pulls.sum()),
        faults=faults,
    )


def between(
    subject: Subject, stored: Stored, journal: Journal, history: History
) -> list[str]:
    """What is wrong while rewards are open: acknowledged ≤ learned ≤ sent, by arm."""
    fold = folded(subject, history)
    pulls = stored.state.pulls.tolist()
    base = padded(fold.base.pulls.tolist(), len(pulls))
    least = by_arm(journal.acknowledged, subject, fold.generation, len(pulls))
    most = by_arm(journal.sent, subject, fold.generation, len(pulls))
    return [
        f"{subject.name}, arm {arm}: {low} acknowledged, {now - old} learned, "
        f"{high} sent"
        for arm, (now, old, low, high) in enumerate(
            zip(pulls, base, least, most, strict=True)
        )
        if not low <= now - old <= high
    ]


def by_arm(
    counted: Counter[Place], subject: Subject, generation: int, arms: int
) -> list[int]:
    """What was counted of one generation."""
    return [counted[subject.id, generation, arm] for arm in range(arms)]


def padded(counts: list[int], arms: int) -> list[int]:
    """With nothing for arms that were not there."""
    return counts + [0] * (arms - len(counts))
