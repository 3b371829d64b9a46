"""Feature gates: what is asked before the bandit."""
