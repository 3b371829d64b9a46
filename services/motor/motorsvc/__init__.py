"""Package motorsvc."""

from __future__ import annotations

from qbrixserving.polling import poll_in_place

# gRPC reads its settings when it is first imported
poll_in_place()
