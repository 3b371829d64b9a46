"""Param states: what a policy has learned, as arrays of declared shapes.

Shapes: K arms, D features; any other letter is fixed by the hyperparameters and must
agree wherever a state uses it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated
from typing import Any
from typing import TypeAlias
from typing import TypeVar
from typing import cast
from typing import get_args
from typing import get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

S = TypeVar("S", bound="BaseParamState")


class Layout(msgspec.Struct, frozen=True):
    """How one array is stored: its dtype and an axis letter (or length) each."""

    dtype: str
    axes: tuple[str | int, ...]


Counts: TypeAlias = Annotated[NDArray[np.int64], Layout("<i8", ("K",))]
PerArm: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("K",))]
PerArmVector: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("K", "D"))]
PerArmMatrix: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("K", "D", "D"))]


class BaseParamState(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What has been learned. Stored in Redis, replaced whole, never edited.

    Every state counts ``pulls``, the rewards learned per arm. Raises ValueError when
    an array is not of its declared dtype and shape, C-contiguous and aligned.
    """

    num_arms: int
    dim: int = 0
    pulls: Counts

    def __post_init__(self) -> None:
        sizes: dict[str | int, int] = {"K": self.num_arms, "D": self.dim}
        for name, layout in layouts(type(self)).items():
            _check(name, getattr(self, name), layout, sizes)

    @classmethod
    def axes(cls, hyper: Any) -> dict[str, int]:
        """Lengths of the axes other than K, given the hyperparameters."""
        return {"D": getattr(hyper, "dim", 0)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, in the order declared."""
        return {name: getattr(self, name) for name in layouts(type(self))}


@functools.cache
def layouts(state: type[BaseParamState]) -> Mapping[str, Layout]:
    """The declared layout of each array of a state, in order."""
    found = {}
    for name, hint in get_type_hints(state, include_extras=True).items():
        for extra in get_args(hint)[1:]:
            if isinstance(extra, Layout):
                found[name] = extra
    return found


def extended(state: S, blank: BaseParamState) -> S:
    """``blank``, a state of the same kind with more arms, with what ``state`` learned.

    Raises ValueError when it has fewer.
    """
    if blank.num_arms < state.num_arms:
        raise ValueError(f"{blank.num_arms} arms cannot hold {state.num_arms}")
    arrays = {}
    for name, array in state.arrays().items():
        arrays[name] = getattr(blank, name).copy()
        arrays[name][tuple(map(slice, array.shape))] = array
    return cast(S, msgspec.structs.replace(blank, **arrays))


def array_bytes(state: type[BaseParamState], num_arms: int, hyper: Any) -> int:
    """Bytes of all arrays of a state, without building one."""
    sizes = {"K": num_arms} | state.axes(hyper)
    total = 0
    for layout in layouts(state).values():
        length = np.dtype(layout.dtype).itemsize
        for axis in layout.axes:
            length *= axis if isinstance(axis, int) else sizes[axis]
        total += length
    return total


def _check(
    name: str, array: object, layout: Layout, sizes: dict[str | int, int]
) -> None:
    if not isinstance(array, np.ndarray) or array.dtype.str != layout.dtype:
        raise ValueError(f"{name} must be an array of {layout.dtype}")
    if len(array.shape) == len(layout.axes):
        for axis, length in zip(layout.axes, array.shape, strict=True):
            sizes.setdefault(axis, axis if isinstance(axis, int) else length)
    wanted = tuple(sizes.get(axis, -1) for axis in layout.axes)
    if array.shape != wanted:
        raise ValueError(f"{name} is {array.shape}, expected {wanted}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be contiguous and aligned")
