"""How a kernel is declared: typed, compiled on import, cached on disk.

Kernels are functions of arrays alone. Random numbers come in as arrays of draws,
because handing a numpy generator to compiled code costs 7 µs a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Final
from typing import TypeVar
from typing import cast

import numba
from numba import types

F = TypeVar("F", bound=Callable[..., Any])

REAL: Final = types.float64
SINGLE: Final = types.float32
INT: Final = types.int64
BOOL: Final = types.boolean
VOID: Final = types.void

_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}


def read(dtype: Any, ndim: int) -> Any:
    """An input array. Read-only, so that arrays decoded from bytes fit uncopied."""
    return types.Array(dtype, ndim, "C", readonly=True)


def write(dtype: Any, ndim: int) -> Any:
    """An array the kernel fills or edits in place. It belongs to the caller."""
    return types.Array(dtype, ndim, "C")


def kernel(signature: Any) -> Callable[[F], F]:
    """Compile now, for one signature, so that no request waits for a compiler.

    Where no cache directory can be written, it is compiled again by every process.
    """

    def compile_now(function: F) -> F:
        try:
            compiled: Any = numba.njit(signature, cache=True, **_OPTIONS)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            compiled = numba.njit(signature, **_OPTIONS)(function)
        return cast(F, compiled)

    return compile_now


def part(function: F) -> F:
    """A piece of the kernels of its own module, compiled into each of them.

    Never shared between modules: the disk cache notices a changed file, not a changed
    import.
    """
    compiled: Any = numba.njit(**_OPTIONS)(function)
    return cast(F, compiled)


def reordered(function: F) -> F:
    """A ``part`` whose sums may be reordered to use vector instructions.

    For choosing only: what is learned must not depend on the machine.
    """
    compiled: Any = numba.njit(fastmath={"reassoc", "contract"}, **_OPTIONS)(function)
    return cast(F, compiled)
