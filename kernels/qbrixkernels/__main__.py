"""Compile every kernel family into the disk cache: ``python -m qbrixkernels``."""

from __future__ import annotations

import importlib
import time
from typing import Final

FAMILIES: Final = (
    "beta",
    "choice",
    "dirichlet",
    "dirichlet_mean",
    "divergence",
    "epsilon",
    "gaussian",
    "indices",
    "leader",
    "linear",
    "logistic",
    "logodds",
    "maximum",
    "mixture",
    "optimists",
    "ridge",
    "tabulated",
    "weights",
    "widening",
)


def main() -> None:
    """Import each family, which compiles what the cache lacks, and say how long."""
    for family in FAMILIES:
        started = time.perf_counter()
        importlib.import_module(f"qbrixkernels.{family}")
        print(f"{family}: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
