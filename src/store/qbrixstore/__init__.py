"""Package qbrixstore."""
