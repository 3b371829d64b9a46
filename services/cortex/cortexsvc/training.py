"""Learning a sorted batch: from states and definitions to what is to be committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from cortexsvc.catalog import Learnable
from cortexsvc.catalog import Removed
from cortexsvc.catalog import Verdict
from cortexsvc.course import Course
from cortexsvc.course import Kept
from cortexsvc.sorting import Group
from cortexsvc.sorting import Key
from cortexsvc.sorting import Sorted
from cortexsvc.states import Held
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.batch import Update
from qbrixstore.redis.batch import milliseconds

State = Stored | str  # a state, or why there is none


class Outcome(NamedTuple):
    """What a batch comes to; ``states`` hold once the rest is committed."""

    updates: list[Update]
    tally: Tally
    states: dict[Key, Held]


class Training:
    """One batch on its way to an outcome. Pure computation, to be run off the loop."""

    def __init__(
        self, batch: Sorted, fence: int, restored: Mapping[Key, Kept] | None = None
    ) -> None:
        """``restored`` are the earlier states that control events ask for."""
        self._batch = batch
        self._fence = fence
        self._restored = restored or {}
        self._updates: list[Update] = []
        self._states: dict[Key, Held] = {}
        self._refused = dict(batch.undecodable)
        self._stale = 0
        self._dropped = 0

    def run(
        self, verdicts: Mapping[Key, Verdict], states: Mapping[Key, State]
    ) -> Outcome:
        for key, group in self._batch.groups.items():
            verdict, state = verdicts[key], states.get(key)
            if isinstance(verdict, Removed):
                self._dropped += len(group)
            elif isinstance(verdict, str):
                self._refuse(group, verdict)
            elif isinstance(state, Stored):
                self._learn(key, group, verdict, state)
            else:
                self._refuse(group, state or "no stored params")
        rest = Tally(self._stale, self._dropped, self._letters(self._refused))
        return Outcome(self._updates, rest, self._states)

    def _letters(self, refused: Mapping[int, str]) -> tuple[DeadLetter, ...]:
        return tuple(
            self._batch.dead_letter(row, refused[row]) for row in sorted(refused)
        )

    def _refuse(self, group: Group, reason: str) -> None:
        self._refused.update(dict.fromkeys(group.all_rows(), reason))

    def _learn(
        self, key: Key, group: Group, definition: Learnable, stored: Stored
    ) -> None:
        header = stored.header
        if header.policy != definition.policy:
            self._refuse(group, f"the params are those of {header.policy}")
            return
        # a batch cut short by a crash may have committed this experiment before
        group = group.behind(self._batch.rows_through(header.learned_through))
        course = Course(stored, definition, self._restored.get(key, {}))
        course.run(group)
        if course.changed:
            self._update(key, stored, course)
        else:
            self._stale += course.stale
            self._refused |= course.refused

    def _update(self, key: Key, stored: Stored, course: Course) -> None:
        old, end = stored.header, self._batch.batch.end
        header = msgspec.structs.replace(
            course.header,
            fence=self._fence,
            version=old.version + 1,
            learned_through=end,
            learned_through_ms=milliseconds(end),
        )
        fresh = Stored(header, course.state)
        data = codec.encode(fresh)
        self._states[key] = Held(fresh, len(data))
        self._updates.append(
            Update(
                tenant=key[0],
                experiment=key[1],
                expected=(old.generation, old.version),
                generation=header.generation,
                version=header.version,
                state=data,
                learned=course.learned,
                tally=Tally(course.stale, 0, self._letters(course.refused)),
            )
        )
