"""Package qbrixcli."""
