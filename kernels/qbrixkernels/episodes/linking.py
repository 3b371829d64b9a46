"""How a step is compiled: like a kernel, with the kernels of other modules in it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from typing import Any
from typing import Final
from typing import TypeVar
from typing import cast

import numba
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE: Final = "qbrixkernels"


def linked(function: Callable[..., Any]) -> str:
    """A digest of the modules of this package that a function's module imports."""
    found = {
        value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
        for value in function.__globals__.values()
    }
    digest = hashlib.sha256()
    for name in sorted(found & sys.modules.keys()):
        if name.split(".")[0] == PACKAGE:
            digest.update(inspect.getsource(sys.modules[name]).encode())
    return digest.hexdigest()


class _LinkedCache(FunctionCache):
    """A disk cache that notices a change of the kernels called, too."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        key: Any = super()._index_key(sig, codegen)  # type: ignore[no-untyped-call]
        return (*key, linked(self._py_func))


def step(signature: Any) -> Callable[[F], F]:
    """Compile now a function that calls kernels of other modules, cached on disk.

    Where no cache directory can be written, it is compiled again by every process.
    """

    def compile_now(function: F) -> F:
        compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
        if compiled is not function:
            try:
                compiled._cache = _LinkedCache(function)  # type: ignore[no-untyped-call]
            except RuntimeError as error:
                if "cannot cache" not in str(error):
                    raise
            compiled.compile(signature.args)
            compiled.disable_compile()
        return cast(F, compiled)

    return compile_now
