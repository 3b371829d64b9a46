"""Package motorsvc."""
