"""Package qbrixlog."""
