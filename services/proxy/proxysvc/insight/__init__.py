"""What happened in an experiment: counted, rolled up, and told."""

from __future__ import annotations
