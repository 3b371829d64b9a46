"""Bandit policies as pure functions, and the objects an experiment is made of."""
