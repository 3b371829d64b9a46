"""What an experiment should know: its log, folded in order without any store."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from chaos.history import Entry
from chaos.history import History
from chaos.history import Place

from qbrixcore.context import Feedback
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.registry import implementation
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent


class Fold:
    """One experiment on its way through its log.

    ``state`` is what it knows, of ``generation``, which began with ``base``; ``late``
    counts rewards of other generations.
    """

    def __init__(self, policy: str, params: Mapping[str, Any], num_arms: int) -> None:
        self._policy = implementation(policy)
        self._hyper = self._policy.spec.validate(params)
        self._waiting: list[FeedbackEvent] = []
        self._definition = 1
        self._kept: dict[Place, BaseParamState] = {}
        self.generation = 0
        self.late = 0
        self.state: BaseParamState = self._policy.spec.prior(num_arms, self._hyper)
        self.base = self.state

    def run(self, history: History, experiment: str) -> None:
        """Take in all there is of an experiment."""
        entries = history.events.get(experiment, [])
        places = {
            version: place
            for (name, version), place in history.reached.items()
            if name == experiment
        }
        wanted = sorted({places[version] for version in _restored(entries)})
        for entry in entries:
            while wanted and entry.place > wanted[0]:
                self._keep(wanted.pop(0))
            if isinstance(entry.event, FeedbackEvent):
                self._take(entry.event)
            else:
                self._obey(entry.event, places)
        self._learn()

    def _keep(self, place: Place) -> None:
        self._learn()
        self._kept[place] = self.state

    def _take(self, event: FeedbackEvent) -> None:
        if event.generation == self.generation:
            self._waiting.append(event)
        else:
            self.late += 1

    def _obey(self, event: ControlEvent, places: Mapping[int, Place]) -> None:
        self._learn()
        if event.version <= self._definition:
            return
        self._definition = event.version
        self._hyper = self._policy.spec.validate(event.hyper)
        if event.generation > self.generation:
            self.generation = event.generation
            if event.restored is None:
                self.state = self._policy.spec.prior(event.num_arms, self._hyper)
            else:
                self.state = self._kept[places[event.restored]]
            self.base = self.state
        if event.num_arms > self.state.num_arms:
            self.state = self._policy.grow(self._hyper, self.state, event.num_arms)

    def _learn(self) -> None:
        events, self._waiting = self._waiting, []
        if events:
            feedback = Feedback.of(
                [event.arm for event in events],
                [event.reward for event in events],
                [np.nan if e.propensity is None else e.propensity for e in events],
                [np.frombuffer(event.vector or b"", "<f4") for event in events],
            )
            self.state = self._policy.fold(self._hyper, self.state, feedback)


def _restored(entries: Sequence[Entry]) -> set[int]:
    """Versions that were gone back to."""
    events = [entry.event for entry in entries]
    return {
        event.restored
        for event in events
        if isinstance(event, ControlEvent) and event.restored is not None
    }
