"""Package qbrixkernels."""
