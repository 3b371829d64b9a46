"""Checks of what a policy says of itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from qbrixcore.checks.case import ARMS
from qbrixcore.checks.case import Case
from qbrixcore.checks.case import Policy
from qbrixcore.errors import InvalidParams
from qbrixcore.param.codec import state_bytes
from qbrixcore.param.hyper import ParamInfo

TYPES = ("integer", "number", "boolean", "string")
CATEGORIES = ("stochastic", "contextual", "adversarial", "baseline", "meta")
BEYOND = {"gt": 0.0, "gte": -1.0, "lt": 0.0, "lte": 1.0}


def check_cites_its_source(policy: Policy) -> None:
    """The docstring names the paper, or says that there is none to name."""
    text = policy.__doc__ or ""
    assert "References\n" in text, f"{policy.__name__} cites no source"
    spec = policy.spec
    assert spec.category in CATEGORIES, f"unknown category {spec.category!r}"
    assert spec.description.endswith("."), "the description is not a sentence"


def check_describes_its_params(policy: Policy) -> None:
    """Each parameter has a type, a description, and a default that it accepts."""
    spec = policy.spec
    defaults: dict[str, object] = dict(spec.example)
    for info in spec.params:
        assert info.type in TYPES, f"{info.name} is a {info.type}"
        assert info.description, f"{info.name} is not described"
        if info.required:
            assert info.name in spec.example, f"no example of {info.name}"
        else:
            defaults.setdefault(info.name, info.default)
    assert spec.validate(defaults) == spec.validate(spec.example)


def check_refuses_unusable_params(policy: Policy) -> None:
    """Unknown, out-of-range, non-finite and wrongly typed parameters are errors."""
    spec = policy.spec
    wrong: list[dict[str, object]] = [{"no_such_parameter": 1}]
    for info in spec.params:
        wrong += [{info.name: value} for value in _outside(info)]
        mistyped = 1 if info.type == "boolean" else True
        wrong += [{info.name: value} for value in (math.nan, math.inf, "1", mistyped)]
    for params in wrong:
        try:
            spec.validate({**spec.example, **params})
        except InvalidParams:
            continue
        raise AssertionError(f"{spec.name} accepted {params}")


def check_prior_is_blank(policy: Policy) -> None:
    """The prior has learned nothing, is finite, and is as large as it is said to be."""
    case = Case(policy)
    prior = case.prior
    assert not prior.pulls.any(), "the prior counts pulls"
    arrays = prior.arrays().values()
    assert all(np.isfinite(array).all() for array in arrays), "the prior is not finite"
    size = sum(array.nbytes for array in arrays)
    assert size == state_bytes(policy.spec, ARMS, case.hyper), f"{size} bytes"
    again = policy.spec.validate(msgspec.to_builtins(case.hyper))
    assert again == case.hyper, "the hyperparameters do not survive a round trip"


def _outside(info: ParamInfo) -> Iterator[float]:
    for constraint, bound in info.constraints.items():
        yield bound + BEYOND[constraint]
