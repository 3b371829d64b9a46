"""Context schemas: how named properties become a feature vector.

Slot 0 is the constant 1, then each feature in the order declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import Annotated
from typing import Any
from typing import TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from qbrixcore.context import Vector
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import InvalidParams

MAX_DIM = 1024

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Value: TypeAlias = str | int | float | bool


class Feature(
    msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True, dict=True
):
    """One declared property. It writes its own slots of the vector."""

    name: Name

    @property
    def width(self) -> int:
        """Slots of the vector it takes."""
        return 1

    def write(self, value: object, slots: list[float], start: int) -> None:
        """Fill ``width`` slots, zeros, from ``start``; None is a missing value.

        Raises InvalidContext.
        """
        raise NotImplementedError


class Categorical(Feature, frozen=True, tag="categorical"):
    """One slot a value, and a last one for every value that was not declared."""

    values: Annotated[tuple[Value, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if len(set(map(_identity, self.values))) != len(self.values):
            raise ValueError(f"the values of {self.name!r} repeat")

    @property
    def width(self) -> int:
        return len(self.values) + 1

    def write(self, value: object, slots: list[float], start: int) -> None:
        # what cannot be looked up was not declared either
        known = isinstance(value, str | int | float)
        place = self._places.get(_identity(value), -1) if known else -1
        slots[start + place % self.width] = 1.0

    @cached_property
    def _places(self) -> Mapping[tuple[bool, object], int]:
        return {_identity(value): place for place, value in enumerate(self.values)}


class Numeric(Feature, frozen=True, tag="numeric"):
    """Scaled from [min, max] to [0, 1] and clamped."""

    min: float
    max: float

    def __post_init__(self) -> None:
        if not 0 < self.max - self.min < float("inf"):
            raise ValueError(f"{self.name!r} needs finite bounds with min < max")

    def write(self, value: object, slots: list[float], start: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidContext(f"property {self.name!r} must be a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidContext(f"property {self.name!r} must be finite")
        inside = min(max(value, self.min), self.max)
        slots[start] = (inside - self.min) / (self.max - self.min)


class Boolean(Feature, frozen=True, tag="boolean"):
    """0 or 1."""

    def write(self, value: object, slots: list[float], start: int) -> None:
        if not isinstance(value, bool):
            raise InvalidContext(f"property {self.name!r} must be true or false")
        slots[start] = value


AnyFeature: TypeAlias = Categorical | Numeric | Boolean


class ContextSchema(msgspec.Struct, frozen=True, dict=True):
    """An ordered list of features.

    >>> schema = ContextSchema.parse([
    ...     {"type": "categorical", "name": "device", "values": ["phone", "desktop"]},
    ...     {"type": "numeric", "name": "age", "min": 0, "max": 100},
    ...     {"type": "boolean", "name": "member"},
    ... ])
    >>> schema.dim
    6
    >>> schema.encode({"device": "phone", "age": 25, "member": True}).tolist()
    [1.0, 1.0, 0.0, 0.0, 0.25, 1.0]
    """

    features: tuple[AnyFeature, ...]

    @classmethod
    def parse(cls, declared: object) -> ContextSchema:
        """From a list of feature objects. Raises InvalidParams."""
        try:
            features = msgspec.convert(
                declared, Annotated[tuple[AnyFeature, ...], Meta(min_length=1)]
            )
        except (msgspec.ValidationError, OverflowError) as error:
            raise InvalidParams(f"context_schema: {error}") from error
        names = [feature.name for feature in features]
        if len(set(names)) != len(names):
            raise InvalidParams("context_schema: a feature name repeats")
        schema = cls(features)
        if schema.dim > MAX_DIM:
            raise InvalidParams(
                f"context_schema: {schema.dim} features, at most {MAX_DIM} are allowed"
            )
        return schema

    @cached_property
    def dim(self) -> int:
        """Length of the encoded vector."""
        return 1 + sum(feature.width for feature in self.features)

    @cached_property
    def _layout(self) -> tuple[tuple[AnyFeature, int], ...]:
        """Each feature, and its first slot."""
        widths = accumulate((feature.width for feature in self.features), initial=1)
        return tuple(zip(self.features, widths, strict=False))

    def declared(self) -> list[dict[str, Any]]:
        """The feature objects again, as plain data."""
        plain: list[dict[str, Any]] = msgspec.to_builtins(list(self.features))
        return plain

    def encode(self, properties: Mapping[str, object]) -> Vector:
        """The (dim,) float32 vector of these properties.

        A missing or undeclared categorical value takes the last slot; undeclared
        properties are ignored. Raises InvalidContext for a numeric or boolean
        property that is missing or of another type.
        """
        slots = [0.0] * self.dim
        slots[0] = 1.0
        for feature, start in self._layout:
            value = properties.get(feature.name)
            if value is None and not isinstance(feature, Categorical):
                raise InvalidContext(f"property {feature.name!r} is missing")
            feature.write(value, slots, start)
        return np.array(slots, dtype=np.float32)


def _identity(value: object) -> tuple[bool, object]:
    # true and 1 are equal in python and differ in json
    return isinstance(value, bool), value
