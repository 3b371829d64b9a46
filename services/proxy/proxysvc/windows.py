"""Reward windows of experiments: checked when they are set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from qbrixcore.errors import Invalid
from qbrixcore.errors import InvalidFeedback
from qbrixcore.experiment import Experiment
from qbrixcore.policy.registry import find_spec
from qbrixstore.postgres.records import Window

LONGEST: Final = 2**31 - 1  # seconds


class WindowChange(msgspec.Struct, frozen=True):
    """What a caller says of a window: nothing, a value, or None to take it away."""

    seconds: int | None | UnsetType = UNSET
    default: float | None | UnsetType = UNSET

    def applied(self, old: Window) -> Window:
        """The window as it is wanted; a default that is not spoken of goes with it."""
        seconds = old.reward_window_sec if self.seconds is UNSET else self.seconds
        default = old.default_reward if self.default is UNSET else self.default
        if self.seconds is None and self.default is UNSET:
            default = None
        return Window(seconds, default)


def changed_window(
    current: Experiment,
    change: WindowChange,
    policy_params: Mapping[str, object] | None,
    longest: int,
) -> Window | None:
    """The window there is to be, None for the one there is.

    Raises Invalid when it is none, or does not go with the new parameters.
    """
    before = _window(current)
    wanted = change.applied(before)
    params = current.policy_params if policy_params is None else dict(policy_params)
    if policy_params is not None or wanted != before:
        changes = {"policy_params": params, **wanted._asdict()}
        check_window(msgspec.structs.replace(current, **changes), longest)
    return None if wanted == before else wanted


def check_window(experiment: Experiment, longest: int) -> None:
    """Raises Invalid unless the window of an experiment is one it can have.

    ``longest`` are the seconds that a token lives.
    """
    seconds, default = _window(experiment)
    longest = min(longest, LONGEST)
    if seconds is not None and not 1 <= seconds <= longest:
        raise Invalid(f"reward_window_sec must be from 1 to {longest}, got {seconds}")
    if default is None:
        return
    if seconds is None:
        raise Invalid("a default_reward needs a reward_window_sec")
    spec = find_spec(experiment.policy)
    rewards = spec.rewards_of(spec.validate(experiment.policy_params))
    try:
        rewards.check(default)
    except InvalidFeedback as error:
        raise Invalid(f"default_reward: {error}") from error


def _window(experiment: Experiment) -> Window:
    return Window(experiment.reward_window_sec, experiment.default_reward)
