"""Selects of one experiment that are decided together, for what is theirs alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxysvc.awaiting import Awaiting
from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.insight.counting import Counting
from proxysvc.journal import Journal
from proxysvc.selected import Selected
from proxysvc.settling import settled
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.bundle import Part
from proxysvc.stream.client import BEYOND
from proxysvc.stream.client import MotorClient
from proxysvc.stream.client import Seconds
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable

UNKNOWN_ARM: Final = "the chosen arm is not known here yet"

Outcome = Selected | QbrixError


class Together:
    """Asks a motor for many choices at once, and does what follows each of them."""

    def __init__(
        self,
        definitions: DefinitionCache,
        motor: MotorClient,
        mint: Mint,
        counting: Counting,
        journal: Journal | None,
        awaiting: Awaiting | None,
    ) -> None:
        self._definitions = definitions
        self._motor = motor
        self._mint = mint
        self._count = counting.decided
        self._note = None if journal is None else journal.note
        self._awaiting = awaiting

    async def decide(
        self,
        entry: Entry,
        context_ids: Sequence[str],
        features: Sequence[bytes | None],
        trace_id: str,
        patience: Seconds | None,
    ) -> list[Outcome]:
        """What a motor says for each of these contexts, or why it says nothing."""
        vectors = [one or b"" for one in features] if entry.dim else None
        bundles = self._motor.select_many(
            entry.definition, context_ids, vectors, trace_id, patience
        )
        await settled([bundle.future for bundle in bundles])
        outcomes: list[Outcome] = []
        for bundle in bundles:
            ids = context_ids[len(outcomes) : len(outcomes) + len(bundle.context_ids)]
            outcomes += await self._outcomes(entry.definition, bundle, ids)
        beyond = len(context_ids) - len(outcomes)
        return outcomes + [Overloaded(BEYOND) for _ in range(beyond)]

    async def _outcomes(
        self, definition: Definition, bundle: Bundle, ids: Sequence[str]
    ) -> list[Outcome]:
        made: dict[int, Outcome] = {**bundle.failures}
        for part in bundle.parts:
            known = part
            if max(part.arms) >= len(definition.arms):
                error: QbrixError = Unavailable(UNKNOWN_ARM)
                try:
                    definition = await self._reloaded(definition)
                except QbrixError as away:
                    error = away
                known = part.below(len(definition.arms))
                made.update(dict.fromkeys(part.places, error))
            outcomes = self._finish(definition, bundle, known, ids)
            made.update(zip(known.places, outcomes, strict=True))
        return [made[place] for place in range(len(ids))]

    def _finish(
        self, definition: Definition, bundle: Bundle, part: Part, ids: Sequence[str]
    ) -> list[Selected]:
        places, vectors = part.places, bundle.vectors
        tokens = self._mint.mint_many(
            definition,
            part.arms,
            part.generation,
            part.version,
            [None if chance != chance else chance for chance in part.propensities],
            [None if vectors is None else vectors[place] for place in places],
        )
        ids = [ids[place] for place in places]
        if self._note is not None:
            for token, context_id in zip(tokens, ids, strict=True):
                self._note(token, context_id)
        if definition.default_reward is not None and self._awaiting is not None:
            for token in tokens:
                self._awaiting.note(token, definition)
        self._count(definition, part.arms, ids)
        arms, version = definition.arms, part.version
        return [
            Selected(arms[index], index, token, False, version)
            for index, token in zip(part.arms, tokens, strict=True)
        ]

    async def _reloaded(self, definition: Definition) -> Definition:
        entry = await self._definitions.reload(definition.tenant, definition.experiment)
        return entry.definition
