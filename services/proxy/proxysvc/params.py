"""Policy parameters: checked when they are set, shown with what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qbrixcore.errors import InvalidParams
from qbrixcore.errors import UnknownPolicy
from qbrixcore.experiment import Experiment
from qbrixcore.param.codec import state_bytes
from qbrixcore.policy.registry import find_spec


def check_params(
    policy: str, params: Mapping[str, object], num_arms: int, max_state_bytes: int
) -> None:
    """Raises UnknownPolicy, and InvalidParams also for a state that is too large."""
    spec = find_spec(policy)
    size = state_bytes(spec, num_arms, spec.validate(params))
    if size > max_state_bytes:
        raise InvalidParams(
            f"{policy} with {num_arms} arms would keep a state of {size} bytes, "
            f"at most {max_state_bytes} are allowed"
        )


def check_same_shape(experiment: Experiment, params: Mapping[str, object]) -> None:
    """Raises InvalidParams unless what was learned fits the new parameters too."""
    spec = find_spec(experiment.policy)
    old, new = experiment.policy_params, params
    if spec.schema(old) != spec.schema(new):
        raise InvalidParams("the context_schema of an experiment cannot change")
    before, after = spec.validate(old), spec.validate(new)
    if spec.dim(before) != spec.dim(after):
        raise InvalidParams("the dim of an experiment cannot change")
    if spec.state.axes(before) != spec.state.axes(after):
        raise InvalidParams("these parameters need a state of another shape")


def shown_params(experiment: Experiment) -> dict[str, Any]:
    """The parameters as given, with the ``dim`` that a context schema implies."""
    shown: dict[str, Any] = dict(experiment.policy_params)
    with suppress(UnknownPolicy):
        schema = find_spec(experiment.policy).schema(experiment.policy_params)
        if schema is not None:
            shown["dim"] = schema.dim
    return shown
