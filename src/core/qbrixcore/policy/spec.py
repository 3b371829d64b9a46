"""What a policy is: everything a server must know of it without running it."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import InvalidFeedback
from qbrixcore.errors import InvalidParams
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import ParamInfo
from qbrixcore.param.hyper import describe
from qbrixcore.param.state import BaseParamState
from qbrixcore.schema import ContextSchema


class RewardRange(msgspec.Struct, frozen=True):
    """The rewards a policy accepts: [low, high], or exactly 0 and 1 when binary."""

    low: float = -math.inf
    high: float = math.inf
    binary: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """The kinds of reward that always fit: binary, bounded, continuous."""
        if self.binary:
            return ("binary",)
        if math.isinf(self.high):
            return ("binary", "bounded", "continuous")
        return ("binary", "bounded")

    @property
    def text(self) -> str:
        """The range in words, to follow "must be"."""
        if self.binary:
            return "0 or 1"
        if math.isinf(self.high):
            return "a finite number"
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, reward: float) -> None:
        """Raises InvalidFeedback when the reward is outside the range."""
        inside = self.low <= reward <= self.high and math.isfinite(reward)
        if not inside or (self.binary and reward not in (0, 1)):
            raise InvalidFeedback(f"reward must be {self.text}, got {reward:g}")

    def fits(self, rewards: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of N rewards are inside the range."""
        inside: NDArray[np.bool_]
        if self.binary:
            inside = (rewards == 0) | (rewards == 1)
        elif math.isinf(self.high):
            inside = np.isfinite(rewards)
        else:
            inside = (rewards >= self.low) & (rewards <= self.high)
        return inside


BOUNDED = RewardRange(0.0, 1.0)
BINARY = RewardRange(0.0, 1.0, binary=True)
ANY_NUMBER = RewardRange()


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The description of one policy.

    ``prior(num_arms, hyper)`` builds the state before any feedback;
    ``implementation`` names the class that selects and folds, as "module:Class";
    ``needs_propensity`` says that feedback without one cannot be learned from;
    ``order_matters`` says that a permuted log is learned differently; ``rewards_by``
    narrows ``rewards`` given hyperparameters; ``example`` holds parameters for the ones
    that have no default.
    """

    name: str
    category: str
    description: str
    rewards: RewardRange
    hyper: type[Hyper]
    state: type[BaseParamState]
    prior: Callable[[int, Any], BaseParamState]
    implementation: str
    contextual: bool = False
    needs_propensity: bool = False
    order_matters: bool = False
    rewards_by: Callable[[Any], RewardRange] | None = None
    aliases: Mapping[str, str] = {}
    example: Mapping[str, object] = {}

    @property
    def reward_types(self) -> tuple[str, ...]:
        """The reward types of the public listing."""
        return self.rewards.types

    def rewards_of(self, hyper: Any) -> RewardRange:
        """The rewards accepted with these hyperparameters."""
        return self.rewards if self.rewards_by is None else self.rewards_by(hyper)

    @property
    def params(self) -> tuple[ParamInfo, ...]:
        """The parameters of the public listing."""
        return describe(self.hyper)

    def validate(self, params: Mapping[str, object]) -> Hyper:
        """Hyperparameters from what a person gave, with defaults.

        A ``context_schema`` gives ``dim``; declaring both is an error, as is any
        unknown or out-of-range parameter. Raises InvalidParams.
        """
        named = self._without_aliases(params)
        schema = self.schema(named)
        if schema is not None:
            if "dim" in named:
                raise InvalidParams(
                    f"{self.name}: give either dim or context_schema, not both"
                )
            named["dim"] = schema.dim
            del named["context_schema"]
        for name, value in named.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InvalidParams(f"{self.name}: {name} must be finite")
        try:
            return msgspec.convert(self._whole_numbers(named), self.hyper)
        except (msgspec.ValidationError, OverflowError) as error:
            raise InvalidParams(f"{self.name}: {error}") from error

    def schema(self, params: Mapping[str, object]) -> ContextSchema | None:
        """The context schema among the parameters, if any. Raises InvalidParams."""
        if not self.contextual or "context_schema" not in params:
            return None
        return ContextSchema.parse(params["context_schema"])

    def dim(self, hyper: Hyper) -> int:
        """Features the policy reads, 0 when it ignores the context."""
        return int(getattr(hyper, "dim", 0))

    def _whole_numbers(self, named: dict[str, object]) -> dict[str, object]:
        # protobuf has no integers in a Struct: 6 arrives as 6.0
        for info in self.params:
            value = named.get(info.name)
            if info.type == "integer" and isinstance(value, float):
                named[info.name] = int(value) if value.is_integer() else value
        return named

    def _without_aliases(self, params: Mapping[str, object]) -> dict[str, object]:
        named: dict[str, object] = {}
        for given, value in params.items():
            name = self.aliases.get(given, given)
            if name in named:
                raise InvalidParams(f"{self.name}: {name} is given twice")
            named[name] = value
        return named
