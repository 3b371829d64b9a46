"""The policy that chooses between policies."""
