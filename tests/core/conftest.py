"""Settings of the core tests."""

from __future__ import annotations

from hypothesis import settings

# the first example pays for imports and compilation
settings.register_profile("qbrix", deadline=None)
settings.load_profile("qbrix")
