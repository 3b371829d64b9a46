"""One experiment's way through a batch: rewards and control events in log order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cortexsvc import folding
from cortexsvc.catalog import Learnable
from cortexsvc.sorting import Control
from cortexsvc.sorting import Group
from qbrixcore.errors import CorruptState
from qbrixcore.errors import QbrixError
from qbrixcore.param import build
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Origin
from qbrixcore.param.codec import Stored
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.registry import implementation
from qbrixlog import get_logger
from qbrixstore.redis.event import ControlEvent

logger = get_logger(__name__)

Kept = Mapping[int, Stored | str]  # earlier states by version, or why there is none


class Course:
    """Takes a state through a group of events; pure but for itself.

    ``learned`` and ``stale`` count rewards, ``refused`` says by row why the others
    cannot be learned. ``changed`` tells whether there is anything to commit.
    """

    def __init__(self, stored: Stored, definition: Learnable, restorable: Kept) -> None:
        self.header: Header = stored.header
        self.state: BaseParamState = stored.state
        self.learned = 0
        self.stale = 0
        self.refused: dict[int, str] = {}
        self.changed = False
        self._policy: type[BasePolicy[Any]] = implementation(stored.header.policy)
        self._hyper = self._valid(self.header.hyper, definition.hyper)
        self._num_arms = definition.num_arms
        self._restorable = restorable

    def run(self, group: Group) -> None:
        """Learn the rewards, obey the control events."""
        for part in group.course():
            if isinstance(part, Group):
                self._learn(part)
            else:
                self._obey(part)

    def _learn(self, group: Group) -> None:
        current = group.of_generation(self.header.generation)
        self.stale += len(group.events) - len(current.events)
        if not current.events:
            return
        held = self.state.num_arms
        if held < self._num_arms and any(e.arm >= held for e in current.events):
            self._grow(self._num_arms)
        folded = folding.fold(self._policy, self._hyper, self.state, current)
        self.refused |= folded.refused
        if folded.learned:
            self.state = folded.state
            self.learned += folded.learned
            self._note(
                updates=self.header.updates + folded.learned,
                builds=build.joined(self.header.builds),
            )

    def _obey(self, control: Control) -> None:
        event = control.event
        if event.version <= self.header.definition:
            return
        try:
            self._define(event)
        except (QbrixError, ValueError) as error:
            logger.error("experiment %s: %s", event.experiment, error)
            self.refused[control.row] = f"cannot be obeyed: {error}"

    def _define(self, event: ControlEvent) -> None:
        hyper = self._policy.spec.validate(event.hyper)
        state, updates = self.state, self.header.updates
        if event.generation > self.header.generation:
            state, updates = self._anew(event, hyper)
        if event.num_arms > state.num_arms:
            state = self._policy.grow(hyper, state, event.num_arms)
        self.state, self._hyper = state, hyper
        self._note(
            **self._origin(event),
            num_arms=state.num_arms,
            generation=max(event.generation, self.header.generation),
            updates=updates,
            definition=event.version,
            hyper=event.hyper,
        )

    def _origin(self, event: ControlEvent) -> dict[str, Any]:
        """Where to begin to come to what follows, if it is another generation."""
        if event.generation <= self.header.generation:
            return {}
        origin = Origin(
            definition=event.version,
            num_arms=event.num_arms,
            hyper=event.hyper,
            restored=event.restored,
        )
        return {"origin": origin, "builds": ()}

    def _anew(self, event: ControlEvent, hyper: Any) -> tuple[BaseParamState, int]:
        """What a generation starts from, and the rewards in it."""
        if event.restored is None:
            return self._policy.spec.prior(event.num_arms, hyper), 0
        kept = self._restorable.get(event.restored, "it is not kept")
        if isinstance(kept, str):
            raise CorruptState(f"no version {event.restored} to go back to: {kept}")
        if kept.header.policy != self.header.policy or kept.state.dim != self.state.dim:
            raise CorruptState(f"version {event.restored} is of another shape")
        return kept.state, kept.header.updates

    def _grow(self, num_arms: int) -> None:
        """Make room for arms that no control event has told of, as after a loss."""
        self.state = self._policy.grow(self._hyper, self.state, num_arms)
        self._note(num_arms=num_arms)

    def _note(self, **changes: Any) -> None:
        self.header = msgspec.structs.replace(self.header, **changes)
        self.changed = True

    def _valid(self, held: dict[str, Any] | None, otherwise: Any) -> Any:
        """The hyperparameters that the state learns by."""
        return otherwise if held is None else self._policy.spec.validate(held)
