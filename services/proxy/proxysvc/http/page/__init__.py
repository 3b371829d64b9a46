"""The page that shows the API, served without anything from elsewhere."""

from __future__ import annotations
