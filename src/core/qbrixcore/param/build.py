"""Which build learns, on what processor: the same one comes to the same bits.

Whoever asks needs the compiler, so this is for those who learn.
"""

from __future__ import annotations

import functools
import zlib
from importlib import metadata
from pathlib import Path
from typing import Any
from typing import Final

import numpy as np

BUILDS_KEPT: Final = 16
_DISTRIBUTION: Final = "qbrix-core"
_LIBRARIES: Final = ("numba", "llvmlite", "numpy")


@functools.cache
def fingerprint() -> str:
    """This build: version and digest of the sources, libraries, the processor."""
    libraries = " ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    return f"{metadata.version(_DISTRIBUTION)}+{_sources()} {libraries} {_processor()}"


def joined(builds: tuple[str, ...]) -> tuple[str, ...]:
    """The builds that have learned, and this one; of many the last."""
    own = fingerprint()
    return builds if own in builds else (*builds, own)[-BUILDS_KEPT:]


def _sources() -> str:
    """Of what turns rewards into params."""
    import qbrixcore.policy
    import qbrixkernels

    digest = 0
    for package in (qbrixkernels, qbrixcore.policy):
        root = Path(package.__path__[0])
        for file in sorted(root.rglob("*.py")):
            digest = zlib.crc32(file.read_bytes(), digest)
    return f"{digest:08x}"


def _processor() -> str:
    """What is compiled for, and what libraries find: both decide on instructions."""
    from llvmlite import binding
    from numba.core import config

    wanted: Any = config
    name = wanted.CPU_NAME or binding.get_host_cpu_name()
    compiled = wanted.CPU_FEATURES
    if compiled is None:
        compiled = binding.get_host_cpu_features().flatten()
    found = sorted(key for key, there in _numpy_features().items() if there)
    digest = zlib.crc32(f"{compiled} {found}".encode())
    return f"{name}:{digest:08x}"


def _numpy_features() -> dict[str, bool]:
    features: dict[str, bool] = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    return features
