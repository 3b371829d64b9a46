"""What ``qbrix evaluate`` does."""
