"""The same command as ``python -m qbrixcli``."""

from __future__ import annotations

import sys

from qbrixcli.main import main

sys.exit(main())
