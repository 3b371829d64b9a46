"""Package qbrixserving."""
