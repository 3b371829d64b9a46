"""Package qbrixproto."""
