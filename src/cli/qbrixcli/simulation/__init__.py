"""What ``qbrix simulate`` does."""
