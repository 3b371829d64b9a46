"""Learning an experiment again from what was recorded, as it was learned live.

Any split of the same rewards into batches gives the same bits, so what counts is their
order, and where between them it was said to learn differently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from cortexsvc.catalog import Learnable
from cortexsvc.course import Course
from cortexsvc.sorting import Control
from cortexsvc.sorting import Group
from qbrixcore.errors import CorruptState
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Origin
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import implementation
from qbrixstore.decisions import DecisionReader
from qbrixstore.decisions import Logged
from qbrixstore.decisions import token_id
from qbrixstore.redis.batch import order
from qbrixstore.redis.event import ControlEvent

EVENTS_AT_ONCE: Final = 4_096
ENDLESS: Final = 2**63


class Untold(Exception):
    """The params do not say what they started from."""


def origin_of(header: Header) -> Origin:
    """What to begin with. Raises Untold: an older version wrote these params."""
    if header.origin is None:
        raise Untold(
            f"version {header.version} does not say what it started from: an older"
            " version learned it, or its params were lost; after a reset it does"
        )
    return header.origin


async def replay(
    reader: DecisionReader, experiment: str, target: Header, restored: Stored | None
) -> Stored:
    """The state that the target's log leads to, from where its generation started.

    ``restored`` are the params it started from, if its origin names any. Raises Untold,
    CorruptState, Unavailable, OSError.
    """
    start = _start(target, restored)
    repeated = await reader.repeated(experiment, target.generation)
    events = _Events(target, [one async for one in reader.controls(experiment)])
    definition = Learnable(
        policy=target.policy,
        hyper=implementation(target.policy).spec.validate(start.header.hyper or {}),
        num_arms=target.num_arms,
    )
    course = Course(start, definition, {})
    rewards = reader.rewards(experiment, target.generation)
    async for group in events.groups(rewards, repeated):
        course.run(group)
    return Stored(course.header, course.state)


def _start(target: Header, restored: Stored | None) -> Stored:
    origin = origin_of(target)
    policy = implementation(target.policy)
    hyper = policy.spec.validate(origin.hyper or target.hyper or {})
    if restored is None:
        state, updates = policy.spec.prior(origin.num_arms, hyper), 0
    else:
        if restored.header.policy != target.policy:
            raise CorruptState(f"version {restored.header.version} is of another kind")
        wanted = max(origin.num_arms, restored.state.num_arms)
        state = policy.grow(hyper, restored.state, wanted)
        updates = restored.header.updates
    header = Header(
        policy=target.policy,
        num_arms=state.num_arms,
        dim=state.dim,
        generation=target.generation,
        updates=updates,
        definition=origin.definition,
        hyper=origin.hyper or target.hyper,
        origin=origin,
    )
    return Stored(header, state)


class _Events:
    """Rewards and control events of one generation, up to where it had learned."""

    def __init__(self, target: Header, controls: list[Logged]) -> None:
        self._since = origin_of(target).since
        through = order(target.learned_through)
        # of another stream, if nothing was learned since the store was lost
        self._through = (
            through if any(through) else (target.learned_through_ms, ENDLESS)
        )
        self._controls = [
            one
            for one in controls
            if one.event.generation == target.generation and self._counts(one)
        ]

    def _counts(self, one: Logged) -> bool:
        here = not self._since or self._since in one.source.split(".")
        return here and (one.entry_ms, one.entry_number) <= self._through

    async def groups(
        self, rewards: AsyncIterator[Logged], repeated: Counter[str]
    ) -> AsyncIterator[Group]:
        """All of them in parts. A token counts where it was rewarded last."""
        group = Group()
        waiting = list(reversed(self._controls))
        row = 0
        async for one in rewards:
            while waiting and waiting[-1][:4] < one[:4]:
                _add(group, waiting.pop(), row := row + 1)
            if self._counts(one) and not _comes_again(one, repeated):
                _add(group, one, row := row + 1)
            if len(group) >= EVENTS_AT_ONCE:
                yield group
                group = Group()
        for one in reversed(waiting):
            _add(group, one, row := row + 1)
        yield group


def _comes_again(one: Logged, repeated: Counter[str]) -> bool:
    """Whether it was refused, and put into the log once more."""
    if not repeated or isinstance(one.event, ControlEvent):
        return False
    token = token_id(one.event.issuer, one.event.sequence)
    if token not in repeated:
        return False
    repeated[token] -= 1
    return repeated[token] > 0


def _add(group: Group, one: Logged, row: int) -> None:
    if isinstance(one.event, ControlEvent):
        group.controls.append(Control(row, one.event))
    else:
        group.events.append(one.event)
        group.rows.append(row)
