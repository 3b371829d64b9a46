"""Package qbrixcore."""
